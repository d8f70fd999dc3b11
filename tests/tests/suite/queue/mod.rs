//! Queues: jobs in, workers, results out.

mod aqute_faults;
mod aqute_flows;
mod cancel_safety;
mod corners;
mod oracle;
mod promises;
mod support;
mod task_manager;
mod typing;
