//! A program, run for real in the simulator.

use super::census::Census;
use super::outcome::{Outcome, TaskOutcome};
use super::program::{Attempt, End, Program, Stop, Tick, time};
use crate::runner::support::how;
use regatta::{Backoff, CancelToken, Clock, Runner, StopOn, Time};
use regatta_tests::{ManualClock, Sim};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn instant(ticks: Tick) -> Time {
    ManualClock::START + time(ticks)
}

fn ticks(span: Duration) -> Tick {
    let tick = u64::try_from(time(1).as_nanos()).expect("small");
    u64::try_from(span.as_nanos()).expect("small") / tick
}

/// One attempt of a task, the `number`-th.
async fn attempt(clock: Arc<dyn Clock>, does: Attempt, number: u32) -> Result<(), String> {
    if does.takes > 0 {
        let end = clock.now() + time(does.takes);
        for _ in 0..does.yields {
            regatta_sim::yield_now().await;
        }
        clock.sleep_until(end).await;
    }
    match does.end {
        End::Ok => Ok(()),
        End::Err => Err(format!("attempt {number}")),
        End::Panic => panic!("overboard"),
        End::Hang => std::future::pending().await,
    }
}

fn rule(stop: Stop) -> StopOn {
    match stop {
        Stop::Never => StopOn::Never,
        Stop::FirstError => StopOn::FirstError,
        Stop::Failures(count) => StopOn::failures(count).expect("it is not zero"),
        Stop::FirstOk => StopOn::FirstOk,
    }
}

/// The token of a run, and a task that cancels it in time.
fn token(sim: &Sim, program: &Program) -> CancelToken {
    let token = CancelToken::new();
    match program.cancel {
        None => {}
        Some((0, _)) => token.cancel(),
        Some((at, _)) => {
            let (sleep, token) = (sim.sleep(time(at)), token.clone());
            sim.spawn("canceller", async move {
                sleep.await;
                token.cancel();
            });
        }
    }
    token
}

/// Gives a driver what all drivers can be given.
macro_rules! configure {
    ($driver:expr, $sim:expr, $program:expr) => {{
        let mut driver =
            $driver.clock($sim.clock()).stop_on(rule($program.stop)).cancel_on(&token($sim, $program));
        if let Some(timeout) = $program.timeout {
            driver = driver.timeout(time(timeout));
        }
        if let Some(deadline) = $program.deadline {
            driver = driver.deadline(instant(deadline));
        }
        if let Some(timeout) = $program.task_timeout {
            driver = driver.task_timeout(time(timeout));
        }
        if let Some((_, grace)) = $program.cancel {
            driver = driver.grace(time(grace));
        }
        driver
    }};
}

pub(super) fn runner(sim: &Sim, program: &Program) -> Outcome {
    let mut runner = configure!(Runner::new().unlimited(), sim, program);
    if let Some(limit) = program.limit {
        runner = runner.limit(limit).expect("it is not zero");
    }
    if let Some(timeout) = program.attempt_timeout {
        runner = runner.attempt_timeout(time(timeout));
    }
    for (key, task) in program.tasks.iter().enumerate() {
        match task.retry {
            None => runner.add(key, attempt(sim.clock(), task.attempt(1), 1)),
            Some((pause, times)) => {
                let (clock, attempts) = (sim.clock(), Arc::new(AtomicU32::new(0)));
                runner.add_retry(key, Backoff::constant(time(pause)).times(times), move || {
                    let number = attempts.fetch_add(1, Ordering::SeqCst) + 1;
                    attempt(clock, task.attempt(number), number)
                })
            }
        }
        .expect("keys differ");
    }
    let census = Arc::new(Census::new(program.tasks.len(), program.limit.unwrap_or(usize::MAX)));
    let report =
        sim.run(runner.observer(census.clone()).run()).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    census.assert_over();
    let tick = |time: Time| ticks(time.since(ManualClock::START));
    let tasks = report.tasks().iter().map(|task| TaskOutcome {
        how: how(task.result()),
        attempts: task.attempts(),
        retried: task.retried().iter().map(|attempt| how::<(), _>(&Err(retell(attempt.error())))).collect(),
        started: task.started().map(tick),
        ended: task.ended().map(tick),
    });
    assert_eq!(report.counts().total(), program.tasks.len());
    Outcome {
        tasks: tasks.collect(),
        stopped: report.stopped().to_string(),
        elapsed: ticks(report.elapsed()),
    }
}

/// A failure that another attempt followed: an error or a timeout, for no other is retried.
fn retell(error: &regatta::TaskError<String>) -> regatta::TaskError<&str> {
    match error {
        regatta::TaskError::Failed(text) => regatta::TaskError::Failed(text),
        regatta::TaskError::TimedOut { after } => regatta::TaskError::TimedOut { after: *after },
        other => panic!("{other:?} is retried"),
    }
}

pub(super) fn map(sim: &Sim, program: &Program) -> Vec<String> {
    let limit = program.limit.unwrap_or(1000);
    let task = |task: &super::program::Task| attempt(sim.clock(), task.attempt(1), 1);
    let map = configure!(regatta::map(&program.tasks, limit, task).expect("it is not zero"), sim, program);
    let results = sim.run(map).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    results.iter().map(how).collect()
}

pub(super) fn for_each(sim: &Sim, program: &Program) -> (Vec<(usize, String)>, bool) {
    let limit = program.limit.unwrap_or(1000);
    let task = |task: &super::program::Task| attempt(sim.clock(), task.attempt(1), 1);
    let each = regatta::for_each(&program.tasks, limit, task, async |mut done| {
        let mut read = Vec::new();
        while let Some((index, result)) = done.next_indexed().await {
            read.push((index, how(&result)));
        }
        read.sort();
        (read, done.is_complete())
    });
    let each = configure!(each.expect("it is not zero"), sim, program);
    sim.run(each).unwrap_or_else(|deadlock| panic!("{deadlock}"))
}
