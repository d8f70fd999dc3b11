//! `spawn_on` and `start`: tasks, and drivers, on an executor.

mod executors;
mod outcomes;
mod parallel;
mod slots;
mod started;
