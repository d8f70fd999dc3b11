//! Panics whose payload panics in turn when it is dropped.

use super::Bomb;
use crate::runner::support::{Fault, after, ends, secs};
use regatta::{Event, Observer, Runner, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};
use std::fmt;
use std::future::pending;
use std::panic::resume_unwind;
use std::thread;

fn panic_with_a_bomb() -> ! {
    resume_unwind(Box::new(Bomb))
}

struct Listener;

impl Observer for Listener {
    fn on_event(&self, _: &Event<'_>) {
        panic_with_a_bomb();
    }
}

struct Deaf;

impl Observer for Deaf {
    fn on_event(&self, _: &Event<'_>) {}
}

struct Ugly;

impl fmt::Display for Ugly {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_with_a_bomb()
    }
}

struct Stubborn;

impl Drop for Stubborn {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic_with_a_bomb();
        }
    }
}

on_every_executor! {
    async fn the_payload_of_a_retry_rule_panicked_out_of_the_run(world: World) {
        let rule = retry_fn(|_, _: &TaskError<Fault>| panic_with_a_bomb());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add_retry("a", rule, || after(&world, secs(1), Err::<u8, _>("busy"))).unwrap();
        runner.add("b", after(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["failed: busy", "ok 1"]);
    }

    async fn the_payload_of_an_observer_panicked_out_of_the_run(world: World) {
        let mut runner = Runner::new().clock(world.clock()).observer(Listener).observer(Listener);
        runner.add("a", after(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1"]);
    }

    async fn the_payload_of_a_display_panicked_out_of_the_run(_world: World) {
        let mut runner = Runner::new().observer(Deaf);
        runner.add("a", async { Err::<u8, _>(Ugly) }).unwrap();
        assert_eq!(runner.run().await.counts().failed, 1);
    }

    async fn the_payload_of_a_drop_panicked_out_of_the_run(world: World) {
        let mut runner = Runner::<_, (), Fault>::new().clock(world.clock()).timeout(secs(1));
        for key in 0..3 {
            let stubborn = Stubborn;
            runner
                .add(key, async move {
                    let _kept = stubborn;
                    pending().await
                })
                .unwrap();
        }
        assert_eq!(ends(&runner.run().await), ["timed out after 1s"; 3]);
    }
}
