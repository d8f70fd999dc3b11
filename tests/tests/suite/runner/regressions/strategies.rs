//! Strategies that panic, which their laws forbid.

use crate::runner::support::{hows, secs};
use regatta::{Outcome, Readiness, Request, Strategy, Time, map_ok, try_map};
use regatta_tests::{World, on_every_executor};
use std::panic::resume_unwind;

#[derive(Default)]
struct PanicsAtSecond(u32);

impl Strategy for PanicsAtSecond {
    type Token = ();
    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }
    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        self.0 += 1;
        if self.0 == 2 {
            resume_unwind(Box::new("no second start"));
        }
        Ok(())
    }
    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

on_every_executor! {
    async fn a_strategy_that_panicked_cut_a_map_short_without_a_word(world: World) {
        let task = async |n: u64| { world.sleep(secs(1)).await; n };
        let run = map_ok(0..4, 2, task).unwrap().clock(world.clock());
        let results = hows(&run.strategy(PanicsAtSecond::default()).await);
        let never = "not started: the source of tasks panicked";
        assert_eq!(results, ["ok 0", never, never, never]);
    }

    async fn a_strategy_that_panicked_made_a_try_map_succeed_with_a_part(world: World) {
        let task = async |n: u64| { world.sleep(secs(1)).await; Ok::<_, &'static str>(n) };
        let run = try_map(0..4, 2, task).unwrap().clock(world.clock());
        let values = run.strategy(PanicsAtSecond::default()).await;
        assert!(values.is_err(), "{values:?}");
    }
}
