//! The suite: every crate on every executor, and the oracles.

mod runner;
mod world;
