//! `Runner`, `map`, `map_ok` and `for_each`, seen through the facade.

mod semantics;
mod support;
