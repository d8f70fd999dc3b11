//! What a run does, on every executor.

mod borrowed;
mod cancels;
mod config;
mod drops;
mod keys;
mod limits;
mod mm_concurrency;
mod observers;
mod order;
mod panics;
mod retries;
mod stops;
mod table;
mod ties;
mod times;
