//! A program as a `Runner`, in each way in which one can be run.

use super::face::{Value, outside};
use super::job::Job;
use super::lag::lagging;
use super::site::Site;
use super::{configure, tick, ticks, time};
use crate::runner::oracle::census::Census;
use crate::runner::oracle::outcome::{Completion, Outcome, TaskOutcome};
use crate::runner::oracle::program::{Kind, Made, Program};
use crate::runner::support::how;
use futures::stream::{FuturesUnordered, StreamExt};
use regatta::{Backoff, Executor, Report, Runner, TaskError};
use regatta_tests::Sim;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// Adds what there is before the run. For either mode, hence not a function.
macro_rules! fill {
    ($new:expr, $sim:expr, $site:expr, $census:expr) => {{
        let (sim, site): (&Sim, &Arc<Site>) = ($sim, $site);
        let mut runner = configure!($new.unlimited(), sim, site);
        if let Some(limit) = site.program.limit {
            runner = runner.limit(limit).expect("it is not zero");
        }
        if let Some(timeout) = site.program.attempt_timeout {
            runner = runner.attempt_timeout(time(timeout));
        }
        if site.program.observed {
            runner = runner.observer($census);
        }
        let hand = (site.program.kind != Kind::Ties).then(|| runner.handle());
        for plan in 0..site.program.first {
            let (here, hand) = (site.clone(), hand.clone());
            let attempts = Arc::new(AtomicU32::new(0));
            match site.program.plans[plan].made {
                Made::Future => runner.add(plan, Job::new(&here, hand, plan, 1)),
                Made::Once => runner.add_with(plan, move |ctx| Job::with_ctx(&here, hand, plan, &ctx)),
                Made::Retried { with_ctx: true, pause, times } => {
                    let retry = Backoff::constant(time(pause)).times(times);
                    runner.add_retry_with(plan, retry, move |ctx| Job::with_ctx(&here, hand, plan, &ctx))
                }
                Made::Retried { with_ctx: false, pause, times } => {
                    let retry = Backoff::constant(time(pause)).times(times);
                    runner.add_retry(plan, retry, move || {
                        let number = attempts.fetch_add(1, Ordering::SeqCst) + 1;
                        Job::born(&here, hand, plan, number)
                    })
                }
            }
            .expect("keys differ");
        }
        (runner, hand)
    }};
}

pub(in super::super) fn runner(sim: &Sim, program: &Program) -> Outcome {
    let site = Site::new(sim, program);
    let census = Arc::new(Census::new(&site));
    let report = run(sim, &site, &census);
    site.assert_clean();
    if program.observed {
        census.assert_over(report.len());
    }
    // What is done with a handle afterwards.
    let afterwards = sim.sleep(Duration::from_secs(60));
    sim.run(afterwards).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    outcome(&report, &site)
}

fn run(sim: &Sim, site: &Arc<Site>, census: &Arc<Census>) -> Report<usize, Value, String> {
    if site.program.kind == Kind::Local {
        let (runner, hand) = fill!(Runner::local(), sim, site, census.clone());
        let mut report = None;
        // Each is polled only when it is woken itself.
        let mut both = FuturesUnordered::<Pin<Box<dyn Future<Output = ()> + '_>>>::new();
        both.push(Box::pin(async {
            report = Some(runner.run().await);
            site.assert_clean();
        }));
        both.push(Box::pin(outside(site.clone(), hand.expect("this kind has one"))));
        sim.run(async { while both.next().await.is_some() {} })
            .unwrap_or_else(|deadlock| panic!("{deadlock}"));
        drop(both);
        return report.expect("it has ended");
    }
    let (runner, hand) = fill!(Runner::new(), sim, site, census.clone());
    if let Some(hand) = hand {
        sim.spawn("outside", outside(site.clone(), hand));
    }
    let executor = picky(lagging(sim.executor(), sim.clock(), site.program.lag), site.program.refused);
    let report = match site.program.kind {
        Kind::Spawned => sim.run(runner.spawn_on(executor)),
        Kind::Started => {
            // The driver is the first one that is spawned, and is not late.
            let (prompt, is_first) = (sim.executor(), AtomicBool::new(true));
            sim.run(runner.start(move |task| match is_first.swap(false, Ordering::SeqCst) {
                true => prompt.spawn(task),
                false => executor.spawn(task),
            }))
        }
        _ => sim.run(runner.run()),
    };
    report.unwrap_or_else(|deadlock| panic!("{deadlock}"))
}

/// Refuses every so-manieth task.
fn picky<E: Executor>(executor: E, refused: Option<usize>) -> impl Executor {
    let spawns = AtomicUsize::new(0);
    move |task| {
        let number = spawns.fetch_add(1, Ordering::SeqCst) + 1;
        if refused.is_some_and(|every| number.is_multiple_of(every)) {
            std::panic::resume_unwind(Box::new("no room"));
        }
        executor.spawn(task);
    }
}

fn outcome(report: &Report<usize, Value, String>, site: &Site) -> Outcome {
    assert_eq!(report.counts().total(), report.len());
    let tasks = report.tasks().iter().map(|task| TaskOutcome {
        key: *task.key(),
        how: how(task.result()),
        attempts: task.attempts(),
        retried: task.retried().iter().map(|attempt| how::<(), _>(&Err(retell(attempt.error())))).collect(),
        queued: tick(task.queued()),
        started: task.started().map(tick),
        ended: task.started().and(task.ended()).map(tick),
    });
    let mut completion = Completion::default();
    for task in report.by_completion() {
        completion.push(tick(task.ended().expect("it has ended")), *task.key(), false);
    }
    Outcome {
        tasks: tasks.collect(),
        completion,
        stopped: report.stopped().to_string(),
        elapsed: ticks(report.elapsed()),
        notes: site.notes(),
    }
}

/// A failure that another attempt followed: an error or a timeout, for no other is retried.
fn retell(error: &TaskError<String>) -> TaskError<&str> {
    match error {
        TaskError::Failed(text) => TaskError::Failed(text),
        TaskError::TimedOut { after } => TaskError::TimedOut { after: *after },
        other => panic!("{other:?} is retried"),
    }
}
