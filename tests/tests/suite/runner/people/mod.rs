//! What people see of a run, and what they read of it later.

#[cfg(unix)]
mod bar;
mod json;
mod lines;
mod panics;
mod spans;
mod stage;
mod times;
