//! What a queue promises beyond those flows: a story or more for each promise.

mod cancels;
mod classes;
mod drops;
mod endings;
mod keys;
mod late_workers;
mod lazily;
mod observers;
mod panics;
mod pauses;
mod settings;
mod strategies;
mod tickets;
mod timeouts;
mod times;
mod urgency;
mod workers;
