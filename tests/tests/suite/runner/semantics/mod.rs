//! What a run does, on every executor.

mod cancels;
mod config;
mod keys;
mod limits;
mod order;
mod stops;
mod ties;
mod times;
