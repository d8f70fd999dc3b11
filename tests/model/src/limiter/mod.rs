//! The limiter's files, and what must hold of them when two threads meet in its lock.

#[path = "../../../../crates/core/src/limiter/acquire.rs"]
mod acquire;
mod ends;
#[path = "../../../../crates/core/src/limiter/errands.rs"]
mod errands;
#[path = "../../../../crates/core/src/limiter/mailbox.rs"]
mod mailbox;
mod meetings;
#[path = "../../../../crates/core/src/limiter/permit.rs"]
mod permit;
#[path = "../../../../crates/core/src/limiter/shared.rs"]
mod shared;
#[path = "../../../../crates/core/src/limiter/state.rs"]
mod state;

use permit::Permit;
