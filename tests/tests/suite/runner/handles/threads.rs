//! Orders from real threads to runs on real threads.

use crate::runner::support::Fault;
use regatta::{Event, EventKind, Observer, Runner, TaskError};
use regatta_sim::{Probe, Rng, yield_now};
use regatta_tests::Watchdog;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Who runs and who has ended.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<(BTreeSet<usize>, BTreeSet<usize>)>>);

impl Observer for Books {
    fn on_event(&self, event: &Event<'_>) {
        let (running, ended) = &mut *self.0.lock().unwrap();
        match event.kind {
            EventKind::Started { .. } => assert!(!ended.contains(&event.id) && running.insert(event.id)),
            EventKind::Finished { .. } => {
                running.remove(&event.id);
                assert!(ended.insert(event.id), "{} ends twice", event.id);
            }
            _ => {}
        }
    }
}

/// Two threads cancel, add and change the limit while the run goes on beside them; one of them stops it at the end of
/// every second round.
#[test]
fn two_threads_give_orders_to_runs_on_an_executor() {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (cancels, stops) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for round in 0..150_usize {
        let (books, probe, executor) = (Books::default(), Probe::new(), runtime.handle().clone());
        let mut runner = Runner::new().limit(1 + round % 5).unwrap().observer(books.clone());
        let task = |key: usize| {
            probe.also(async move {
                for _ in 0..key % 7 {
                    yield_now().await;
                }
                if key % 5 == 4 { Err("busy") } else { Ok::<_, Fault>(key) }
            })
        };
        for key in 0..40 {
            runner.add(key, task(key)).unwrap();
        }
        let handle = runner.handle();
        let added = AtomicUsize::new(40);
        let started = runner.start(move |task| {
            executor.spawn(task);
        });
        let report = thread::scope(|scope| {
            for who in 0..2_usize {
                let (handle, added, task, cancels) = (&handle, &added, &task, &cancels);
                let mut random = Rng::with_seed((2 * round + who) as u64);
                scope.spawn(move || {
                    for n in 0..20 {
                        match random.u8(..4) {
                            0 => handle.set_limit(random.usize(1..6)).unwrap(),
                            1 => {
                                let key = 100 + 20 * who + n;
                                added.fetch_add(
                                    usize::from(handle.add(key, task(key)).is_ok()),
                                    Ordering::SeqCst,
                                );
                            }
                            _ => {
                                let cancelled = handle.cancel(&random.usize(..40));
                                cancels.fetch_add(usize::from(cancelled), Ordering::SeqCst);
                            }
                        }
                    }
                    if who == 0 && round % 2 == 0 {
                        handle.stop();
                    }
                });
            }
            futures::executor::block_on(started)
        });
        assert_eq!(report.len(), added.load(Ordering::SeqCst), "what was taken is reported");
        assert_eq!((handle.progress().ok, handle.progress().total()), (report.counts().ok, report.len()));
        assert!(report.errors().all(|(key, error)| match error {
            TaskError::Failed(_) => key % 5 == 4,
            TaskError::Cancelled | TaskError::NotStarted(_) => true,
            _ => false,
        }));
        assert!(report.ok().all(|(key, value)| key == value && key % 5 != 4));
        assert_eq!(books.0.lock().unwrap().1.len(), report.len(), "each has one end, and is heard of");
        stops.fetch_add(usize::from(report.counts().not_started > 0), Ordering::SeqCst);
        assert_eq!(probe.alive(), 0, "and is gone by then");
    }
    println!("{cancels:?} cancels were in time, {stops:?} runs left tasks out");
}
