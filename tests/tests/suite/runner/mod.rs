//! `Runner`, `map`, `map_ok` and `for_each`, seen through the facade.

mod blocking;
mod contexts;
mod corners;
mod counts;
pub(crate) mod handles;
mod lazy;
mod local;
mod no_snooze;
mod oracle;
mod people;
mod regressions;
mod scopes;
mod semantics;
mod spawned;
mod strategies;
pub(crate) mod support;
mod sync_suite;
mod typing;
