//! Workers that can't let go of a job at once: their executor is overloaded, or a job blocks its thread.

use crate::queue::support::{Gauge, adds_up, left, millis, numbers, secs, states, why};
use regatta::queue::{JobState, Options};
use regatta_tests::{Gated, World, on_every_executor};

on_every_executor! {
    // The outcome of a job that is cancelled is known at once; that it still runs somewhere is counted.
    async fn a_cancel_is_answered_before_its_worker_has_let_go(world: World) {
        let (gauge, executor) = (Gauge::default(), Gated::new(world.executor()));
        let (own, inner) = (gauge.clone(), world.clone());
        let (queue, _results, engine) = numbers(&world, 1)
            .build(async move |n, _| {
                let _inside = own.enter();
                inner.sleep(secs(60)).await;
                Ok::<_, &str>(*n)
            })
            .unwrap();
        let handle = engine.spawn_on(executor.clone());
        let first = queue.submit_with(1, Options::new().key("a")).await.unwrap();
        let second = queue.submit(2).await.unwrap();
        world.sleep(secs(1)).await;
        executor.shut();
        let id = first.id();
        assert!(queue.cancel(id));
        assert_eq!(states(&[first.await]), ["cancelled"]);
        assert_eq!((queue.state(id), queue.cancel(id), queue.find("a")), (Some(JobState::Stopping), false, None));
        let stats = queue.stats();
        assert_eq!((stats.stopping, stats.running, stats.cancelled, gauge.inside()), (1, 0, 1, 1));
        adds_up(&stats);
        world.sleep(secs(1)).await;
        assert_eq!(queue.stats().pending, 1, "its worker is not free yet");
        executor.open();
        world.sleep(millis(1)).await;
        assert_eq!((queue.stats().stopping, queue.state(second.id())), (0, Some(JobState::Running)));
        queue.close();
        assert_eq!(states(&[second.await]), ["ok"]);
        let finished = handle.await;
        assert_eq!((finished.stats.ok, finished.stats.cancelled, gauge.inside()), (1, 1, 0));
    }

    // Nor does a stop wait for it, beyond its grace; nor an abort.
    async fn a_stop_is_over_in_time_although_no_worker_is_polled(world: World) {
        for abort in [false, true] {
            let (gauge, executor) = (Gauge::default(), Gated::new(world.executor()));
            let (own, inner) = (gauge.clone(), world.clone());
            let (queue, mut results, engine) = numbers(&world, 2)
                .grace(secs(5))
                .build(async move |n, _| {
                    let _inside = own.enter();
                    inner.sleep(secs(60)).await;
                    Ok::<_, &str>(*n)
                })
                .unwrap();
            for n in 0..3 {
                queue.push(n).await.unwrap();
            }
            let handle = engine.spawn_on(executor.clone());
            world.sleep(secs(1)).await;
            executor.shut();
            let begun = world.now();
            if abort { handle.abort() } else { queue.stop() }
            let finished = handle.await;
            let took = if abort { secs(0) } else { secs(5) };
            assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", took));
            assert_eq!((finished.stats.cancelled, finished.stats.stopping, left(&finished)), (2, 2, vec![2]));
            adds_up(&finished.stats);
            assert_eq!((states(&results.drain()), gauge.inside()), (vec!["cancelled", "cancelled"], 2));
            assert!(results.next().await.is_none());
            executor.open();
            world.sleep(millis(1)).await;
            assert_eq!((gauge.inside(), queue.stats().stopping), (0, 0), "what ran is dropped once it can be");
        }
    }
}
