//! The project's rules, checked by `cargo test`.
//!
//! One file per rule. Each has a function that lists what breaks the rule, a test that runs it on the tree, and tests
//! that show on made-up input that it can fail.

mod architecture;
mod arrows;
mod async_items;
mod cancel_safety;
mod ci;
mod clocks;
mod files;
mod members;
mod msrv;
mod readme;
mod reasons;
mod runtimes;
mod ten_lines;
mod tree;
mod unsafe_code;
mod words;
