//! Strategies between a runner and its starts, and what they are asked for each task.

use crate::runner::handles::{later, owned, starts};
use crate::runner::support::{Fault, Gauge, ends, how, secs};
use regatta::strategies::{Concurrency, Measure, Spacing};
use regatta::{
    Backoff, Class, Kick, Limiter, Outcome, Readiness, Rejection, Request, Runner, StopOn, Strategy, Time,
};
use regatta_tests::{World, on_every_executor};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A strategy that writes down what it hears. Rejects what costs more than nine, and holds back while it is shut.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    requests: Vec<Request>,
    outcomes: Vec<Outcome>,
    in_flight: usize,
    shut: bool,
    kick: Option<Kick>,
}

impl Recorder {
    fn outcomes(&self) -> Vec<Outcome> {
        self.0.lock().unwrap().outcomes.clone()
    }

    fn in_flight(&self) -> usize {
        self.0.lock().unwrap().in_flight
    }

    fn shut(&self) {
        self.0.lock().unwrap().shut = true;
    }

    fn open(&self) {
        let kick = {
            let mut heard = self.0.lock().unwrap();
            heard.shut = false;
            heard.kick.clone()
        };
        kick.unwrap().kick();
    }
}

impl Strategy for Recorder {
    type Token = ();

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        if request.cost > 9 {
            return Rejection::TooCostly { cost: request.cost, max: 9 }.into();
        }
        if self.0.lock().unwrap().shut { Readiness::OnChange } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            refusal => return Err(refusal),
        }
        let mut heard = self.0.lock().unwrap();
        heard.requests.push(*request);
        heard.in_flight += 1;
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        let mut heard = self.0.lock().unwrap();
        heard.outcomes.push(outcome);
        heard.in_flight -= 1;
    }

    fn attach(&mut self, kick: Kick) {
        self.0.lock().unwrap().kick = Some(kick);
    }
}

/// At most one task of each class at once.
#[derive(Default)]
struct OnePerClass(HashMap<Option<Class>, usize>);

impl Strategy for OnePerClass {
    type Token = Option<Class>;

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        if self.0.get(&request.class).is_some_and(|&count| count > 0) {
            return Readiness::OnChange;
        }
        Readiness::Ready
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => *self.0.entry(request.class).or_default() += 1,
            refusal => return Err(refusal),
        }
        Ok(request.class)
    }

    fn finish(&mut self, class: Self::Token, _: Time, _: Outcome) {
        *self.0.get_mut(&class).unwrap() -= 1;
    }
}

/// So many tasks of ten seconds, all at once but for the strategy.
fn tens<'a>(world: &World, count: usize) -> Runner<'a, usize, u8, Fault> {
    let mut runner = Runner::new().unlimited().clock(world.clock());
    for key in 0..count {
        runner.add(key, owned(world, secs(10), Ok(1))).unwrap();
    }
    runner
}

on_every_executor! {
    async fn a_concurrency_below_the_limit_counts(world: World) {
        let begun = world.now();
        let report = tens(&world, 5).limit(4).unwrap().strategy(Concurrency::new(2).unwrap()).run().await;
        assert_eq!(starts(&report, begun), [0, 0, 10, 10, 20].map(Some));
        let begun = world.now();
        let report = tens(&world, 5).limit(1).unwrap().strategy(Concurrency::new(2).unwrap()).run().await;
        assert_eq!(starts(&report, begun), [0, 10, 20, 30, 40].map(Some));
    }

    async fn spaced_tasks_start_at_exact_times(world: World) {
        let begun = world.now();
        let report = tens(&world, 4).strategy(Spacing::new(secs(3)).unwrap()).run().await;
        let exact: Vec<_> = report.tasks().iter().map(|task| task.started().unwrap().since(begun)).collect();
        assert_eq!(exact, [secs(0), secs(3), secs(6), secs(9)]);
        assert_eq!(report.elapsed(), secs(19));
    }

    async fn spaced_tasks_on_an_executor_start_at_exact_times(world: World) {
        let begun = world.now();
        let polite = Spacing::new(secs(3)).unwrap().from(Measure::Finish);
        let report = tens(&world, 3).strategy(polite).spawn_on(world.executor()).await;
        assert_eq!(starts(&report, begun), [0, 13, 26].map(Some));
    }

    async fn all_members_of_a_tuple_must_agree(world: World) {
        let begun = world.now();
        let both = (Spacing::new(secs(2)).unwrap(), Concurrency::new(3).unwrap());
        let report = tens(&world, 7).strategy(both).run().await;
        assert_eq!(starts(&report, begun), [0, 2, 4, 10, 12, 14, 20].map(Some));
    }

    async fn a_later_strategy_replaces_an_earlier_one(world: World) {
        let begun = world.now();
        let runner = tens(&world, 3).strategy(Concurrency::new(1).unwrap());
        let report = runner.strategy(Spacing::new(secs(1)).unwrap()).run().await;
        assert_eq!(starts(&report, begun), [0, 1, 2].map(Some));
    }

    async fn a_task_that_is_rejected_ends_so_and_the_others_run(world: World) {
        let recorder = Recorder::default();
        let begun = world.now();
        let runner = tens(&world, 4).strategy(recorder.clone()).limit(1).unwrap();
        let report = runner.request(|key| Request::new().cost(5 * *key as u32)).run().await;
        let rejected = |cost| format!("rejected: it costs {cost}, and at most 9 can ever be given at once");
        assert_eq!(ends(&report), ["ok 1".to_owned(), "ok 1".to_owned(), rejected(10), rejected(15)]);
        assert_eq!(starts(&report, begun), [Some(0), Some(10), None, None]);
        assert_eq!((report.tasks()[2].attempts(), report.counts().refused), (0, 2));
        assert_eq!((recorder.outcomes(), recorder.in_flight()), (vec![Outcome::Success; 2], 0));
    }

    async fn rejections_take_no_time_and_free_the_way_for_those_behind(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).strategy(Recorder::default());
        for key in 0..1000_usize {
            runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
        }
        let report = runner.request(|key| Request::new().cost(if *key < 998 { 10 } else { 1 })).run().await;
        assert_eq!((report.counts().refused, report.counts().ok), (998, 2));
        assert_eq!(report.elapsed(), secs(1));
    }

    async fn a_rejection_is_a_failure_for_the_stop_rule(world: World) {
        let runner = tens(&world, 4).strategy(Recorder::default()).stop_on(StopOn::FirstError);
        let report = runner.request(|key| Request::new().cost(if *key == 1 { 10 } else { 1 })).run().await;
        let stopped = "not started: the run was stopped by its stop rule";
        assert_eq!(ends(&report)[2..], [stopped; 2]);
        assert_eq!((how(report.get(&0).unwrap()), report.elapsed()), ("cancelled".into(), secs(0)));
    }

    async fn a_run_whose_tasks_are_all_rejected_completes(world: World) {
        let probe = regatta_sim::Probe::new();
        let mut runner = Runner::new().clock(world.clock()).strategy(Recorder::default());
        for key in 0..3 {
            runner.add(key, probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        }
        let report = runner.request(|_| Request::new().cost(10)).run().await;
        assert_eq!((report.counts().refused, report.elapsed()), (3, secs(0)));
        assert_eq!((probe.polls(), probe.drops()), (0, 3));
    }

    async fn a_strategy_is_asked_for_each_key(world: World) {
        let recorder = Recorder::default();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).strategy(recorder.clone());
        for (key, seconds) in [("eu/a", 2), ("us/b", 1), ("eu/c", 1)] {
            runner.add(key, owned(&world, secs(seconds), Ok(1))).unwrap();
        }
        let asked = |key: &&str| Request::new().class(Class::of(&key[..2])).cost(key.len() as u32).priority(-1);
        let report = runner.request(asked).run().await;
        assert!(report.is_ok());
        let expected = ["eu/a", "us/b", "eu/c"].map(|key| asked(&key));
        assert_eq!(recorder.0.lock().unwrap().requests, expected);
        assert_ne!(expected[0], expected[1]);
        assert_eq!(expected[0], expected[2]);
    }

    async fn one_per_class_holds_up_those_behind(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().clock(world.clock()).strategy(OnePerClass::default());
        for (key, seconds) in [("eu 1", 4), ("us 1", 2), ("eu 2", 4), ("us 2", 1)] {
            runner.add(key, owned(&world, secs(seconds), Ok(1))).unwrap();
        }
        let report = runner.request(|key: &&str| Request::new().class(Class::of(&key[..2]))).run().await;
        // At 2 s there is room for `us 2`, but `eu 2` is before it.
        assert_eq!(starts(&report, begun), [0, 0, 4, 4].map(Some));
    }

    async fn where_the_question_panics_it_is_the_usual_one(world: World) {
        let recorder = Recorder::default();
        let runner = tens(&world, 2).strategy(recorder.clone());
        let report = runner.request(|_| std::panic::resume_unwind(Box::new("no idea"))).run().await;
        assert!(report.is_ok());
        assert_eq!(recorder.0.lock().unwrap().requests, [Request::new(); 2]);
    }

    async fn a_retry_asks_again_and_its_pause_holds_nothing(world: World) {
        let recorder = Recorder::default();
        let mut runner = Runner::new().clock(world.clock()).strategy(recorder.clone());
        let inner = world.clone();
        let fails = move || owned(&inner, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("a", Backoff::constant(secs(10)).times(2), fails).unwrap();
        for (second, expected) in [(0, 1), (5, 0), (11, 1), (15, 0), (22, 1)] {
            let watched = recorder.clone();
            later(&world, secs(second) + secs(1) / 2, move || {
                assert_eq!(watched.in_flight(), expected, "at {second} s");
            });
        }
        let report = runner.run().await;
        assert_eq!((ends(&report), report.elapsed()), (vec!["failed: busy".to_owned()], secs(23)));
        assert_eq!(recorder.outcomes(), [Outcome::Failure; 3]);
    }

    async fn a_retry_keeps_the_spacing(world: World) {
        let tries = Arc::new(Mutex::new(Vec::new()));
        let (begun, inner, kept) = (world.now(), world.clone(), tries.clone());
        let fails = move || {
            kept.lock().unwrap().push(inner.now().since(begun).as_secs());
            async { Err::<u8, _>("busy") }
        };
        let mut runner = Runner::new().clock(world.clock()).strategy(Spacing::new(secs(4)).unwrap());
        runner.add_retry("a", Backoff::constant(secs(1)).times(2), fails).unwrap();
        runner.add("b", owned(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        // The first retry is due at 1 s, and goes before `b`; the second is due at 5 s.
        assert_eq!(*tries.lock().unwrap(), [0, 4, 8]);
        assert_eq!(report.task("b").unwrap().started().map(|at| at.since(begun)), Some(secs(12)));
    }

    async fn a_retry_that_is_rejected_ends_its_task_and_keeps_its_errors(world: World) {
        let asked = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).strategy(Recorder::default());
        let inner = world.clone();
        let fails = move || owned(&inner, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("a", Backoff::constant(secs(1)).times(2), fails).unwrap();
        let report = runner.request(move |_| Request::new().cost(if asked.pass() == 1 { 1 } else { 10 })).run().await;
        let task = report.task("a").unwrap();
        assert_eq!((task.state(), task.attempts(), task.retried().len()), ("rejected", 1, 1));
        assert_eq!(task.retried()[0].error().failure(), Some(&"busy"));
        assert_eq!(report.elapsed(), secs(2));
    }

    async fn a_strategy_hears_how_each_task_ended(world: World) {
        let recorder = Recorder::default();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).task_timeout(secs(5));
        runner.add("ok", owned(&world, secs(1), Ok(1))).unwrap();
        runner.add("fails", owned(&world, secs(1), Err("no"))).unwrap();
        runner.add("panics", async { std::panic::resume_unwind(Box::new("overboard")) }).unwrap();
        runner.add("slow", owned(&world, secs(9), Ok(1))).unwrap();
        runner.add("cancelled", owned(&world, secs(4), Ok(1))).unwrap();
        let handle = runner.handle();
        later(&world, secs(8), move || assert!(handle.cancel("cancelled")));
        let report = runner.strategy(recorder.clone()).run().await;
        assert_eq!(report.counts().total(), 5);
        let bad = Outcome::Failure;
        assert_eq!(recorder.outcomes(), [Outcome::Success, bad, bad, bad, Outcome::Cancelled]);
    }

    async fn a_strategy_that_opens_wakes_the_run(world: World) {
        let (recorder, begun) = (Recorder::default(), world.now());
        recorder.shut();
        let opening = recorder.clone();
        later(&world, secs(7), move || opening.open());
        let report = tens(&world, 2).strategy(recorder).run().await;
        assert_eq!(starts(&report, begun), [7, 7].map(Some));
    }

    async fn what_waits_for_its_strategy_is_stopped_in_time(world: World) {
        let recorder = Recorder::default();
        recorder.shut();
        let report = tens(&world, 2).strategy(recorder.clone()).timeout(secs(3)).run().await;
        assert_eq!(ends(&report), ["not started: the run's time was up"; 2]);
        assert_eq!(report.elapsed(), secs(3));
        let mut runner = tens(&world, 2).strategy(recorder);
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel(&0));
            handle.stop();
        });
        let report = runner.run().await;
        assert_eq!((ends(&report), report.elapsed()), (vec!["not started: it was cancelled first".to_owned(); 2], secs(1)));
    }

    async fn two_runs_share_a_limiter(world: World) {
        let (shared, gauge) = (Limiter::new(Concurrency::new(3).unwrap()), Gauge::default());
        let run = |spawned: bool| {
            let mut runner = Runner::new().clock(world.clock()).strategy(shared.clone());
            for key in 0..6 {
                let (gauge, world) = (gauge.clone(), world.clone());
                runner
                    .add_ok(key, async move {
                        let _inside = gauge.enter();
                        world.sleep(secs(1)).await;
                    })
                    .unwrap();
            }
            let executor = world.executor();
            async move {
                let report: regatta::Report<_, _, Fault> =
                    if spawned { runner.spawn_on(executor).await } else { runner.run().await };
                report.counts().ok
            }
        };
        let begun = world.now();
        assert_eq!(futures::join!(run(false), run(true)), (6, 6));
        assert_eq!((gauge.most(), world.now().since(begun)), (3, secs(4)));
    }

    async fn a_strategy_may_borrow(world: World) {
        struct Counts<'a>(&'a Gauge);
        impl Strategy for Counts<'_> {
            type Token = ();
            fn ready(&self, _: Time, _: &Request) -> Readiness {
                Readiness::Ready
            }
            fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
                self.0.pass();
                Ok(())
            }
            fn finish(&mut self, (): (), _: Time, _: Outcome) {}
        }
        let gauge = Gauge::default();
        assert!(tens(&world, 3).strategy(Counts(&gauge)).run().await.is_ok());
        assert_eq!(gauge.entered(), 3);
    }
}
