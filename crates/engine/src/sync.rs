//! What the wake and hand-over protocols stand on. In one place, so that the model checker in `tests/model` can put its
//! own in instead.

pub(crate) use futures_util::task::AtomicWaker;
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
