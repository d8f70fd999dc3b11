//! Jobs that start later: after a delay, or at a time.

use crate::queue::support::{Diary, millis, numbers, secs};
use regatta::Time;
use regatta::queue::{JobState, Options, Refusal};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn jobs_start_at_their_time_and_not_before(world: World) {
        world.sleep(secs(100)).await;
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 2)
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        let now = world.now();
        let push = async |n, options| queue.push_with(n, options).await.unwrap();
        push(1, Options::new().delay(secs(30))).await;
        push(2, Options::new().at(now + secs(20))).await;
        let past = push(3, Options::new().at(Time::ZERO)).await;
        let none = push(4, Options::new().delay(secs(0))).await;
        push(5, Options::new()).await;
        assert_eq!((queue.state(past), queue.state(none)), (Some(JobState::Pending), Some(JobState::Pending)));
        assert_eq!((queue.stats().pending, queue.stats().delayed), (3, 2));
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 5);
        assert_eq!(diary.lines(), [(3, 0), (4, 0), (5, 0), (2, 20_000), (1, 30_000)]);
    }

    async fn spawned_workers_wait_for_it_too(world: World) {
        let diary = Diary::new(&world);
        let own = diary.clone();
        let (queue, _results, engine) = numbers(&world, 3)
            .build(async move |n, _| {
                own.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        let handle = engine.spawn_on(world.executor());
        world.sleep(secs(1)).await;
        for n in [7, 3, 5] {
            queue.push_with(n, Options::new().delay(secs(n.into()))).await.unwrap();
        }
        queue.close();
        assert_eq!(handle.await.stats.ok, 3);
        assert_eq!(diary.lines(), [(3, 4_000), (5, 6_000), (7, 8_000)]);
    }

    // It has its place in the queue while it waits; a time that never comes is one to be cancelled.
    async fn a_job_keeps_its_place_while_it_waits_for_its_time(world: World) {
        let (queue, _results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(async |_, _| Ok::<_, ()>(())).unwrap();
        let (_, finished) = engine
            .run_with(async {
                let never = queue.push_with(1, Options::new().at(Time::MAX)).await.unwrap();
                assert_eq!(queue.try_push(2).unwrap_err().why, Refusal::Full);
                let mut waits = queue.push(2);
                assert!(futures::poll!(&mut waits).is_pending());
                world.sleep(secs(1_000_000)).await;
                assert!(queue.cancel(never));
                waits.await.unwrap();
            })
            .await;
        assert_eq!((finished.stats.ok, finished.stats.not_started), (1, 1));
    }

    // What is due waits its turn, which is that of its admission: first come, first served.
    async fn a_job_whose_time_has_come_has_kept_its_turn(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(2)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let (_, _) = engine
            .run_with(async {
                queue.push_with(9, Options::new().delay(millis(500))).await.unwrap();
                for n in 0..3 {
                    queue.push(n).await.unwrap();
                    world.sleep(millis(400)).await;
                }
            })
            .await;
        assert_eq!(diary.lines(), [(0, 0), (9, 2_000), (1, 4_000), (2, 6_000)]);
    }

    // In a handler: a job that asks to be looked at again in a minute.
    async fn a_handler_comes_back_later(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .build(async |n, ctx| {
                diary.note(*n);
                if *n < 3 {
                    ctx.push_with(*n + 1, Options::new().delay(secs(60))).unwrap();
                }
                Ok::<_, ()>(())
            })
            .unwrap();
        queue.push(0).await.unwrap();
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 4);
        assert_eq!(diary.lines(), [(0, 0), (1, 60_000), (2, 120_000), (3, 180_000)]);
    }
}
