//! Rates: five per second, and one of the user's own.

use crate::queue::support::{Diary, millis, numbers, secs, takes};
use regatta::queue::Reader;
use regatta::strategies::{Pausable, SlidingWindow};
use regatta::{Backoff, Outcome, Readiness, Request, Strategy, Time};
use regatta_tests::{World, on_every_executor};
use std::sync::Arc;
use std::time::Duration;

/// Starts come in pairs: two, then nothing for as long as it says.
struct Pairs {
    started: u32,
    free: Time,
    gap: Duration,
}

impl Strategy for Pairs {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        if now < self.free { Readiness::NotBefore(self.free) } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.started += 1;
        if self.started.is_multiple_of(2) {
            self.free = now + self.gap;
        }
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused {
            self.started -= 1;
            self.free = Time::ZERO;
        }
    }
}

on_every_executor! {
    // `SlidingRateLimiter(5, 1)`, ten workers, twenty items.
    async fn five_handlers_start_in_each_second(world: World) {
        let diary = Diary::new(&world);
        let mut rng = world.rng();
        let pauses: Vec<u64> = (0..20).map(|_| 10 + rng.u64(..90)).collect();
        let handler = async |n: Arc<u32>, _| {
            diary.note(*n);
            world.sleep(millis(pauses[*n as usize])).await;
            Ok::<_, ()>(*n)
        };
        let read = async |results: Reader<u32, u32, ()>| {
            let mut read = 0;
            results.for_each(|_| read += 1).await;
            read
        };
        let rate = SlidingWindow::new(5, secs(1)).unwrap();
        let (read, _) = numbers(&world, 10).strategy(rate).for_each(0..20, handler, read).unwrap().await;
        assert_eq!(read, 20);
        let expected: Vec<u128> = (0..20).map(|n| n / 5 * 1_000_000_000).collect();
        assert_eq!(diary.nanos(), expected, "to the nanosecond");
    }

    // Where handlers take longer than the window, a window slides with the starts, not with the clock's seconds.
    async fn no_second_ever_sees_six_starts(world: World) {
        let diary = Diary::new(&world);
        let mut rng = world.rng();
        let gaps: Vec<u64> = (0..60).map(|_| rng.u64(..400)).collect();
        let (queue, _results, mut engine) = numbers(&world, 3)
            .strategy(SlidingWindow::new(5, secs(1)).unwrap())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(millis(7 * u64::from(*n % 50))).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let _ = engine
            .run_with(async {
                for (n, gap) in (0..).zip(gaps) {
                    queue.push(n).await.unwrap();
                    world.sleep(millis(gap)).await;
                }
            })
            .await;
        let starts = diary.nanos();
        assert_eq!(starts.len(), 60);
        assert!(starts.windows(6).all(|six| six[5] - six[0] >= 1_000_000_000), "{starts:?}");
    }

    // Also each of the attempts is a start.
    async fn attempts_keep_the_rate_too(world: World) {
        let diary = Diary::new(&world);
        let (queue, results, mut engine) = numbers(&world, 9)
            .strategy(SlidingWindow::new(2, secs(1)).unwrap())
            .retry(Backoff::constant(millis(1)).times(2))
            .build(async |n, ctx| {
                diary.note(*n);
                if ctx.attempt() < 3 { Err("not yet") } else { Ok(()) }
            })
            .unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.retries, 6);
        assert_eq!(results.len(), 3);
        assert_eq!(diary.when(), [0, 0, 1_000, 1_000, 2_000, 2_000, 3_000, 3_001, 4_000]);
    }

    // "You can write your own RateLimiter with specific algorithm if needed."
    async fn a_rate_limiter_of_the_users_own(world: World) {
        let diary = Diary::new(&world);
        let pairs = Pairs { started: 0, free: Time::ZERO, gap: secs(3) };
        let (queue, _results, mut engine) = numbers(&world, 10)
            .strategy(pairs)
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..7 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        assert_eq!(diary.when(), [0, 0, 3_000, 3_000, 6_000, 6_000, 9_000]);
        assert_eq!((finished.stats.ok, engine.strategy().started), (7, 7));
    }

    // A 429 pauses everybody, those that wait for another attempt included.
    async fn a_429_pauses_all_workers(world: World) {
        let (diary, pause) = (Diary::new(&world), Pausable::new());
        let (queue, _results, mut engine) = numbers(&world, 2)
            .strategy(pause.clone())
            .retry(Backoff::constant(millis(1)).times(1))
            .build(async |n, ctx| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                if *n == 2 && ctx.attempt() == 1 {
                    pause.pause_until(world.now() + secs(10));
                    return Err("429");
                }
                Ok(())
            })
            .unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 6);
        let mut lines = diary.lines();
        lines.sort_by_key(|(who, when)| (*when, *who));
        let times: Vec<u128> = lines.iter().map(|(_, when)| *when).collect();
        assert_eq!(times, [0, 0, 1_000, 1_000, 12_000, 12_000, 13_000]);
    }

    // The limiter may be shared with what else calls the same server.
    async fn a_limiter_is_shared_with_others(world: World) {
        let limiter = regatta::Limiter::with_clock(SlidingWindow::new(5, secs(1)).unwrap(), world.clock());
        for _ in 0..4 {
            limiter.acquire().await.unwrap().complete(Outcome::Success);
        }
        let begun = world.now();
        let (queue, results, mut engine) =
            numbers(&world, 4).strategy(limiter).build(takes(&world, millis(1))).unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, results.len()), (6, 6));
        assert_eq!(world.now().since(begun), millis(1_002), "one now, four in a second, and one when a worker is free");
    }
}
