//! Panics that are to be panics of the caller.

use crate::runner::support::{Fault, after, ends, secs};
use regatta::{Panic, Runner, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

on_every_executor! {
    async fn the_first_panic_is_the_callers(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        for (key, pause) in [("late", secs(2)), ("early", secs(1))] {
            let sleep = world.sleep(pause);
            runner.add(key, async move {
                sleep.await;
                panic!("{key}")
            }).unwrap();
        }
        runner.add("fine", after(&world, secs(3), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["panicked: late", "panicked: early", "ok 1"], "all were run");
        let raised = catch_unwind(AssertUnwindSafe(|| report.resume_panics())).unwrap_err();
        assert_eq!(Panic::new(raised).message(), "early");
    }

    async fn failures_are_no_panics(world: World) {
        let attempts = AtomicUsize::new(0);
        let mut runner = Runner::new().clock(world.clock());
        runner.add("fails", after(&world, secs(1), Err("no route"))).unwrap();
        let twice = async || match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("the first attempt"),
            n => Ok(n),
        };
        let once_more = retry_fn(|attempts, _: &TaskError<Fault>| (attempts == 1).then_some(secs(1)));
        runner.add_retry("well at last", once_more, twice).unwrap();
        let report = runner.run().await.resume_panics();
        assert_eq!(ends(&report), ["failed: no route", "ok 1"]);
    }
}
