//! Model checks: every interleaving of two threads in the protocols where a driver meets its tasks' wakers and its
//! executor. The files that are checked are the engine's own, taken in by path; only their `sync` module is loom's.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the engine's files are used in part, and from another crate root"
)]

#[path = "../../../crates/engine/src/admission.rs"]
mod admission;
#[path = "../../../crates/engine/src/contain.rs"]
mod contain;
mod hand_over;
#[path = "../../../crates/engine/src/remote.rs"]
mod remote;
#[path = "../../../crates/engine/src/source.rs"]
mod source;
mod sync;
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
