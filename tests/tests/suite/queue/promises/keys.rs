//! Names of jobs: look-up, and what becomes of a second job of the same name.

use crate::queue::support::{Gauge, jobs, millis, numbers, secs, states, takes};
use regatta::queue::{JobState, Key, OnDuplicate, Options, Refusal};
use regatta_tests::{World, on_every_executor};

fn key(name: &str) -> Options {
    Options::new().key(name)
}

on_every_executor! {
    async fn a_job_is_found_by_its_key_until_its_end(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let (_, _) = engine
            .run_with(async {
                let id = queue.push_with(1, key("a")).await.unwrap();
                let other = queue.push_with(2, Options::new().key(7)).await.unwrap();
                assert_eq!((queue.find("a"), queue.find(7), queue.find("7")), (Some(id), Some(other), None));
                world.sleep(millis(500)).await;
                assert_eq!(queue.state(id), Some(JobState::Running));
                assert_eq!(queue.state(other), Some(JobState::Pending));
                world.sleep(secs(1)).await;
                assert_eq!((queue.find("a"), queue.state(id)), (None, None));
            })
            .await;
        let keys: Vec<_> = results.drain().iter().map(|done| done.key().cloned()).collect();
        assert_eq!(keys, [Some(Key::from("a")), Some(Key::from(7))]);
    }

    async fn a_key_that_is_taken_refuses_the_job(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                let id = queue.push_with(1, key("a")).await.unwrap();
                let refused = queue.push_with(2, key("a")).await.unwrap_err();
                assert_eq!((refused.why, refused.job), (Refusal::Duplicate(id), 2));
                assert_eq!(refused.why.to_string(), "job #0 has the same key");
                world.sleep(millis(500)).await;
                assert_eq!(queue.try_push_with(3, key("a")).unwrap_err().why, Refusal::Duplicate(id), "it runs");
                world.sleep(secs(1)).await;
                queue.push_with(4, key("a")).await.unwrap();
            })
            .await;
        assert_eq!((jobs(&results.drain()), finished.stats.admitted), (vec![1, 4], 2));
    }

    async fn a_job_joins_the_one_that_has_its_key(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let join = || key("a").on_duplicate(OnDuplicate::Join);
        let (_, finished) = engine
            .run_with(async {
                let id = queue.push_with(1, join()).await.unwrap();
                assert_eq!(queue.push_with(2, join()).await.unwrap(), id);
                let refused = queue.submit_with(3, join()).await.unwrap_err();
                assert_eq!(refused.why, Refusal::Duplicate(id), "whose results can't be copied for a ticket");
            })
            .await;
        assert_eq!((jobs(&results.drain()), finished.stats.admitted), (vec![1], 1));
    }

    // A full queue has room for a job that another one stands for.
    async fn joining_needs_no_place(world: World) {
        let (queue, _results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(1))).unwrap();
        let join = || key("a").on_duplicate(OnDuplicate::Join);
        let id = queue.push_with(1, join()).await.unwrap();
        assert_eq!(queue.push_with(2, join()).await.unwrap(), id);
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 1);
    }

    // Five ask for the same page: it is fetched once, and all five get it; so does whoever reads the results.
    async fn those_who_ask_for_the_same_share_one_result(world: World) {
        let fetched = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 3)
            .build(async |n, _| {
                fetched.pass();
                world.sleep(secs(1)).await;
                if *n == 9 { Err(String::from("no route")) } else { Ok(format!("page {n}")) }
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                queue.push_with(1, key("page").metadata("first")).await.unwrap();
                let mut tickets = Vec::new();
                for _ in 0..4 {
                    tickets.push(queue.submit_or_join(1, key("page")).await.unwrap());
                    world.sleep(millis(100)).await;
                }
                for ticket in tickets {
                    let done = ticket.await;
                    assert_eq!(done.result.as_ref().unwrap(), "page 1");
                    assert_eq!(done.metadata(), Some(&"first"));
                }
                let (one, two) = (queue.submit_or_join(9, key("bad")).await, queue.submit_or_join(9, key("bad")).await);
                let (one, two) = futures::join!(one.unwrap(), two.unwrap());
                for done in [one, two] {
                    assert_eq!(done.result.unwrap_err().failure().unwrap(), "no route");
                }
                assert!(queue.submit_or_join(1, key("page")).await.unwrap().await.is_ok(), "it is fetched anew");
            })
            .await;
        assert_eq!((fetched.entered(), finished.stats.admitted, jobs(&results.drain())), (3, 3, vec![1]));
    }

    async fn a_job_takes_the_place_of_one_that_waits(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(1))).unwrap();
        let replace = || key("a").on_duplicate(OnDuplicate::Replace);
        let old = queue.push_with(1, replace()).await.unwrap();
        let new = queue.push_with(2, replace()).await.unwrap();
        assert!(new != old && queue.find("a") == Some(new) && queue.state(old).is_none());
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, finished.stats.not_started), (1, 1));
        let all = results.drain();
        assert_eq!((jobs(&all), states(&all)), (vec![1, 2], vec!["not started", "ok"]));
    }

    // Debouncing: of a burst only the last one runs.
    async fn of_a_burst_only_the_last_one_runs(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 1).build(takes(&world, millis(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                let mut last = None;
                for n in 0..10 {
                    let options = key("save").on_duplicate(OnDuplicate::Replace).delay(secs(1));
                    last = Some(queue.submit_with(n, options).await.unwrap());
                    world.sleep(millis(200)).await;
                }
                assert_eq!(last.unwrap().await.result.unwrap(), 9);
            })
            .await;
        assert_eq!((finished.stats.ok, finished.stats.not_started), (1, 9));
    }

    async fn beside_a_job_that_runs_the_new_one_has_the_key(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2).build(takes(&world, secs(1))).unwrap();
        let replace = || key("a").on_duplicate(OnDuplicate::Replace);
        let (_, finished) = engine
            .run_with(async {
                let old = queue.push_with(1, replace()).await.unwrap();
                world.sleep(millis(500)).await;
                let new = queue.push_with(2, replace()).await.unwrap();
                assert_eq!((queue.find("a"), queue.state(old)), (Some(new), Some(JobState::Running)));
                world.sleep(millis(700)).await;
                assert_eq!((queue.find("a"), queue.state(old)), (Some(new), None), "the old one's end frees no key");
            })
            .await;
        assert_eq!((jobs(&results.drain()), finished.stats.ok), (vec![1, 2], 2));
    }

    // Handlers that find the same page again are told so, and it is not run twice.
    async fn a_crawl_visits_each_page_once(world: World) {
        let visits = Gauge::default();
        let (queue, _results, mut engine) = numbers(&world, 4)
            .build(async |page, ctx| {
                visits.pass();
                world.sleep(millis(10)).await;
                for link in [*page * 2, *page * 2 + 1, *page].into_iter().filter(|link| *link < 64) {
                    let pushed = ctx.push_with(link, Options::new().key(u64::from(link)));
                    assert_eq!(pushed.is_err(), link == *page);
                }
                Ok::<_, ()>(())
            })
            .unwrap();
        queue.push_with(1, Options::new().key(1)).await.unwrap();
        queue.close();
        assert_eq!((engine.run().await.stats.ok, visits.entered()), (63, 63));
    }

    async fn a_handler_knows_the_name_and_metadata_of_its_job(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 1)
            .build(async |_, ctx| {
                let (name, about) = (ctx.key().cloned(), ctx.metadata::<&str>().copied());
                Ok::<_, ()>((name, about, ctx.metadata::<u8>().is_none(), ctx.id()))
            })
            .unwrap();
        let (_, _) = engine
            .run_with(async {
                let ticket = queue.submit_with(1, key("a").metadata("b")).await.unwrap();
                let id = ticket.id();
                assert_eq!(ticket.await.result.unwrap(), (Some(Key::from("a")), Some("b"), true, id));
                let plain = queue.submit(2).await.unwrap().await.result.unwrap();
                assert_eq!((plain.0, plain.1), (None, None));
            })
            .await;
        drop(world);
    }
}
