//! Everything at once, at random.

use crate::admission::Spaced;
use regatta_core::{Class, Time};
use regatta_queue::{Options, Queue, Results};
use regatta_sim::Sim;
use std::future::pending;
use std::time::Duration;

#[test]
fn whatever_happens_every_job_ends_once_and_the_counts_add_up() {
    let seeds = std::env::var("REGATTA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(50);
    for seed in 0..seeds {
        let sim = Sim::new(seed).max_polls(100_000);
        let mut random = sim.random();
        let workers = [1, 2, 31][random.usize(0..3)];
        let clock = sim.clock();
        let (queue, mut results, engine) = Queue::<u64>::builder()
            .workers(workers)
            .unwrap()
            .capacity(random.usize(1..5))
            .unwrap()
            .class_limit(random.usize(1..3))
            .unwrap()
            .results(Results::Bounded(random.usize(1..4)))
            .unwrap()
            .retry(regatta_core::Backoff::constant(Duration::from_nanos(2)).times(2))
            .grace(Duration::from_nanos(random.u64(0..3)))
            .attempt_timeout(Duration::from_nanos(9))
            .strategy(Spaced(Time::ZERO))
            .clock(sim.clock())
            .build(async move |job, ctx| {
                clock.sleep_until(clock.now() + Duration::from_nanos(*job % 4)).await;
                match *job % 7 {
                    0 => Err("no")?,
                    1 if *job < 1000 => drop(ctx.push(*job + 1000)),
                    2 if ctx.attempt() == 1 => Err("not yet")?,
                    3 => panic!("{}", ctx.id()),
                    4 if *job % 3 == 0 => pending().await,
                    _ => {}
                }
                Ok::<_, &'static str>(())
            })
            .unwrap();
        let handle = engine.spawn_on(sim.executor());
        let steer = queue.clone();
        let mut dice = sim.random();
        let clock = sim.clock();
        let stops = random.u8(0..3) == 0;
        sim.spawn("steer", async move {
            let mut ids = Vec::new();
            for n in 0..60 {
                let mut options =
                    Options::new().priority(dice.i32(0..3)).cost(1 + u32::from(dice.u8(0..9) == 0));
                if dice.bool() {
                    options = options.class(Class::from_u64(dice.u64(0..3)));
                }
                if dice.u8(0..4) == 0 {
                    options = options.delay(Duration::from_nanos(dice.u64(0..9)));
                }
                if dice.u8(0..4) == 0 {
                    options = options.key(dice.u64(0..3));
                }
                ids.extend(steer.push_with(n, options).await.ok());
                match dice.u8(0..12) {
                    0 => steer.pause(),
                    1 => steer.set_workers(dice.usize(1..9)).unwrap(),
                    2 => steer.set_capacity(dice.usize(1..9)).unwrap(),
                    3 if !ids.is_empty() => drop(steer.cancel(ids[dice.usize(0..ids.len())])),
                    4 => clock.sleep_until(clock.now() + Duration::from_nanos(dice.u64(0..5))).await,
                    5 if stops => steer.stop(),
                    _ => {}
                }
                steer.resume();
                let stats = steer.stats();
                assert_eq!(stats.unsettled() + stats.settled, stats.admitted);
                assert!(stats.running + stats.stopping <= 31);
            }
            steer.close();
        });
        let reader = async {
            let mut ids = Vec::new();
            while let Some(done) = results.next().await {
                ids.push(done.id);
            }
            ids
        };
        let (mut ids, finished) = sim.run(async { futures::join!(reader, handle) }).unwrap();
        ids.extend(finished.leftover.iter().map(|left| left.id));
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        let stats = queue.stats();
        assert_eq!((ids.len(), all), (stats.admitted, stats.admitted), "seed {seed}: {stats:?}");
    }
}
