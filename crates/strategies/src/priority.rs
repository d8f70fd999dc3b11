//! `Priority`: the most urgent first, and what waits long enough becomes urgent.

use regatta_core::{ConfigError, Discipline, Request, Time};
use std::time::Duration;

/// Orders by [`Request::priority`]: higher goes first, and equals go first come, first served.
///
/// With [`strict`](Priority::strict) nothing else counts, and a flow of urgent work that never ends keeps the rest
/// waiting for ever. With ageing, each level has an *allowance*, the longer the less urgent it is, and the order is that
/// of `time of enqueueing + allowance`: as with deadlines, what has waited long enough goes before what is more urgent
/// and came later. The bound: work is only passed by work that came less than the difference of their allowances later;
/// for levels `low < high` and [`ageing(step)`](Priority::ageing), that is `(high - low) * step`.
///
/// Keys never change while work waits, so no time has to be looked at when the next is chosen.
///
/// # Cost
///
/// O(1) per key, or O(log levels) with a table; a key is 32 bytes.
///
/// The order is that of earliest deadline first (Liu and Layland, 1973), with allowances for deadlines.
///
/// # Examples
///
/// ```
/// use regatta_core::{Discipline, Request, Time};
/// use regatta_strategies::Priority;
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// let mut order = Priority::ageing(second)?;
/// let usual = order.enqueued(Time::ZERO, 0, &Request::new());
/// let urgent = Request::new().priority(5);
/// assert!(order.enqueued(Time::ZERO + 4 * second, 1, &urgent) < usual);
/// assert!(order.enqueued(Time::ZERO + 5 * second, 2, &urgent) > usual);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Priority {
    allowances: Allowances,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Allowances {
    Strict,
    /// So many nanoseconds less per level.
    Step(i128),
    /// Sorted by level; each holds up to the next one.
    Table(Vec<(i32, Duration)>),
}

/// The place of work in the order of [`Priority`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PriorityKey {
    /// Nanoseconds, also before the origin; the bare level, negated, if the order is strict.
    due: i128,
    seq: u64,
}

impl Priority {
    /// The most urgent first, however long the others wait.
    #[must_use]
    pub fn strict() -> Self {
        Self { allowances: Allowances::Strict }
    }

    /// A level more of priority is worth `step` of waiting. The shorter the step, the closer to first come, first
    /// served.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `step` is zero.
    pub fn ageing(step: Duration) -> Result<Self, ConfigError> {
        if step.is_zero() {
            return Err(ConfigError::new("step", format_args!("{step:?}"), "must be longer than zero"));
        }
        Ok(Self { allowances: Allowances::Step(nanos(step)) })
    }

    /// How long each level may wait before work that comes later and is due at once may no longer pass it.
    ///
    /// A priority between two levels counts as the lower one, and one below all levels as the lowest.
    ///
    /// ```
    /// use regatta_strategies::Priority;
    /// use std::time::Duration;
    ///
    /// let (urgent, usual, background) = (10, 0, -10);
    /// let order = Priority::levels(&[
    ///     (urgent, Duration::ZERO),
    ///     (usual, Duration::from_secs(1)),
    ///     (background, Duration::from_secs(60)),
    /// ])?;
    /// # Ok::<(), regatta_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there are no levels, if one is named twice, or if a higher one has the longer allowance.
    pub fn levels(levels: &[(i32, Duration)]) -> Result<Self, ConfigError> {
        let mut table = levels.to_vec();
        table.sort_by_key(|(level, _)| *level);
        if table.is_empty() {
            return Err(ConfigError::new("levels", "[]", "must name at least one level"));
        }
        for pair in table.windows(2) {
            let [(lower, long), (higher, short)] = pair else { continue };
            if lower == higher {
                return Err(ConfigError::new("levels", higher, "must name each level once"));
            }
            if long < short {
                return Err(ConfigError::new(
                    "levels",
                    higher,
                    "must not allow a higher level to wait longer",
                ));
            }
        }
        Ok(Self { allowances: Allowances::Table(table) })
    }
}

impl Discipline for Priority {
    type Key = PriorityKey;

    fn enqueued(&mut self, now: Time, seq: u64, request: &Request) -> PriorityKey {
        let (time, level) = (i128::from(now.as_nanos()), i128::from(request.priority));
        let due = match &self.allowances {
            Allowances::Strict => -level,
            Allowances::Step(step) => time.saturating_sub(level.saturating_mul(*step)),
            Allowances::Table(table) => {
                let above = table.partition_point(|(level, _)| *level <= request.priority);
                let (_, allowance) = table[above.saturating_sub(1)];
                time.saturating_add(nanos(allowance))
            }
        };
        PriorityKey { due, seq }
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests;
