//! The suite: every crate on every executor, and the oracles.

mod world;
