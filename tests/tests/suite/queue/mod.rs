//! Queues: jobs in, workers, results out.

mod cancel_safety;
mod corners;
mod oracle;
mod typing;
