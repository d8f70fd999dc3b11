//! The queue as its users meet it: what it promises, flow by flow.

mod aqute_faults;
mod aqute_flows;
mod cancel_safety;
mod promises;
mod support;
mod task_manager;
