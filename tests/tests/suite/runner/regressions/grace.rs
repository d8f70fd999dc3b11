//! A run that was cancelled, and has a reason to end before its grace is over.

use crate::runner::support::{after, hows, secs};
use regatta::{CancelToken, StopOn, map};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_stop_rule_that_was_met_within_the_grace_was_not_heeded(world: World) {
        let rules = [(StopOn::FirstError, Err("two")), (StopOn::FirstOk, Ok(2))];
        for (rule, result) in rules {
            let (token, start) = (CancelToken::new(), world.now());
            let mapped = map([2, 60], 2, async |n| after(&world, secs(n), result).await).unwrap();
            let mapped = mapped.clock(world.clock()).stop_on(rule).cancel_on(&token).grace(secs(100));
            let cancel = async {
                world.sleep(secs(1)).await;
                token.cancel();
            };
            let (results, ()) = futures::join!(mapped, cancel);
            assert_eq!(hows(&results)[1], "cancelled", "{rule:?}");
            assert_eq!(world.now().since(start), secs(2), "{rule:?}");
        }
    }
}
