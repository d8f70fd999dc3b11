//! `HealthProbe`: asks the other side whether it is well again.

use super::{Breaker, BreakerState};
use regatta_core::{Clock, ConfigError, Limiter, Sleep, Strategy, Time};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A future that checks the health of the other side while a shared [`Breaker`] is open, and makes it half-open as soon
/// as it is well; whoever waits is served then.
///
/// Nothing samples by itself: spawn it, or run it beside the work. On the limiter's clock it looks every so often. If
/// the breaker is open then, it calls `check` and waits for the answer; `true` admits probes at once, `false` changes
/// nothing. If the breaker has changed its state meanwhile, the answer is late news and changes nothing either. One that
/// is half-open, or was forced open, is left alone.
///
/// It ends when it looks and the limiter is closed.
///
/// # Cancel safety
///
/// Dropping it drops a check that is under way, and changes nothing.
///
/// # Cost
///
/// One allocation, and one timer. While the breaker is closed, one look per period.
///
/// # Examples
///
/// ```
/// use regatta_core::Limiter;
/// use regatta_strategies::{Breaker, Concurrency, HealthProbe};
/// use std::time::Duration;
///
/// async fn ping() -> bool {
///     true // ask the other side
/// }
///
/// let limiter = Limiter::new((Breaker::consecutive(5)?, Concurrency::new(10)?));
/// let health = HealthProbe::new(limiter.clone(), |(breaker, _)| breaker, Duration::from_secs(1), ping)?;
/// let watching = smol::spawn(health);
/// // The work goes here.
/// # drop(watching);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[must_use = "it checks nothing unless it is polled"]
pub struct HealthProbe<'a> {
    watch: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl<'a> HealthProbe<'a> {
    /// Looks at the breaker that `pick` finds in the strategy of `limiter`, once in `every`, and calls `check` if it is
    /// open. `pick` runs under the limiter's lock.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `every` is zero.
    pub fn new<S, P, F, Fut>(
        limiter: Limiter<S>,
        pick: P,
        every: Duration,
        check: F,
    ) -> Result<Self, ConfigError>
    where
        S: Strategy<Token: Send + 'static> + Send + 'static,
        P: Fn(&mut S) -> &mut Breaker + Send + 'a,
        F: FnOnce() -> Fut + Clone + Send + 'a,
        Fut: Future<Output = bool> + Send + 'a,
    {
        if every.is_zero() {
            return Err(ConfigError::new("every", format_args!("{every:?}"), "must be longer than zero"));
        }
        let clock = limiter.clock().clone();
        Ok(Self { watch: Box::pin(watch(limiter, clock, pick, every, check)) })
    }
}

async fn watch<S, P, F, Fut>(limiter: Limiter<S>, clock: Arc<dyn Clock>, pick: P, every: Duration, check: F)
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
    P: Fn(&mut S) -> &mut Breaker,
    F: FnOnce() -> Fut + Clone,
    Fut: Future<Output = bool>,
{
    loop {
        let next = clock.now() + every;
        pause(clock.sleep_until(next)).await;
        if limiter.is_closed() {
            return;
        }
        let now = clock.now();
        let Some(episode) = limiter.update(|strategy| open_episode(pick(strategy), now)) else { continue };
        if check.clone()().await {
            let now = clock.now();
            limiter.update(|strategy| {
                let breaker = pick(strategy);
                // Another episode is none of this check's business.
                if open_episode(breaker, now) == Some(episode) {
                    breaker.half_open(now);
                }
            });
        }
    }
}

/// Waits for `sleep`, and at least for the next poll: with a period shorter than a look takes, nobody else would ever
/// get a turn.
async fn pause(mut sleep: Sleep) {
    let (mut first, mut is_over) = (true, false);
    poll_fn(|cx| {
        is_over = is_over || Pin::new(&mut sleep).poll(cx).is_ready();
        if std::mem::take(&mut first) && is_over {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The number of the episode, if it is open.
fn open_episode(breaker: &Breaker, now: Time) -> Option<u64> {
    matches!(breaker.state(now), BreakerState::Open { .. }).then_some(breaker.generation)
}

impl Future for HealthProbe<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.watch.as_mut().poll(cx)
    }
}

impl fmt::Debug for HealthProbe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthProbe")
    }
}
