//! A batcher between the tasks of a run and a bulk interface.

use crate::runner::support::{Gauge, millis, secs};
use regatta::strategies::batcher::{BatchError, Batcher, Failure, Repeat};
use regatta::{CancelToken, Runner, map};
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};

type Doubler = Batcher<u32, u32, &'static str>;

/// Doubles its items in ten milliseconds, all of them or none: 213 is one that it can't take. Writes down each batch.
fn doubler(world: &World) -> (Doubler, Arc<Mutex<Vec<Vec<u32>>>>) {
    let (inner, batches) = (world.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = batches.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        seen.lock().unwrap().push(items.clone());
        inner.sleep(millis(10)).await;
        if items.contains(&213) {
            Err("213 is refused")
        } else {
            Ok(items.into_iter().map(|item| item * 2).collect())
        }
    });
    (batcher.clock(world.clock()), batches)
}

on_every_executor! {
    async fn each_task_gets_the_result_of_its_own_item(world: World) {
        for tasks in [1, 30, 31, 200] {
            let (batcher, batches) = doubler(&world);
            let batcher = &batcher.size(25).unwrap();
            let begun = world.now();
            let results = map(0..tasks, 300, async |n: u32| batcher.call(n).await).unwrap().clock(world.clock()).await;
            let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
            assert_eq!(results, (0..tasks).map(|n| 2 * n).collect::<Vec<_>>());
            let sizes: Vec<_> = batches.lock().unwrap().iter().map(Vec::len).collect();
            assert_eq!(sizes.len(), (tasks as usize).div_ceil(25), "{sizes:?}");
            // One batch at a time, and the last one may linger for a millisecond.
            assert!(world.now().since(begun) <= millis(11 * sizes.len() as u64));
        }
    }

    async fn tasks_that_are_cancelled_leave_the_others_their_batch(world: World) {
        let (batcher, batches) = doubler(&world);
        let token = CancelToken::new();
        let mut doomed = Runner::new().limit(50).unwrap().clock(world.clock()).cancel_on(&token);
        let mut others = Runner::new().limit(50).unwrap().clock(world.clock());
        for n in 0..20 {
            // The first callers, so that they are the ones who poll the batch.
            let mine = batcher.clone();
            doomed.add(n, async move { mine.call(n).await }).unwrap();
            let mine = batcher.clone();
            others.add(n, async move { mine.call(100 + n).await }).unwrap();
        }
        let cancel = async {
            world.sleep(millis(5)).await;
            token.cancel();
        };
        let (doomed, others, ()) = futures::join!(doomed.run(), others.run(), cancel);
        assert_eq!((doomed.counts().cancelled, others.counts().ok), (20, 20));
        assert_eq!(batches.lock().unwrap().len(), 1, "it was sent once, with all in it");
    }

    async fn the_item_to_blame_fails_alone(world: World) {
        let (batcher, batches) = doubler(&world);
        let batcher = &batcher.size(32).unwrap().on_failure(Failure::Bisect(Repeat::Idempotent));
        let results = map(200..232, 32, async |n: u32| batcher.call(n).await).unwrap().clock(world.clock()).await;
        for (n, result) in (200..).zip(results) {
            match result {
                Ok(double) => assert_eq!((double, n == 213), (2 * n, false)),
                Err(error) => {
                    assert_eq!(n, 213);
                    assert!(matches!(error.failure(), Some(BatchError::Failed(why)) if **why == "213 is refused"));
                }
            }
        }
        assert!(batches.lock().unwrap().len() <= 1 + 2 * 5);
    }

    async fn a_flush_sends_what_waits_for_company(world: World) {
        let (batcher, _) = doubler(&world);
        let batcher = batcher.linger(secs(3_600));
        let (begun, gauge) = (world.now(), Gauge::default());
        let call = async {
            let _inside = gauge.enter();
            batcher.call(4).await
        };
        let flush = async {
            world.sleep(secs(1)).await;
            assert_eq!((gauge.inside(), batcher.len()), (1, 1));
            batcher.flush().await;
        };
        let (result, ()) = futures::join!(call, flush);
        assert_eq!((result.unwrap(), world.now().since(begun)), (8, millis(1_010)));
    }
}
