//! A gate that is closed and opened, and a pause that a server asks for.

use super::{paced, starts};
use crate::runner::handles::later;
use crate::runner::support::{millis, secs};
use regatta::strategies::{Concurrency, Gate, Pausable, RetryExt};
use regatta::{Backoff, Runner};
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a server says that has had enough: come back after this.
#[derive(Debug, PartialEq)]
struct TooMany(Duration);

on_every_executor! {
    async fn a_closed_gate_holds_everybody_until_it_opens(world: World) {
        for tasks in [1, 30, 31, 200] {
            let (begun, gate) = (world.now(), Gate::closed());
            let opening = gate.clone();
            later(&world, secs(3), move || opening.open());
            let report = paced(&world, &vec![10; tasks]).limit(200).unwrap().strategy(gate).run().await;
            assert_eq!(starts(&report, begun), vec![3_000; tasks]);
        }
    }

    async fn a_gate_that_closes_stops_no_task_and_starts_none(world: World) {
        let (begun, gate) = (world.now(), Gate::new());
        let (closing, opening) = (gate.clone(), gate.clone());
        later(&world, millis(1_500), move || closing.close());
        later(&world, secs(9), move || opening.open());
        let report = paced(&world, &[1_000; 4]).limit(1).unwrap().strategy(gate).run().await;
        assert_eq!(starts(&report, begun), [0, 1_000, 9_000, 10_000]);
    }

    // One answer of 429 pauses everybody: the tasks of two runners, until the time that the server has named.
    async fn a_429_pauses_everybody(world: World) {
        let (begun, pause) = (world.now(), Pausable::new());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let polite = || (Concurrency::new(2).unwrap(), pause.clone());
        let call = |task: u32| {
            let (world, pause, calls) = (world.clone(), pause.clone(), calls.clone());
            move || async move {
                let sent = world.now().since(begun);
                calls.lock().unwrap().push(sent.as_millis());
                world.sleep(millis(10 + u64::from(task))).await;
                if task == 1 && sent < secs(5) {
                    pause.pause_until(world.now() + secs(5));
                    return Err(TooMany(secs(5)));
                }
                Ok(task)
            }
        };
        let retry = || Backoff::constant(millis(1)).times(3).hint(|busy: &TooMany| Some(busy.0));
        let mut first = Runner::new().clock(world.clock()).strategy(polite());
        let mut second = Runner::new().clock(world.clock()).strategy(polite());
        for task in 0..6 {
            first.add_retry(task, retry(), call(task)).unwrap();
            second.add_retry(task, retry(), call(100 + task)).unwrap();
        }
        let (first, second) = futures::join!(first.run(), second.run());
        assert_eq!((first.counts().ok, second.counts().ok), (6, 6));
        assert_eq!(first.task(&1).unwrap().attempts(), 2);
        let calls = calls.lock().unwrap();
        // At 11 ms the answer comes; until 5,011 nobody calls.
        assert!(calls.iter().all(|&sent| sent <= 11 || sent >= 5_011), "{calls:?}");
        assert!(calls.len() == 13 && calls.iter().filter(|&&sent| sent >= 5_011).count() >= 8, "{calls:?}");
    }

    async fn a_pause_that_is_cut_short_wakes_the_run(world: World) {
        let (begun, pause) = (world.now(), Pausable::new());
        pause.pause_until(world.now() + secs(3_600));
        let resuming = pause.clone();
        later(&world, secs(2), move || resuming.resume());
        let report = paced(&world, &[10; 3]).strategy(pause).run().await;
        assert_eq!(starts(&report, begun), [2_000; 3]);
    }
}
