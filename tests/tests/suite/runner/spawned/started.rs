//! `Started`: a run that goes on by itself.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{CancelToken, Event, EventKind, Observer, Runner, Started, StopReason};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// Five tasks of two seconds, two at a time.
fn five(world: &World, probe: &Probe) -> Runner<'static, usize, u8, Fault> {
    let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
    for key in 0..5 {
        runner.add(key, probe.also(owned(world, secs(2), Ok(1)))).unwrap();
    }
    runner
}

on_every_executor! {
    async fn it_goes_on_without_being_polled(world: World) {
        let probe = Probe::new();
        let started = five(&world, &probe).start(world.executor());
        world.sleep(secs(100)).await;
        assert_eq!((probe.ended(), probe.drops()), (5, 5));
        let report = started.await;
        assert!(report.is_ok());
        assert_eq!(report.elapsed(), secs(6));
    }

    async fn dropping_it_cancels_the_run(world: World) {
        let probe = Probe::new();
        let started = five(&world, &probe).start(world.executor());
        world.sleep(secs(3)).await;
        drop(started);
        world.sleep(secs(100)).await;
        assert_eq!((probe.ended(), probe.drops()), (2, 5));
        assert_eq!(world.clock.timers(), 0);
    }

    async fn dropping_it_at_once_starts_nothing(world: World) {
        let probe = Probe::new();
        drop(five(&world, &probe).start(world.executor()));
        world.sleep(secs(100)).await;
        assert_eq!((probe.ended(), probe.drops()), (0, 5));
    }

    async fn detached_it_goes_on(world: World) {
        let probe = Probe::new();
        let mut runner = five(&world, &probe);
        let handle = runner.handle();
        runner.start(world.executor()).detach();
        world.sleep(secs(3)).await;
        assert_eq!(probe.ended(), 2);
        world.sleep(secs(100)).await;
        assert_eq!((probe.ended(), probe.drops()), (5, 5));
        assert_eq!(handle.progress().ok, 5);
    }

    async fn detached_it_can_still_be_stopped(world: World) {
        let (probe, token) = (Probe::new(), CancelToken::new());
        five(&world, &probe).cancel_on(&token).start(world.executor()).detach();
        world.sleep(secs(3)).await;
        token.cancel();
        world.sleep(secs(100)).await;
        assert_eq!((probe.ended(), probe.drops()), (2, 5));
    }

    async fn a_handle_stops_it(world: World) {
        let probe = Probe::new();
        let mut runner = five(&world, &probe);
        let handle = runner.handle();
        later(&world, secs(3), move || handle.stop());
        let report = runner.start(world.executor()).await;
        let never = "not started: it was cancelled first";
        assert_eq!(ends(&report), ["ok 1", "ok 1", "cancelled", "cancelled", never]);
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn its_timeout_begins_with_the_first_poll_of_its_driver(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(3));
        runner.add("hangs", pending::<Result<u8, Fault>>()).unwrap();
        world.sleep(secs(10)).await;
        let report = runner.start(world.executor()).await;
        assert_eq!((ends(&report), report.elapsed()), (vec!["timed out after 3s".to_owned()], secs(3)));
    }

    async fn who_listens_hears_of_every_end_also_when_it_is_dropped(world: World) {
        #[derive(Clone, Default)]
        struct Ends(Arc<Mutex<Vec<String>>>);
        impl Observer for Ends {
            fn on_event(&self, event: &Event<'_>) {
                if let EventKind::Finished { state, .. } = event.kind {
                    self.0.lock().unwrap().push(format!("{} {state}", event.id));
                }
            }
        }
        let (ends, probe) = (Ends::default(), Probe::new());
        let started = five(&world, &probe).observer(ends.clone()).start(world.executor());
        world.sleep(secs(3)).await;
        drop(started);
        world.sleep(secs(1)).await;
        let mut heard = ends.0.lock().unwrap().clone();
        heard.sort();
        assert_eq!(heard, ["0 ok", "1 ok", "2 cancelled", "3 cancelled", "4 not started"]);
    }

    async fn two_runs_do_not_disturb_each_other(world: World) {
        let (first, second) = (Probe::new(), Probe::new());
        let stopped = five(&world, &first).start(world.executor());
        let kept = five(&world, &second).start(world.executor());
        world.sleep(secs(1)).await;
        drop(stopped);
        assert!(kept.await.is_ok());
        assert_eq!((first.ended(), second.ended()), (0, 5));
    }

    async fn a_started_run_may_be_kept_in_a_struct(world: World) {
        struct Service {
            run: Started<usize, u8, Fault>,
            seen: Gauge,
        }
        let probe = Probe::new();
        let service = Service { run: five(&world, &probe).start(world.executor()), seen: Gauge::default() };
        service.seen.pass();
        assert_eq!(format!("{:?}", service.run), "Started");
        assert!(service.run.await.is_ok());
    }
}

/// The executor's threads finish the run; this one only waits, on nothing of theirs.
#[test]
fn the_report_comes_to_another_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let handle = runtime.handle().clone();
    let mut runner = Runner::new();
    for key in 0..20 {
        runner.add(key, async move { Ok::<_, Fault>(thread::current().id()) }).unwrap();
    }
    let started = runner.start(move |task| {
        handle.spawn(task);
    });
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || sender.send(futures::executor::block_on(started)).unwrap());
    });
    let report = receiver.recv().unwrap();
    assert!(report.is_ok() && report.len() == 20);
    assert!(report.ok().all(|(_, &id)| id != thread::current().id()));
}

/// A runtime that shuts down drops the driver and all tasks.
#[test]
fn a_runtime_that_shuts_down_leaves_a_report() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let handle = runtime.handle().clone();
    let (sender, receiver) = mpsc::channel();
    let mut runner = Runner::new().limit(1).unwrap();
    runner
        .add("runs", async move {
            sender.send(()).unwrap();
            pending::<Result<u8, Fault>>().await
        })
        .unwrap();
    runner.add("waits", pending()).unwrap();
    let started = runner.start(move |task| {
        handle.spawn(task);
    });
    receiver.recv().unwrap();
    drop(runtime);
    let report = futures::executor::block_on(started);
    assert_eq!(report.counts().total(), 2);
    assert_eq!(ends(&report)[0], "cancelled");
    // Which is dropped first, the driver or the task, is for the runtime to say.
    assert!(ends(&report)[1] == "cancelled" || report.counts().not_started == 1, "{report}");
}
