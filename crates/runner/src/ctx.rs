//! `Ctx`: what a task made from a factory knows of its run.

use regatta_core::{CancelToken, Cancelled};

/// Given to tasks that are made from a factory: which attempt this is, and whether it should stop.
///
/// A task that is cancelled, alone or with its whole run, is first told here, and dropped only after the run's grace;
/// until then it may clean up, also asynchronously, and what it returns by then counts. Without a grace, and where a task
/// must end because its time is up or by a stop rule, it is told as it is dropped, which serves what it has started
/// elsewhere.
///
/// ```
/// use regatta_core::CancelToken;
/// use regatta_runner::Runner;
/// use std::time::Duration;
///
/// # smol::block_on(async {
/// let stop = CancelToken::new();
/// let mut runner = Runner::new().cancel_on(&stop).grace(Duration::from_secs(5));
/// runner.add_with("upload", async |ctx| {
///     ctx.cancelled().await;
///     // Here the connection would be closed in good order.
///     Err("stopped half-way")
/// })?;
/// runner.add("user", async {
///     stop.cancel();
///     Ok(())
/// })?;
/// let report = runner.run().await;
/// assert_eq!(report.get("upload").unwrap().as_ref().unwrap_err().failure(), Some(&"stopped half-way"));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Ctx {
    attempt: u32,
    token: CancelToken,
}

impl Ctx {
    pub(crate) fn new(attempt: u32, token: CancelToken) -> Self {
        Self { attempt, token }
    }

    /// Which attempt this is; 1 is the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Waits until this task should stop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn cancelled(&self) -> Cancelled {
        self.token.cancelled()
    }

    /// Whether this task should stop. One atomic load; for loops that don't wait, also on threads.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// The token itself, to be handed to others. Cancelling it tells this task to stop and nobody else; the run
    /// doesn't hear of it.
    pub fn token(&self) -> &CancelToken {
        &self.token
    }
}
