//! Retries between a runner and its strategies: each attempt asks anew, and nothing is held in between.

use crate::runner::handles::later;
use crate::runner::support::{ends, millis, secs};
use regatta::strategies::{Concurrency, RetryBudget, RetryExt, Spacing, retry};
use regatta::{Backoff, CancelToken, Limiter, Retry, Runner, TaskError, Time};
use regatta_tests::{World, on_every_executor};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
enum Fault {
    /// Perhaps with the time after which it is worth another try.
    Busy(Option<Duration>),
    Forbidden,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Forbidden { "forbidden" } else { "busy" })
    }
}

/// A rule that writes down what it is told, and allows retries after ten seconds, until a time.
#[derive(Clone)]
struct Scribe {
    heard: Arc<Mutex<Vec<&'static str>>>,
    until: Time,
}

impl Scribe {
    fn new() -> Self {
        Self { heard: Arc::default(), until: Time::MAX }
    }

    fn heard(&self) -> Vec<&'static str> {
        self.heard.lock().unwrap().clone()
    }
}

impl Retry<Fault> for Scribe {
    fn begin(&mut self, _: Time) {
        self.heard.lock().unwrap().push("begin");
    }

    fn delay(&mut self, _: Time, attempts: u32, _: &TaskError<Fault>) -> Option<Duration> {
        self.heard.lock().unwrap().push("asked");
        (attempts < 3).then_some(secs(10))
    }

    fn forgo(&mut self) {
        self.heard.lock().unwrap().push("forgone");
    }

    fn deadline(&self) -> Time {
        self.until
    }
}

/// What a rule hears of a task that fails after a second each time, in a runner that `set` sets up.
async fn heard(world: &World, scribe: Scribe, set: impl FnOnce(Run) -> Run) -> (Vec<&'static str>, u32) {
    let inner = world.clone();
    let fails = move || {
        let world = inner.clone();
        async move {
            world.sleep(secs(1)).await;
            Err::<u8, _>(Fault::Busy(None))
        }
    };
    let mut runner = set(Runner::new().clock(world.clock()));
    runner.add_retry("a", scribe.clone(), fails).unwrap();
    let report = runner.run().await;
    (scribe.heard(), report.task("a").unwrap().attempts())
}

type Run = Runner<'static, &'static str, u8, Fault>;

on_every_executor! {
    async fn a_rule_hears_where_it_begins_and_of_retries_that_are_not_made(world: World) {
        let made = ["begin", "asked", "asked", "asked"];
        assert_eq!(heard(&world, Scribe::new(), |run| run).await, (made.to_vec(), 3));
        // The pause would end after the task's time, or after the run's.
        let refused = vec!["begin", "asked", "forgone"];
        assert_eq!(heard(&world, Scribe::new(), |run| run.task_timeout(secs(5))).await, (refused.clone(), 1));
        assert_eq!(heard(&world, Scribe::new(), |run| run.timeout(secs(5))).await, (refused.clone(), 1));
        // Cancelled while it waits.
        let token = CancelToken::new();
        let cancelling = token.clone();
        later(&world, secs(5), move || cancelling.cancel());
        assert_eq!(heard(&world, Scribe::new(), |run| run.cancel_on(&token)).await, (refused.clone(), 1));
        let cancelled = heard(&world, Scribe::new(), |mut run| {
            let handle = run.handle();
            later(&world, secs(5), move || assert!(handle.cancel("a")));
            run
        });
        assert_eq!(cancelled.await, (refused.clone(), 1));
        // The rule's own end lies before the end of the pause.
        let until = Scribe { until: world.now() + secs(11), ..Scribe::new() };
        assert_eq!(heard(&world, until, |run| run).await, (refused, 1));
    }

    // It was due at 3 s, but the only slot is taken until 20 s.
    async fn no_retry_starts_after_its_rules_deadline_for_want_of_a_slot(world: World) {
        let tries = Arc::new(Mutex::new(0));
        let (inner, count) = (world.clone(), tries.clone());
        let fails = move || {
            let world = inner.clone();
            *count.lock().unwrap() += 1;
            async move {
                world.sleep(secs(1)).await;
                Err::<u8, _>(Fault::Busy(None))
            }
        };
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add_retry("a", Backoff::constant(secs(2)).within(secs(10)), fails).unwrap();
        let busy = world.clone();
        runner
            .add("b", async move {
                busy.sleep(secs(19)).await;
                Ok(1)
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!((ends(&report), *tries.lock().unwrap()), (vec!["failed: busy".to_owned(), "ok 1".to_owned()], 1));
    }

    async fn a_task_that_waits_for_its_retry_holds_no_permit(world: World) {
        let begun = world.now();
        let log = Arc::new(Mutex::new(Vec::new()));
        let limiter = Limiter::with_clock((Concurrency::new(1).unwrap(), Spacing::new(secs(1)).unwrap()), world.clock());
        let attempt = |name: &'static str, fails: usize| {
            let (world, log) = (world.clone(), log.clone());
            move || async move {
                let at = world.now().since(begun).as_secs();
                log.lock().unwrap().push((name, at));
                world.sleep(millis(100)).await;
                let tries = log.lock().unwrap().iter().filter(|(who, _)| *who == name).count();
                if tries > fails { Ok(tries) } else { Err(Fault::Busy(None)) }
            }
        };
        let mut runner = Runner::new().clock(world.clock()).strategy(limiter.clone());
        runner.add_retry("a", Backoff::constant(secs(10)).times(2), attempt("a", 2)).unwrap();
        runner.add_retry("b", Backoff::constant(secs(10)), attempt("b", 0)).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 3", "ok 1"]);
        assert_eq!(*log.lock().unwrap(), [("a", 0), ("b", 1), ("a", 10), ("a", 20)]);
        assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
    }

    async fn which_errors_a_hint_and_a_deadline_count_in_a_runner_too(world: World) {
        let rule = || {
            Backoff::constant(secs(1))
                .times(5)
                .when(|fault: &Fault| *fault != Fault::Forbidden)
                .hint(|fault: &Fault| if let Fault::Busy(after) = fault { *after } else { None })
                .within(secs(10))
        };
        let fail = |fault: Fault| {
            let world = world.clone();
            move || async move {
                world.sleep(secs(1)).await;
                Err::<u8, _>(fault)
            }
        };
        let mut runner = Runner::new().clock(world.clock());
        runner.add_retry("forbidden", rule(), fail(Fault::Forbidden)).unwrap();
        runner.add_retry("busy", rule(), fail(Fault::Busy(None))).unwrap();
        runner.add_retry("hinted", rule(), fail(Fault::Busy(Some(secs(3))))).unwrap();
        runner.add_retry("too late", rule(), fail(Fault::Busy(Some(secs(9))))).unwrap();
        let report = runner.run().await;
        let attempts: Vec<_> = report.tasks().iter().map(|task| task.attempts()).collect();
        // Attempts take a second. With pauses of one they begin at 0, 2, 4, 6, 8; with three at 0, 4, 8; and nine
        // seconds after the first failure is the deadline.
        assert_eq!(attempts, [1, 5, 3, 1]);
    }

    async fn a_budget_bounds_the_retries_of_all_tasks(world: World) {
        let budget = RetryBudget::new(0.1).unwrap();
        let tries = Arc::new(Mutex::new(0));
        let mut runner = Runner::new().limit(100).unwrap().clock(world.clock());
        for task in 0..100 {
            let (world, tries) = (world.clone(), tries.clone());
            let fails = move || async move {
                *tries.lock().unwrap() += 1;
                world.sleep(secs(1)).await;
                Err::<u8, _>(Fault::Busy(None))
            };
            runner.add_retry(task, Backoff::constant(secs(1)).times(9).budget(&budget), fails).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(report.counts().failed, 100);
        let tries = *tries.lock().unwrap();
        // A tenth of the hundred tasks, and what the budget keeps in reserve.
        assert!((110..=100 + 10 + 10).contains(&tries), "{tries} attempts");
    }

    async fn one_call_is_tried_again_under_a_limit(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(1).unwrap(), world.clock());
        let tries = Mutex::new(0);
        let (inner, shared) = (&world, &limiter);
        let count = &tries;
        let result = retry(Backoff::constant(secs(5)), async || {
            let permit = shared.acquire().await.expect("open");
            *count.lock().unwrap() += 1;
            let nth = *count.lock().unwrap();
            inner.sleep(secs(1)).await;
            permit.complete(regatta::Outcome::Success);
            if nth < 3 { Err("busy") } else { Ok(nth) }
        })
        .clock(world.clock());
        assert_eq!(result.await.unwrap(), 3);
        assert_eq!(limiter.issued(), 0);
    }
}
