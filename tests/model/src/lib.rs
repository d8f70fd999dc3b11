//! Model checks: every interleaving of two threads in the protocols where a driver meets its tasks' wakers and its
//! executor, in core's cancel token, and in its limiter. The files that are checked are those that ship, taken in by path, or by the
//! build script; only their `sync` module is loom's.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::needless_pass_by_ref_mut,
    reason = "the engine's files are used in part, and from another crate root"
)]

// The limiter's files name core's types as core does.
use regatta_core::*;

#[path = "../../../crates/engine/src/admission.rs"]
mod admission;
mod cancel {
    include!(concat!(env!("OUT_DIR"), "/cancel.rs"));
}
#[path = "../../../crates/engine/src/contain.rs"]
mod contain;
mod hand_over;
mod limiter;
#[path = "../../../crates/engine/src/remote.rs"]
mod remote;
#[path = "../../../crates/engine/src/source.rs"]
mod source;
mod sync;
mod tokens;
mod wake;
#[path = "../../../crates/engine/src/wakes.rs"]
mod wakes;

/// Runs `test` in every interleaving with at most two preemptions, which is where such protocols break; all of them
/// would take hours. `LOOM_MAX_PREEMPTIONS` changes the number.
fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}
