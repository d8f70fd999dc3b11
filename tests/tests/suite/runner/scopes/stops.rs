//! Stop rules, `stop`, `cancel_on` and times: they end the tasks and close the scope; the body reads on.

use super::{done, read_all, settle};
use crate::runner::support::{Fault, after, secs};
use regatta::{AddError, CancelToken, StopOn, Time, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::time::Duration;

const LATE: &str = "not started: the run's time was up";

on_every_executor! {
    async fn the_first_error_stops_the_scope_and_the_body_goes_on(world: World) {
        let start = world.now();
        let read = scope(2, async |s| {
            s.spawn(1, after(&world, secs(1), Err("no"))).unwrap();
            s.spawn(2, pending::<Result<u8, Fault>>()).unwrap();
            s.spawn(3, pending()).unwrap();
            let read = read_all(&s).await;
            assert_eq!((s.is_closed(), s.spawn(4, pending())), (true, Err(AddError::Closed)));
            assert_eq!(s.spawn_when_free(5, pending()).await, Err(AddError::Closed));
            world.sleep(secs(5)).await;
            done(read)
        });
        let mut read = read.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await.unwrap();
        read.sort();
        assert_eq!(read, ["1: failed: no", "2: cancelled", "3: not started: the run was stopped by its stop rule"]);
        assert_eq!(world.now().since(start), secs(6));
    }

    async fn the_first_ok_stops_the_others(world: World) {
        let probe = Probe::new();
        let first = scope(9, async |s| {
            for key in 1..=5 {
                s.spawn(key, probe.also(after(&world, secs(key), Ok::<_, Fault>(key)))).unwrap();
            }
            let first = s.next().await.unwrap();
            settle(&world).await;
            assert_eq!((probe.alive(), s.running()), (0, 0));
            done(first.1.unwrap())
        });
        assert_eq!(first.unwrap().clock(world.clock()).stop_on(StopOn::FirstOk).await, Ok(1));
    }

    async fn so_many_failures_stop_it(world: World) {
        let ended = scope(1, async |s| {
            for key in 0..9 {
                s.spawn(key, after(&world, secs(1), if key % 2 == 0 { Err("odd") } else { Ok(()) })).unwrap();
            }
            done(read_all(&s).await.iter().filter(|text| !text.contains("not started")).count())
        });
        let rule = StopOn::failures(2).unwrap();
        assert_eq!(ended.unwrap().clock(world.clock()).stop_on(rule).await, Ok(3));
    }

    async fn a_token_cancels_with_grace_and_the_body_reads_on(world: World) {
        let token = CancelToken::new();
        let start = world.now();
        let read = scope(3, async |s| {
            s.spawn("quick", after(&world, secs(3), Ok(1))).unwrap();
            s.spawn("slow", pending()).unwrap();
            world.sleep(secs(2)).await;
            token.cancel();
            settle(&world).await;
            assert_eq!((s.is_closed(), s.running()), (true, 2));
            assert_eq!(s.spawn("late", pending()), Err(AddError::Closed));
            let read = read_all(&s).await;
            assert_eq!(world.now().since(start), secs(6));
            world.sleep(secs(1)).await;
            done(read)
        });
        let read = read.unwrap().clock(world.clock()).cancel_on(&token).grace(secs(4)).await.unwrap();
        assert_eq!(read, ["quick: ok 1", "slow: cancelled"]);
    }

    async fn a_token_that_was_cancelled_before_lets_nothing_start(world: World) {
        let (token, probe) = (CancelToken::new(), Probe::new());
        token.cancel();
        let read = scope(3, async |s| {
            let _either = s.spawn(1, probe.also(after(&world, secs(3), Ok(1))));
            done(read_all(&s).await.iter().all(|text| text.contains("not started")))
        });
        assert_eq!(read.unwrap().clock(world.clock()).cancel_on(&token).await, Ok(true));
        assert_eq!((probe.polls(), probe.alive()), (0, 0));
    }

    async fn the_body_stops_its_scope(world: World) {
        let probe = Probe::new();
        let read = scope(2, async |s| {
            for key in 0..3 {
                s.spawn(key, probe.also(pending::<Result<u8, Fault>>())).unwrap();
            }
            world.sleep(secs(1)).await;
            s.stop();
            s.stop();
            settle(&world).await;
            assert_eq!((probe.alive(), s.running(), s.waiting(), s.is_closed()), (0, 0, 0, true));
            let mut read = read_all(&s).await;
            read.sort();
            done(read)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["0: cancelled", "1: cancelled", "2: not started: it was cancelled first"]);
    }

    async fn a_task_stops_the_scope_it_runs_in(world: World) {
        let world = &world;
        let read = scope(3, async |s| {
            s.spawn_with(1, async |s| {
                world.sleep(secs(1)).await;
                s.stop();
                Ok::<_, Fault>(1)
            })
            .unwrap();
            s.spawn(2, pending()).unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["1: ok 1", "2: cancelled"]);
    }

    async fn the_time_of_the_scope_is_up(world: World) {
        let start = world.now();
        let read = scope(2, async |s| {
            for key in 1..=4 {
                s.spawn(key, after(&world, secs(key * 2), Ok(key))).unwrap();
            }
            let mut read = read_all(&s).await;
            read.sort();
            assert_eq!((world.now().since(start), s.is_closed()), (secs(5), true));
            world.sleep(secs(10)).await;
            done(read)
        });
        let read = read.unwrap().clock(world.clock()).timeout(secs(5)).await.unwrap();
        let out = "timed out after 5s";
        assert_eq!(read[..2], ["1: ok 1", "2: ok 2"]);
        assert_eq!(read[2..], [format!("3: {out}"), format!("4: {out}")]);
        assert_eq!(world.now().since(start), secs(15), "the body is not ended by it");
    }

    async fn a_deadline_is_an_instant_and_the_earlier_counts(world: World) {
        let start = world.now();
        for (timeout, deadline) in [(secs(99), start + secs(3)), (secs(3), Time::MAX)] {
            let began = world.now();
            let read = scope(1, async |s| {
                s.spawn(1, pending::<Result<u8, Fault>>()).unwrap();
                s.spawn(2, pending()).unwrap();
                let mut read = read_all(&s).await;
                read.sort();
                done(read)
            });
            let run = read.unwrap().clock(world.clock()).timeout(timeout).deadline(deadline);
            assert_eq!(run.await.unwrap(), ["1: timed out after 3s".to_owned(), format!("2: {LATE}")]);
            assert_eq!(world.now().since(began), secs(3));
        }
    }

    async fn a_timeout_of_zero_starts_nothing(world: World) {
        let probe = Probe::new();
        let read = scope(1, async |s| {
            s.spawn(1, probe.also(pending::<Result<u8, Fault>>())).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).timeout(Duration::ZERO).await.unwrap();
        assert_eq!((read, probe.polls()), (vec![format!("1: {LATE}")], 0));
    }

    async fn each_task_has_its_time_from_its_start(world: World) {
        let start = world.now();
        let read = scope(1, async |s| {
            s.spawn(1, pending::<Result<u8, Fault>>()).unwrap();
            s.spawn(2, after(&world, secs(2), Ok(2))).unwrap();
            s.spawn(3, after(&world, secs(3), Ok(3))).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).task_timeout(secs(3)).await.unwrap();
        assert_eq!(read, ["1: timed out after 3s", "2: ok 2", "3: ok 3"], "completion beats the deadline");
        assert_eq!(world.now().since(start), secs(8));
    }

    async fn a_scope_whose_body_is_over_still_times_out(world: World) {
        let (start, probe) = (world.now(), Probe::new());
        let run = scope(1, async |s| {
            s.spawn(1, probe.also(pending::<Result<u8, Fault>>())).unwrap();
            done(())
        });
        run.unwrap().clock(world.clock()).timeout(secs(7)).await.unwrap();
        assert_eq!((world.now().since(start), probe.alive(), world.clock.timers()), (secs(7), 0, 0));
    }
}
