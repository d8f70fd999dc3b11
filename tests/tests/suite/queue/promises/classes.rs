//! Limits per class: a host, a tenant.

use crate::queue::support::{Diary, Gauge, millis, numbers, secs};
use regatta::Class;
use regatta::queue::Options;
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn at_most_so_many_of_a_class_run_at_once(world: World) {
        let gauges: [Gauge; 3] = Default::default();
        let all = Gauge::default();
        let (queue, _results, mut engine) = numbers(&world, 10)
            .class_limit(2)
            .unwrap()
            .build(async |n, _| {
                let _inside = (all.enter(), gauges[*n as usize % 3].enter());
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..30 {
            queue.push_with(n, Options::new().class(Class::of(&(n % 3)))).await.unwrap();
        }
        queue.close();
        let begun = world.now();
        assert_eq!(engine.run().await.stats.ok, 30);
        assert_eq!((all.most(), world.now().since(begun)), (6, secs(5)));
        assert!(gauges.iter().all(|gauge| gauge.most() == 2));
    }

    async fn spawned_workers_keep_the_limit_too(world: World) {
        let (gauge, inner) = (Gauge::default(), world.clone());
        let own = gauge.clone();
        let (queue, _results, engine) = numbers(&world, 10)
            .class_limit(3)
            .unwrap()
            .build(async move |_, _| {
                let _inside = own.enter();
                inner.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..9 {
            queue.push_with(n, Options::new().class(Class::of("host"))).await.unwrap();
        }
        queue.close();
        let begun = world.now();
        assert_eq!(engine.spawn_on(world.executor()).await.stats.ok, 9);
        assert_eq!((gauge.most(), world.now().since(begun)), (3, secs(3)));
    }

    // A class that is full does not stand in the way of others, nor of jobs without a class.
    async fn a_full_class_holds_up_nobody_else(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 2)
            .class_limit(1)
            .unwrap()
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..3 {
            queue.push_with(n, Options::new().class(Class::of("slow"))).await.unwrap();
        }
        for n in 3..5 {
            queue.push(n).await.unwrap();
        }
        queue.push_with(5, Options::new().class(Class::of("other"))).await.unwrap();
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 6);
        assert_eq!(diary.lines(), [(0, 0), (3, 0), (1, 1_000), (4, 1_000), (2, 2_000), (5, 2_000)]);
    }

    // A place of a class comes back however a job ends.
    async fn a_class_gets_its_place_back_after_every_end(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 4)
            .class_limit(1)
            .unwrap()
            .attempt_timeout(secs(1))
            .build(async |n, _| match *n {
                0 => Err("no"),
                1 => crate::queue::support::overboard(),
                2 => std::future::pending().await,
                _ => Ok(()),
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                let class = || Options::new().class(Class::of("host"));
                for n in [0, 1, 2] {
                    queue.push_with(n, class()).await.unwrap();
                }
                let gone = queue.push_with(2, class()).await.unwrap();
                world.sleep(millis(1_500)).await;
                assert!(queue.cancel(gone));
                let last = queue.submit_with(3, class()).await.unwrap();
                assert!(last.await.is_ok());
            })
            .await;
        let stats = finished.stats;
        assert_eq!((stats.ok, stats.failed, stats.panicked, stats.timed_out, stats.cancelled), (1, 1, 1, 1, 1));
    }
}
