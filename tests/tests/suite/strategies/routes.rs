//! A balancer between the tasks of a run and its servers.

use crate::runner::support::{millis, secs};
use regatta::strategies::{Balancer, Breaker, Concurrency, Router};
use regatta::{Backoff, Outcome, Runner, map};
use regatta_tests::{World, on_every_executor};
use std::collections::BTreeMap;
use std::sync::Mutex;

type Counts = Mutex<BTreeMap<&'static str, u32>>;

fn balancer<S>(world: &World, strategy: impl Fn() -> S) -> Balancer<&'static str, S>
where
    S: regatta::Strategy<Token: Send + 'static> + Send + 'static,
{
    let router = Router::new().seed(world.seed());
    let router = router.endpoint("a", 5, strategy()).unwrap().endpoint("b", 3, strategy()).unwrap();
    Balancer::with_clock(router.endpoint("c", 2, strategy()).unwrap(), world.clock())
}

on_every_executor! {
    async fn shares_are_exact_by_weight(world: World) {
        let (balancer, counts) = (balancer(&world, || ()), Counts::default());
        let call = async |_: u32| {
            let pick = balancer.acquire().await.expect("open");
            *counts.lock().unwrap().entry(*pick.endpoint()).or_default() += 1;
            world.sleep(millis(10)).await;
            pick.complete(Outcome::Success);
            Ok::<_, ()>(())
        };
        assert_eq!(map(0..100, 7, call).unwrap().clock(world.clock()).await.len(), 100);
        let counts: Vec<_> = counts.into_inner().unwrap().into_iter().collect();
        assert_eq!(counts, [("a", 50), ("b", 30), ("c", 20)]);
    }

    async fn a_full_endpoint_gets_nothing_and_nobody_waits_without_need(world: World) {
        let balancer = balancer(&world, || Concurrency::new(2).unwrap());
        let begun = world.now();
        let call = async |_: u32| {
            let pick = balancer.acquire().await.expect("open");
            world.sleep(secs(1)).await;
            assert!(balancer.shares().iter().all(|share| share.in_flight <= 2));
            pick.complete(Outcome::Success);
            Ok::<_, ()>(())
        };
        map(0..60, 60, call).unwrap().clock(world.clock()).await;
        // Three of them, two at once each.
        assert_eq!(world.now().since(begun), secs(10));
    }

    async fn a_dead_endpoint_gets_its_probes_and_its_share_when_it_is_back(world: World) {
        let breaker = || Breaker::consecutive(1).unwrap().open_for(secs(10)).unwrap();
        let (balancer, begun) = (balancer(&world, breaker), world.now());
        let log = Mutex::new(Vec::new());
        let mut runner = Runner::new().limit(4).unwrap().clock(world.clock());
        for call in 0..4_000 {
            let (balancer, log, world) = (&balancer, &log, &world);
            runner
                .add_retry(call, Backoff::constant(millis(1)), async move || {
                    let pick = balancer.acquire().await.expect("open");
                    world.sleep(millis(40)).await;
                    let second = world.now().since(begun).as_secs();
                    // `a` is down from 5 s to 12 s.
                    let down = *pick.endpoint() == "a" && (5..12).contains(&second);
                    log.lock().unwrap().push((*pick.endpoint(), second, down));
                    pick.complete(if down { Outcome::Failure } else { Outcome::Success });
                    if down { Err("down") } else { Ok(()) }
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert_eq!(report.counts().ok, 4_000);
        drop(report);
        let log = log.into_inner().unwrap();
        let share = |seconds: std::ops::Range<u64>| {
            let all = log.iter().filter(|(_, second, _)| seconds.contains(second));
            let a = all.clone().filter(|(endpoint, _, _)| *endpoint == "a").count();
            100 * a / all.count().max(1)
        };
        assert!(share(0..5).abs_diff(50) <= 1 && share(6..12) == 0 && share(17..30).abs_diff(50) <= 1);
        // Those on their way when it died; it is asked again at 15 s, when it is back.
        assert!(log.iter().filter(|(_, _, down)| *down).count() <= 4);
    }
}
