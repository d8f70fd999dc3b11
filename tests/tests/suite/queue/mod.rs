//! Queues: jobs in, workers, results out.

mod cancel_safety;
