//! What the limiter's protocol stands on. In one place, so that the model checker in `tests/model` can put its own in
//! instead.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};
