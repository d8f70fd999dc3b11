//! Where two rules meet.

use futures::stream;
use regatta::queue::{Queue, StopReason};
use regatta::strategies::Gate;
use regatta_tests::{World, on_every_executor};
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

on_every_executor! {
    /// A stream that gives nothing more is not waited for once nobody reads.
    async fn a_body_that_ends_early_ends_a_run_over_a_silent_stream(world: World) {
        let each = Queue::<u32>::builder()
            .workers(2)
            .unwrap()
            .clock(world.clock())
            .for_each_stream(stream::pending(), async |_, _| Ok::<_, Infallible>(()), async |_| 7)
            .unwrap();
        let (seven, finished) = each.await;
        assert_eq!((seven, finished.stats.admitted), (7, 0));
    }

    async fn a_run_over_a_silent_stream_keeps_its_time(world: World) {
        let begin = world.now();
        let map = Queue::<u32>::builder()
            .workers(2)
            .unwrap()
            .clock(world.clock())
            .timeout(SECOND)
            .map_stream(stream::pending(), async |_, _| Ok::<_, Infallible>(()))
            .unwrap();
        let mapped = map.await;
        assert_eq!(mapped.results.len(), 0);
        assert!(matches!(mapped.finished.stop, StopReason::TimedOut), "{:?}", mapped.finished.stop);
        assert_eq!(world.now().since(begin), SECOND);
    }

    /// A run that is over has to be opened again; until then there is nothing to wait for.
    async fn a_second_run_without_reopening_ends_at_once(world: World) {
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .clock(world.clock())
            .build(async |_, _| Ok::<_, Infallible>(()))
            .unwrap();
        queue.try_push(1).unwrap();
        queue.stop();
        assert_eq!(engine.run().await.leftover.len(), 1);
        assert_eq!(engine.run().await.leftover.len(), 0);
    }

    /// A slot is used again at once: the cancel was for the job that had it before.
    async fn a_cancel_of_a_job_that_has_ended_ends_no_other(world: World) {
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .workers(4)
            .unwrap()
            .clock(world.clock())
            .build(async |job, ctx| {
                if *job == 0 {
                    assert!(ctx.queue().cancel(ctx.id()), "it runs");
                }
                if *job < 2 {
                    let _ = ctx.push(*job + 1).unwrap();
                } else {
                    world.sleep(SECOND).await;
                }
                Ok::<_, Infallible>(())
            })
            .unwrap();
        let _ = queue.try_push(0).unwrap();
        queue.close();
        let stats = engine.run().await.stats;
        assert_eq!((stats.ok, stats.cancelled), (3, 0));
    }

    /// Whoever stops a run while an item is pulled gets that item back, and no more are pulled.
    async fn a_stop_between_place_and_item_pulls_no_more(world: World) {
        let (queue, pulled) = (Mutex::new(None::<Queue<u32, (), Infallible>>), AtomicU32::new(0));
        let items = (0..).inspect(|n| {
            pulled.fetch_add(1, Ordering::SeqCst);
            if *n == 20 {
                let queue = queue.lock().unwrap().take().expect("the first one has run");
                queue.stop();
            }
        });
        let map = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .capacity(3)
            .unwrap()
            .clock(world.clock())
            .map(items, async |n, ctx| {
                if *n == 0 {
                    *queue.lock().unwrap() = Some(ctx.queue());
                }
                Ok::<_, Infallible>(())
            })
            .unwrap();
        let mapped = map.await;
        let pulled = pulled.load(Ordering::SeqCst) as usize;
        assert!(pulled < 30, "{pulled} were pulled");
        assert_eq!(mapped.results.len() + mapped.finished.leftover.len(), pulled);
    }
}

/// A job that the strategy has refused was never started: its place is not free.
#[test]
fn a_job_that_may_not_start_keeps_its_place() {
    regatta_tests::executors::futures(async |world: World| {
        let gate = Gate::closed();
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .workers(2)
            .unwrap()
            .capacity(2)
            .unwrap()
            .clock(world.clock())
            .strategy(gate.clone())
            .build(async |_, _| Ok::<_, Infallible>(()))
            .unwrap();
        let ((), finished) = engine
            .run_with(async {
                queue.push(0).await.unwrap();
                queue.push(1).await.unwrap();
                for round in 0..20 {
                    let mut third = std::pin::pin!(queue.push(2));
                    assert!(futures::poll!(third.as_mut()).is_pending());
                    world.yield_now().await;
                    world.yield_now().await;
                    assert_eq!((queue.stats().pending, queue.stats().blocked), (2, 1), "round {round}");
                    assert!(futures::poll!(third.as_mut()).is_pending());
                }
                gate.open();
            })
            .await;
        assert_eq!(finished.stats.ok, 2);
    });
}
