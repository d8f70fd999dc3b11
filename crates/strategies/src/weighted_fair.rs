//! `WeightedFair`: classes share what is started, by weight.

use regatta_core::{Class, ConfigError, Discipline, Request, Time};
use std::cmp::Ordering;
use std::collections::HashMap;

/// What one unit of cost is worth in virtual time, at weight 1. The weight divides it, and 2³² still divides it well.
const UNIT: u128 = 1 << 64;

/// Shares between classes (tenants, hosts) by weight: among classes that have work waiting, twice the weight gets twice
/// the cost started. Work without a class is a class of its own. Within one class, first come, first served.
///
/// The guarantee: over any stretch in which two classes have work waiting all the time, the cost that each of them
/// started, divided by its weight, differs by no more than one item of each (its cost divided by its weight). A class
/// that was idle gets no credit for that, and one that was alone is not punished for it. A cost of 0 counts as 1, or a
/// flood of free work would keep all others waiting.
///
/// Work that leaves without being started is not charged if it was the latest of its class; if later work of its class
/// was enqueued after it, the class has paid for it. Priorities don't count, so raising work changes nothing.
///
/// # Defaults
///
/// - weight: 1, for every class
///
/// # Cost
///
/// Amortised O(1) per key; a key is 64 bytes. About 50 bytes are kept per class with a weight of its own, and per class
/// with work waiting or just started; idle ones are forgotten.
///
/// This is self-clocked fair queueing (S. J. Golestani, INFOCOM 1994): virtual time is the finish tag of the work that
/// was started last.
///
/// # Examples
///
/// ```
/// use regatta_core::{Class, Discipline, Request, Time};
/// use regatta_strategies::WeightedFair;
///
/// let [paying, free] = ["paying", "free"].map(|tenant| Class::of(tenant));
/// let mut order = WeightedFair::new().weight(paying, 3)?;
/// let mut waiting: Vec<_> = (0..80)
///     .map(|seq| if seq < 40 { (seq, free) } else { (seq, paying) })
///     .map(|(seq, class)| (order.enqueued(Time::ZERO, seq, &Request::new().class(class)), class))
///     .collect();
/// waiting.sort();
/// assert_eq!(waiting[..20].iter().filter(|(_, class)| *class == paying).count(), 15);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WeightedFair {
    weights: HashMap<Option<Class>, u32>,
    /// The finish tag of the latest work of each class, if it lies ahead of virtual time.
    tags: HashMap<Option<Class>, u128>,
    now: u128,
    /// With so many tags it is time to forget those that virtual time has passed.
    crowded: usize,
}

/// The place of work in the order of [`WeightedFair`].
#[derive(Clone, Copy, Debug)]
pub struct FairKey {
    start: u128,
    finish: u128,
    seq: u64,
    class: Option<Class>,
}

impl WeightedFair {
    /// Every class counts the same.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `class`, or what has no class, that weight. It counts for what is enqueued from then on.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `weight` is zero.
    pub fn weight(mut self, class: impl Into<Option<Class>>, weight: u32) -> Result<Self, ConfigError> {
        self.set_weight(class, weight)?;
        Ok(self)
    }

    /// Changes the weight of `class`, or of what has no class, for what is enqueued from now on.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `weight` is zero; the old weight stays.
    pub fn set_weight(&mut self, class: impl Into<Option<Class>>, weight: u32) -> Result<(), ConfigError> {
        let class = class.into();
        match weight {
            0 => return Err(ConfigError::new("weight", weight, "must be at least 1")),
            1 => self.weights.remove(&class),
            _ => self.weights.insert(class, weight),
        };
        Ok(())
    }

    /// The weight of `class`.
    pub fn weight_of(&self, class: impl Into<Option<Class>>) -> u32 {
        self.weights.get(&class.into()).copied().unwrap_or(1)
    }

    /// Costs as much as the tags that came since the last time, so amortised it is O(1).
    fn forget(&mut self) {
        if self.tags.len() > self.crowded {
            let now = self.now;
            self.tags.retain(|_, tag| *tag > now);
            self.crowded = self.tags.len() * 2 + 16;
            self.tags.shrink_to(self.crowded);
        }
    }
}

impl Discipline for WeightedFair {
    type Key = FairKey;

    fn enqueued(&mut self, _: Time, seq: u64, request: &Request) -> FairKey {
        let class = request.class;
        let charge = u128::from(request.cost.max(1)) * UNIT / u128::from(self.weight_of(class));
        self.forget();
        let tag = self.tags.entry(class).or_default();
        // No credit for idle times: nobody begins before the present.
        let start = self.now.max(*tag);
        *tag = start.saturating_add(charge);
        FairKey { start, finish: *tag, seq, class }
    }

    fn started(&mut self, key: &FairKey) {
        self.now = self.now.max(key.finish);
    }

    fn left(&mut self, key: &FairKey) {
        if let Some(tag) = self.tags.get_mut(&key.class)
            && *tag == key.finish
        {
            *tag = key.start;
        }
    }

    fn raised(&mut self, key: &FairKey, _: Time, _: u64, _: &Request) -> FairKey {
        *key
    }
}

impl Ord for FairKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.finish, self.seq).cmp(&(other.finish, other.seq))
    }
}

impl PartialOrd for FairKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FairKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for FairKey {}

#[cfg(test)]
mod tests;
