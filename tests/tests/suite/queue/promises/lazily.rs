//! `map` and `for_each` over iterators and streams: lazily, in order or as they come.

use crate::queue::support::{Gauge, jobs, left, millis, numbers, secs, takes, values, why};
use futures::StreamExt;
use regatta::Backoff;
use regatta::queue::{self, Reader, Results};
use regatta_tests::{World, on_every_executor};
use std::sync::Arc;

on_every_executor! {
    // Pulled are at most the places, the workers and one ahead of the reader, over a source without an end.
    async fn items_are_pulled_only_as_the_reader_goes_on(world: World) {
        for (workers, capacity, bound) in [(1, 1, None), (3, 5, None), (4, 2, Some(9))] {
            let pulled = Gauge::default();
            let items = (0_u32..).inspect(|_| drop(pulled.enter()));
            let mut builder = numbers(&world, workers).capacity(capacity).unwrap();
            if let Some(bound) = bound {
                builder = builder.results(Results::Bounded(bound)).unwrap();
            }
            let ahead = capacity + bound.unwrap_or(workers) + 1;
            let read = async |mut results: Reader<u32, u32, &'static str>| {
                for read in 0..50 {
                    world.sleep(secs(1)).await;
                    assert!(pulled.entered() <= read + ahead, "{} with {read} read", pulled.entered());
                    results.next().await.unwrap();
                }
            };
            let (_, finished) = builder.for_each(items, takes(&world, millis(5)), read).unwrap().await;
            assert_eq!((why(&finished), finished.stats.unsettled()), ("cancelled", 0));
            assert!(pulled.entered() <= 51 + ahead);
        }
    }

    async fn so_are_those_of_a_stream(world: World) {
        let pulled = Gauge::default();
        let items = futures::stream::unfold(0_u32, |n| {
            let (world, pulled) = (world.clone(), pulled.clone());
            async move {
                world.sleep(millis(10)).await;
                pulled.pass();
                Some((n, n + 1))
            }
        });
        let read = async |mut results: Reader<u32, u32, &'static str>| {
            let mut read = Vec::new();
            while read.len() < 20 {
                world.sleep(secs(1)).await;
                assert!(pulled.entered() <= read.len() + 2 + 3 + 1);
                read.push(*results.next().await.unwrap().job);
            }
            read
        };
        let builder = numbers(&world, 2).capacity(3).unwrap();
        let (read, _) = builder.for_each_stream(items, takes(&world, millis(5)), read).unwrap().await;
        assert_eq!(read, (0..20).collect::<Vec<_>>());
    }

    // In order, without stalling: a slow first item holds up none of the others.
    async fn results_in_order_do_not_stall_the_work(world: World) {
        let begun = world.now();
        let handler = async |n: Arc<u32>, _| {
            world.sleep(secs(if *n == 0 { 99 } else { 1 })).await;
            Ok::<_, &str>(*n)
        };
        let mapped = numbers(&world, 2).capacity(1).unwrap().map(0..100, handler).unwrap().await;
        assert_eq!(values(&mapped.results), (0..100).collect::<Vec<_>>());
        assert_eq!((world.now().since(begun), why(&mapped.finished)), (secs(99), "completed"));
    }

    async fn a_stream_is_mapped_in_its_order(world: World) {
        let items = futures::stream::iter(0..50_u32).then(|n| {
            let world = world.clone();
            async move {
                world.sleep(millis(u64::from(n % 7))).await;
                n
            }
        });
        let handler = async |n: Arc<u32>, _| {
            world.sleep(millis(u64::from(50 - *n))).await;
            Ok::<_, &str>(*n)
        };
        let mapped = numbers(&world, 8).map_stream(items, handler).unwrap().await;
        assert_eq!(values(&mapped.results), (0..50).collect::<Vec<_>>());
    }

    // A body that has seen enough: nothing more is pulled, what runs is dropped, what was pulled and not run comes back.
    async fn a_body_that_ends_early_stops_the_run(world: World) {
        let (pulled, gauge) = (Gauge::default(), Gauge::default());
        let items = (0_u32..).inspect(|_| drop(pulled.enter()));
        let handler = async |n: Arc<u32>, _| {
            let _inside = gauge.enter();
            world.sleep(secs(1)).await;
            Ok::<_, &str>(*n)
        };
        let find = async |mut results: Reader<u32, u32, &'static str>| {
            while let Some(done) = results.next().await {
                if *done.job == 6 {
                    return true;
                }
            }
            false
        };
        let begun = world.now();
        let (found, finished) = numbers(&world, 3).capacity(2).unwrap().for_each(items, handler, find).unwrap().await;
        assert!(found);
        assert_eq!((why(&finished), world.now().since(begun), gauge.inside()), ("cancelled", secs(3), 0));
        assert_eq!(finished.stats.admitted, pulled.entered(), "what was pulled is accounted for");
        assert_eq!(finished.stats.not_started, left(&finished).len());
    }

    async fn a_body_that_reads_nothing_stops_it_at_once(world: World) {
        let started = Gauge::default();
        let handler = async |_: Arc<u32>, _| {
            started.pass();
            Ok::<u32, &str>(0)
        };
        let (said, finished) = numbers(&world, 3)
            .for_each(0_u32.., handler, async |_results: Reader<u32, u32, &'static str>| "no thanks")
            .unwrap()
            .await;
        assert_eq!((said, why(&finished)), ("no thanks", "cancelled"));
        assert!(started.entered() <= 6);
        drop(world);
    }

    // Items that handlers push come in between, and limits, retries and the rest hold as anywhere.
    async fn a_map_has_every_option(world: World) {
        let handler = async |n: Arc<u32>, ctx: queue::Ctx<u32, u32, &'static str>| {
            if *n < 10 {
                ctx.push(*n + 100).unwrap();
            }
            if ctx.attempt() == 1 { Err("once more") } else { Ok(*n) }
        };
        let rule = Backoff::constant(millis(10)).times(1);
        let mapped = numbers(&world, 2).capacity(1).unwrap().retry(rule).map(0..20, handler).unwrap().await;
        // Each first attempt of the ten pushes one, and so does each second one.
        assert_eq!((mapped.results.len(), mapped.finished.stats.retries), (40, 40));
        let own: Vec<u32> = jobs(&mapped.results).into_iter().filter(|n| *n < 100).collect();
        assert_eq!(own, (0..20).collect::<Vec<_>>());
    }

    async fn a_map_that_is_stopped_says_what_it_did_not_do(world: World) {
        let pulled = Gauge::default();
        let items = (0..100).inspect(|_| drop(pulled.enter()));
        let mapped = numbers(&world, 2)
            .capacity(3)
            .unwrap()
            .max_failures(1)
            .unwrap()
            .map(items, async |n, _| {
                world.sleep(secs(1)).await;
                if *n == 10 { Err("ten") } else { Ok(*n) }
            })
            .unwrap()
            .await;
        assert_eq!(why(&mapped.finished), "failure limit");
        assert_eq!(jobs(&mapped.results), (0..12).collect::<Vec<_>>());
        assert_eq!(left(&mapped.finished), (12..u32::try_from(pulled.entered()).unwrap()).collect::<Vec<_>>());
        assert!(pulled.entered() <= 15);
    }

    // The items are borrowed, and so is what the handler needs; nothing is `'static`.
    async fn items_and_handlers_borrow(world: World) {
        let names = vec![String::from("ann"), String::from("bob"), String::from("clarence")];
        let longest = 5;
        let lengths = queue::map(&names, 2, async |name: Arc<&String>, _| {
            world.yield_now().await;
            if name.len() <= longest { Ok(name.len()) } else { Err(*name) }
        })
        .unwrap()
        .await;
        let lengths: Vec<_> = lengths.iter().map(|done| done.result.as_ref().ok().copied()).collect();
        assert_eq!(lengths, [Some(3), Some(3), None]);
    }

    async fn an_empty_source_is_done_at_once(world: World) {
        let begun = world.now();
        let read = async |mut results: Reader<u32, u32, &'static str>| results.next().await.is_none();
        let none = std::iter::empty::<u32>();
        let (ended, finished) = numbers(&world, 2).for_each(none, takes(&world, secs(1)), read).unwrap().await;
        assert_eq!((ended, why(&finished), world.now()), (true, "completed", begun));
        let mapped = numbers(&world, 2).map_stream(futures::stream::empty(), takes(&world, secs(1))).unwrap().await;
        assert!(mapped.results.is_empty());
    }
}
