//! Hangs: both sides bounded, nobody reads, handlers that add.

use crate::queue::support::{Gauge, adds_up, jobs, millis, numbers, secs, takes, values};
use regatta::queue::{self, Options, Reader, Refusal, Results};
use regatta::{Backoff, Queue};
use regatta_tests::{Sim, World, on_every_executor};
use std::sync::Arc;

on_every_executor! {
    // Far more jobs than places, nobody who reads: with the defaults, results wait for nobody.
    async fn defaults_with_nobody_who_reads_do_not_hang(world: World) {
        let (queue, results, mut engine) = numbers(&world, 10).build(takes(&world, millis(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                for n in 0..3_000 {
                    queue.push(n).await.unwrap();
                }
                queue.settled().await.unwrap();
            })
            .await;
        assert_eq!((finished.stats.ok, results.len()), (3_000, 3_000));
    }

    // Both sides hold as many as there are workers, as in Aqute by default, and whoever adds also reads, in the end.
    async fn both_sides_bounded_by_the_workers_do_not_hang(world: World) {
        let handler = takes(&world, millis(5));
        let bounded = || numbers(&world, 10).capacity(10).unwrap().results(Results::Bounded(10)).unwrap();
        let (queue, mut results, mut engine) = bounded().build(handler.clone()).unwrap();
        let (read, finished) = engine
            .run_with(async {
                let add = async {
                    for n in 0..100 {
                        queue.push(n).await.unwrap();
                    }
                    queue.close();
                };
                let read = async {
                    let mut read = Vec::new();
                    while let Some(done) = results.next().await {
                        read.push(done);
                    }
                    read
                };
                futures::join!(add, read).1
            })
            .await;
        assert_eq!((read.len(), finished.stats.ok), (100, 100));
        let read = async |results: Reader<u32, u32, &'static str>| {
            let mut read = 0;
            results.for_each(|_| read += 1).await;
            read
        };
        assert_eq!(bounded().for_each(0..100, handler, read).unwrap().await.0, 100);
    }

    // The narrowest of all: one worker, one place on either side.
    async fn one_place_on_either_side_is_enough(world: World) {
        let rule = Backoff::constant(secs(1)).times(1);
        let handler = async |n: Arc<u32>, ctx: queue::Ctx<u32, u32, &'static str>| {
            if n.is_multiple_of(3) && ctx.attempt() == 1 { Err("once more") } else { Ok(*n) }
        };
        let read = async |mut results: Reader<u32, u32, &'static str>| {
            let mut read = Vec::new();
            while let Some(done) = results.next().await {
                world.sleep(millis(700)).await;
                read.push(done);
            }
            read
        };
        let narrow = numbers(&world, 1).capacity(1).unwrap().results(Results::Bounded(1)).unwrap().retry(rule);
        let (read, finished) = narrow.for_each(0..12, handler, read).unwrap().await;
        let mut all = values(&read);
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        assert_eq!(finished.stats.retries, 4);
    }

    // Bounded results are for the readers of results: jobs with a ticket need no place there.
    async fn tickets_are_answered_while_the_results_are_full(world: World) {
        let (queue, results, mut engine) =
            numbers(&world, 2).results(Results::Bounded(1)).unwrap().build(takes(&world, millis(5))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                for n in 0..5 {
                    queue.push(n).await.unwrap();
                }
                for n in 5..10 {
                    let ticket = queue.submit(n).await.unwrap();
                    assert_eq!(ticket.await.result.unwrap(), n);
                }
                assert_eq!((queue.stats().unread, queue.stats().pending, queue.stats().running), (1, 4, 0));
                drop(results);
            })
            .await;
        assert_eq!(finished.stats.ok, 10, "a reader that is gone holds up nobody");
    }

    // "Deadlock from inside a handler": each adds three to its own full queue, down to depth four.
    async fn handlers_that_add_to_their_full_queue_do_not_hang(world: World) {
        for workers in [1, 3] {
            let (queue, mut results, engine) = numbers(&world, workers)
                .capacity(1)
                .unwrap()
                .build(async |depth, ctx| {
                    for _ in 0..if *depth < 4 { 3 } else { 0 } {
                        ctx.push(*depth + 1).unwrap();
                    }
                    Ok::<_, ()>(*depth)
                })
                .unwrap();
            queue.push(0).await.unwrap();
            queue.close();
            let finished = engine.spawn_on(world.executor()).await;
            assert_eq!(finished.stats.ok, 1 + 3 + 9 + 27 + 81, "also after it was closed");
            assert!(finished.stats.grown > 0);
            adds_up(&finished.stats);
            let all = values(&results.drain());
            assert_eq!(all.iter().filter(|depth| **depth == 4).count(), 81);
        }
    }

    // The same with bounded results, in place, and pushes from outside that wait at the door meanwhile.
    async fn handlers_that_add_pass_those_who_wait_outside(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .capacity(2)
            .unwrap()
            .results(Results::Bounded(2))
            .unwrap()
            .build(async |n, ctx| {
                world.sleep(millis(1)).await;
                if *n < 100 {
                    ctx.push(*n + 100).unwrap();
                }
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                let add = async {
                    for n in 0..40 {
                        queue.push(n).await.unwrap();
                    }
                    queue.close();
                };
                let read = async {
                    let mut read = Vec::new();
                    while let Some(done) = results.next().await {
                        world.sleep(millis(2)).await;
                        read.push(done);
                    }
                    read
                };
                let (_, read) = futures::join!(add, read);
                let mut read = jobs(&read);
                read.sort_unstable();
                assert_eq!(read, (0..40).chain(100..140).collect::<Vec<_>>());
            })
            .await;
        assert_eq!(finished.stats.ok, 80);
    }

    // Growth has a cap for those who want one; a job that is refused comes back.
    async fn growth_may_be_capped(world: World) {
        let refused = Gauge::default();
        let (queue, results, mut engine) = numbers(&world, 1)
            .capacity(2)
            .unwrap()
            .growth(3)
            .build(async |n, ctx| {
                for more in 0..if *n == 0 { 9 } else { 0 } {
                    if let Err(error) = ctx.push(100 + more) {
                        assert_eq!((error.why, error.into_job()), (Refusal::Grown, 100 + more));
                        refused.pass();
                    }
                }
                Ok::<_, ()>(())
            })
            .unwrap();
        queue.push(0).await.unwrap();
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, finished.stats.grown, refused.entered()), (1 + 2 + 3, 3, 4));
        assert_eq!(results.len(), 6);
    }

    // Before the run a wait for a place would be for ever: it is refused, and those who wait when a run is dropped are too.
    async fn nobody_waits_for_a_run_that_is_not_there(world: World) {
        let (queue, _results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(9))).unwrap();
        queue.push(1).await.unwrap();
        assert_eq!(queue.push(2).await.unwrap_err().why, Refusal::NotRunning);
        let mut run = Box::pin(engine.run());
        assert!(futures::poll!(&mut run).is_pending());
        queue.push(2).await.unwrap();
        let mut waits = queue.push_with(3, Options::new().key("three"));
        assert!(futures::poll!(&mut waits).is_pending());
        assert_eq!(queue.stats().blocked, 1);
        drop(run);
        let refused = waits.await.unwrap_err();
        assert_eq!((refused.why, refused.job), (Refusal::NotRunning, 3));
        assert_eq!((queue.stats().blocked, queue.find("three")), (0, None));
    }
}

// What can't be helped, as anywhere, is told: all workers wait for places that only they could make.
#[test]
fn a_handler_that_waits_for_its_own_full_queue_is_found_out_by_the_simulator() {
    let sim = Sim::new(1);
    let ended = sim.run(async {
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .clock(sim.clock())
            .workers(1)
            .unwrap()
            .capacity(1)
            .unwrap()
            .build(async |n, ctx| {
                for more in 1..=2 {
                    ctx.queue().push(*n + more).await.map_err(|error| error.why)?;
                }
                Ok::<_, Refusal>(())
            })
            .unwrap();
        queue.push(0).await.unwrap();
        let _ = engine.run().await;
    });
    assert!(ended.unwrap_err().to_string().starts_with("deadlock at"));
}
