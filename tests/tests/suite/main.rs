//! The suite: every crate on every executor, and the oracles.

mod engine;
mod queue;
mod runner;
mod strategies;
mod world;
