//! `Runner`, `map`, `map_ok` and `for_each`, seen through the facade.

mod counts;
mod lazy;
mod no_snooze;
mod oracle;
mod people;
mod regressions;
mod semantics;
mod support;
mod typing;
