//! The limiter's tests: what tasks see, what engines see, when the strategy changes from outside, random programs.

mod changes;
mod engines;
mod mailbox;
mod nested;
mod random;
mod tasks;
mod threads;
mod waits;
mod world;
