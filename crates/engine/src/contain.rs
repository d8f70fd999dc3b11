//! Running other people's code without letting its panics out.

use regatta_core::Panic;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f` and catches its panic.
///
/// `AssertUnwindSafe` is sound to claim here because what `f` touched is either dropped right after a panic (a task)
/// or never used again (a source that panicked is not asked a second time).
#[inline]
pub fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new)
}

/// Runs `f`; if it panics, the answer is `otherwise`, and nobody hears of the panic but the hook.
pub fn contain_or<R>(otherwise: R, f: impl FnOnce() -> R) -> R {
    contain(f).unwrap_or_else(|panic| {
        contain_drop(|| drop(panic));
        otherwise
    })
}

/// Runs a drop whose panic nobody can do anything about.
pub fn contain_drop(f: impl FnOnce()) {
    if let Err(panic) = contain(f) {
        // The payload may panic in its own drop, and so on: its memory is the smaller loss.
        if let Err(again) = contain(|| drop(panic)) {
            std::mem::forget(again);
        }
    }
}
