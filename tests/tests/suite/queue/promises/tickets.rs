//! A result per submission, and places that are taken in advance.

use crate::queue::support::{jobs, millis, numbers, secs, takes, values};
use regatta::queue::{Options, Refusal};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_ticket_gives_what_became_of_its_job(world: World) {
        let begun = world.now();
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(2))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                let first = queue.submit(7).await.unwrap();
                let second = queue.submit(8).await.unwrap();
                assert_eq!(world.now(), begun, "a submission waits for admission only");
                let done = second.await;
                assert_eq!((*done.job, *done.result.as_ref().unwrap(), done.attempts), (8, 8, 1));
                assert_eq!((done.queued_for(), done.ran_for()), (secs(2), secs(2)));
                assert_eq!((done.queued(), done.ended()), (begun, begun + secs(4)));
                assert_eq!(first.await.started(), Some(begun));
            })
            .await;
        assert_eq!((finished.stats.ok, results.drain().len()), (2, 0));
    }

    async fn a_ticket_that_is_dropped_leaves_its_job_alone(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                drop(queue.submit(1).await.unwrap());
                queue.push(2).await.unwrap();
            })
            .await;
        assert_eq!((finished.stats.ok, jobs(&results.drain())), (2, vec![2]), "its result is nobody's");
    }

    // Awaited on another task, long after the run was over and everything else dropped.
    async fn a_ticket_outlives_its_queue(world: World) {
        let (queue, results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let ticket = queue.submit(1).await.unwrap();
        queue.close();
        let _ = engine.run().await;
        drop((queue, results, engine));
        world.sleep(secs(60)).await;
        assert_eq!(ticket.await.result.unwrap(), 1);
    }

    async fn submissions_stand_in_line_with_pushes(world: World) {
        let (queue, mut results, engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(1))).unwrap();
        let handle = engine.spawn_on(world.executor());
        queue.push(0).await.unwrap();
        world.sleep(millis(1)).await;
        queue.push(1).await.unwrap();
        let (pushed, ticket) = futures::join!(queue.push(2), queue.submit(3));
        assert!(pushed.unwrap() < ticket.as_ref().unwrap().id(), "first come, first served");
        let done = ticket.unwrap().await;
        assert_eq!(done.result.unwrap(), 3);
        queue.close();
        assert_eq!(handle.await.stats.ok, 4);
        assert_eq!(values(&results.drain()), [0, 1, 2]);
    }

    async fn a_place_is_taken_before_the_job_is_made(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 1).capacity(2).unwrap().build(takes(&world, secs(1))).unwrap();
        let place = queue.reserve().await.unwrap();
        queue.try_push(1).unwrap();
        assert_eq!(queue.try_push(2).unwrap_err().why, Refusal::NotRunning, "the place counts");
        place.push(3).unwrap();
        let place = {
            let mut run = Box::pin(engine.run());
            assert!(futures::poll!(&mut run).is_pending());
            let place = queue.reserve().await.unwrap();
            assert_eq!(queue.try_push(2).unwrap_err().why, Refusal::Full);
            drop(place);
            queue.try_push(4).unwrap();
            queue.close();
            run.await;
            queue.reserve().await.map(drop)
        };
        assert_eq!(place, Err(Refusal::Closed));
        assert_eq!(jobs(&results.drain()), [1, 3, 4]);
    }

    async fn a_place_that_is_dropped_goes_to_the_next_one(world: World) {
        let (queue, _results, engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(9))).unwrap();
        let handle = engine.spawn_on(world.executor());
        let place = queue.reserve().await.unwrap();
        let begun = world.now();
        let drops = async {
            world.sleep(secs(1)).await;
            drop(place);
        };
        let (pushed, ()) = futures::join!(queue.push_with(1, Options::new().metadata("late")), drops);
        assert!(pushed.is_ok());
        assert_eq!(world.now().since(begun), secs(1));
        queue.close();
        assert_eq!(handle.await.stats.ok, 1);
    }

    // Dropped before it was ready, it was not admitted, and the next one in line is.
    async fn a_push_that_is_dropped_was_never_there(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                queue.push(0).await.unwrap();
                world.sleep(millis(1)).await;
                queue.push(1).await.unwrap();
                let (mut gone, mut stays) = (queue.push(2), queue.push(3));
                assert!(futures::poll!(&mut gone).is_pending() && futures::poll!(&mut stays).is_pending());
                world.sleep(millis(500)).await;
                drop(gone);
                stays.await.unwrap();
            })
            .await;
        assert_eq!((finished.stats.admitted, jobs(&results.drain())), (3, vec![0, 1, 3]));
    }
}
