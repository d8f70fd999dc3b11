//! Changing who is there, and with which weight.

use super::turns::Turn;
use super::{Endpoint, Router};
use regatta_core::{ConfigError, Strategy};
use std::fmt;
use std::sync::Arc;

impl<T, S> Router<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    /// With this endpoint, too. `weight` is its share compared with the others'; 0 drains it from the beginning.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is an endpoint that equals `value`: requests could not be told apart.
    pub fn endpoint(mut self, value: T, weight: u32, strategy: S) -> Result<Self, ConfigError> {
        let changed = self.changed;
        self.add(value, weight, strategy)?;
        // This is how it was made.
        self.changed = changed;
        Ok(self)
    }

    /// Takes one more endpoint in. It is neither ahead nor behind, and gets its share from now on.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is an endpoint that equals `value`; nothing changes then.
    pub fn add(&mut self, value: T, weight: u32, mut strategy: S) -> Result<(), ConfigError> {
        if self.index(&value).is_some() {
            return Err(ConfigError::new("endpoint", format_args!("{value:?}"), "must not be there twice"));
        }
        strategy.attach(self.kick.clone());
        self.endpoints.push(Endpoint {
            number: self.next,
            value: Arc::new(value),
            turn: Turn::new(weight),
            strategy,
            started: 0,
            in_flight: 0,
        });
        self.next += 1;
        self.has_changed();
        Ok(())
    }

    /// Takes `endpoint` out and hands back its strategy; `None` if it is not there.
    ///
    /// What runs there goes on, but nobody is told how it ends. To wait for that, give it weight 0 first, and remove it
    /// when [`shares`](Router::shares) shows nothing in flight.
    pub fn remove(&mut self, endpoint: &T) -> Option<S> {
        let index = self.index(endpoint)?;
        let mut removed = self.endpoints.remove(index);
        if self.parked {
            removed.strategy.unpark();
        }
        self.has_changed();
        Some(removed.strategy)
    }

    /// Changes the weight of `endpoint`. 0 drains it: nothing new goes there, what runs ends.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `endpoint` is not there.
    pub fn set_weight(&mut self, endpoint: &T, weight: u32) -> Result<(), ConfigError> {
        let index = self.known(endpoint)?;
        let turn = &mut self.endpoints[index].turn;
        if turn.weight != weight {
            turn.weight = weight;
            self.has_changed();
        }
        Ok(())
    }

    /// The weight of `endpoint`, if it is there; 0 while it is drained.
    pub fn weight(&self, endpoint: &T) -> Option<u32> {
        Some(self.endpoints[self.index(endpoint)?].turn.weight)
    }

    /// The strategy of `endpoint`, if it is there.
    pub fn strategy(&self, endpoint: &T) -> Option<&S> {
        Some(&self.endpoints[self.index(endpoint)?].strategy)
    }

    /// The strategy of `endpoint`, if it is there, to be changed: say, to trip its breaker.
    pub fn strategy_mut(&mut self, endpoint: &T) -> Option<&mut S> {
        let index = self.index(endpoint)?;
        self.changed = true;
        Some(&mut self.endpoints[index].strategy)
    }

    fn index(&self, value: &T) -> Option<usize> {
        self.endpoints.iter().position(|endpoint| *endpoint.value == *value)
    }

    fn known(&self, value: &T) -> Result<usize, ConfigError> {
        let unknown =
            || ConfigError::new("endpoint", format_args!("{value:?}"), "must be one of the router's");
        self.index(value).ok_or_else(unknown)
    }

    fn has_changed(&mut self) {
        if self.picks == 0 {
            self.begin();
        } else {
            self.rescale();
            // A turn that was taken under the old weights can't be undone under the new ones.
            self.picks += 1;
        }
        self.changed = true;
        self.kick.kick();
    }
}
