//! What holds for each of the faces: limits are refused and held, settings are kept.

use crate::runner::support::{Fault, Gauge, after, secs};
use futures::StreamExt;
use regatta::strategies::Concurrency;
use regatta::{for_each, for_each_ok, for_each_sync, map, race, stream, try_map};
use regatta_tests::{World, on_every_executor};

#[test]
fn a_limit_of_zero_is_refused() {
    let task = async |n: u8| Ok::<_, Fault>(n);
    let refusals = [
        try_map([1], 0, task).unwrap_err(),
        race([1], 0, task).unwrap_err(),
        stream([1], 0, task).unwrap_err(),
        for_each_sync([1], 0, task, |_| {}).unwrap_err(),
        for_each([1], 0, task, async |_| {}).unwrap_err(),
        for_each_ok([1], 0, async |n| n, async |_| {}).unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.to_string(), "limit = 0: must be at least 1");
    }
}

#[test]
fn each_shows_itself() {
    let task = async |n: u8| Ok::<_, Fault>(n);
    let shown = [
        format!("{:?}", map([1], 3, task).unwrap()),
        format!("{:?}", try_map([1], 3, task).unwrap()),
        format!("{:?}", race([1], 3, task).unwrap()),
        format!("{:?}", stream([1], 3, task).unwrap()),
        format!("{:?}", for_each_sync([1], 3, task, |_| {}).unwrap()),
        format!("{:?}", for_each([1], 3, task, async |_| {}).unwrap()),
    ];
    for (shown, name) in shown.iter().zip(["Map", "TryMap", "Race", "Completions", "ForEachSync", "ForEach"])
    {
        assert!(shown.starts_with(&format!("{name}(Set {{ limit: ")), "{shown}");
    }
}

on_every_executor! {
    async fn the_limit_is_used_up_and_held(world: World) {
        let gauge = Gauge::default();
        let task = async |n: u64| {
            let _inside = gauge.enter();
            after(&world, secs(1), if n < 9 { Err("not yet") } else { Ok(n) }).await
        };
        assert!(race(0..10, 3, task).unwrap().clock(world.clock()).await.is_ok());
        assert_eq!(gauge.most(), 3);
        assert_eq!(stream(0..10, 4, task).unwrap().clock(world.clock()).count().await, 10);
        assert_eq!(gauge.most(), 4);
        let mut calls = 0;
        for_each_sync(0..10, 5, task, |_| calls += 1).unwrap().clock(world.clock()).await;
        assert_eq!((gauge.most(), calls), (5, 10));
        assert_eq!(try_map(9..20, 6, task).unwrap().clock(world.clock()).await.unwrap().len(), 11);
        assert_eq!(gauge.most(), 6);
    }

    async fn a_strategy_keeps_the_settings_before_it(world: World) {
        let gauge = Gauge::default();
        let task = async |n: u64| {
            let _inside = gauge.enter();
            after(&world, secs(n), Ok(n)).await
        };
        let wide = || Concurrency::new(100).unwrap();
        let start = world.now();
        let run = map([1, 1, 9], 2, task).unwrap().clock(world.clock()).timeout(secs(3)).strategy(wide());
        let results = run.await;
        assert_eq!((results.len(), gauge.most()), (3, 2));
        assert_eq!(world.now().since(start), secs(3), "on that clock");
        let token = regatta::CancelToken::new();
        token.cancel();
        let run = try_map([1], 2, task).unwrap().cancel_on(&token).strategy(wide()).clock(world.clock());
        assert!(run.await.is_err());
    }
}
