//! tokio's timer behind a runner, so that `tokio::time::pause` stops the runner's time too.
//!
//! Notice that the tasks sleep by tokio's clock, that the timeout is the runner's, and that both agree: under
//! `start_paused` tokio jumps to whichever comes next, so a timeout of an hour takes no time at all. With the default
//! `SystemClock` only the sleeps would jump: "61 minutes" would be in time, and "for ever" would take a real hour.

use regatta::{Backoff, Clock, Runner, Sleep, TaskError, Time};
use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{Instant as TokioInstant, sleep, sleep_until};

struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Time {
        Time::of(TokioInstant::now().into_std())
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        // Made while the run is polled, so inside the runtime, as tokio demands.
        time.to_instant().map_or_else(Sleep::never, |instant| Sleep::new(sleep_until(instant.into())))
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
/// tokio's timers end on whole milliseconds.
const TICK: Duration = Duration::from_millis(2);

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let world = Instant::now();
    let mut runner = Runner::new().clock(Arc::new(TokioClock)).task_timeout(HOUR);
    runner.add_ok("59 minutes", sleep(59 * MINUTE))?;
    runner.add_ok("61 minutes", sleep(61 * MINUTE))?;
    runner.add("for ever", pending())?;
    runner.add_retry("every 20 minutes", Backoff::constant(20 * MINUTE).times(2), async || Err("not yet"))?;
    let report = runner.run().await;
    println!("{report}");

    let state = |key| report.task(key).map(|task| (task.state(), task.attempts()));
    assert_eq!(state("59 minutes"), Some(("ok", 1)));
    assert_eq!(state("61 minutes"), Some(("timed out", 1)));
    assert!(matches!(report.get("for ever"), Some(Err(TaskError::TimedOut { after: HOUR }))));
    assert_eq!(state("every 20 minutes"), Some(("failed", 3)));
    let about = |elapsed: Duration, expected| (expected..expected + TICK).contains(&elapsed);
    assert!(about(report.elapsed(), HOUR), "by tokio's clock: {:?}", report.elapsed());
    assert!(world.elapsed() < MINUTE, "in the world: {:?}", world.elapsed());
    println!("an hour of the run passed in less than a minute of the world");
    Ok(())
}
