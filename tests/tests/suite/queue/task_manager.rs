//! async-task-manager's `TaskManager`: futures with metadata, added at any time; a strategy decides when each starts.

use crate::queue::support::{Diary, Fault, Gauge, millis, secs, why};
use regatta::queue::{Options, Refusal, StopReason, Task, TaskQueue};
use regatta::strategies::{Concurrency, FixedWindow, Measure, Spacing};
use regatta::{Outcome, Queue, Readiness, Request, Strategy, Time};
use regatta_tests::{World, on_every_executor};

/// A task of the user's: notes when it starts, takes a while and says who it was.
fn sample(
    world: &World,
    diary: &Diary,
    n: u32,
    pause: u64,
) -> impl Future<Output = Result<u32, Fault>> + Send + use<> {
    let (world, diary) = (world.clone(), diary.clone());
    async move {
        diary.note(n);
        world.sleep(millis(pause)).await;
        Ok(n)
    }
}

/// The README's custom strategy sleeps for 100 ms between its looks: here it says when to look.
struct Ticks(Time);

impl Strategy for Ticks {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        if now < self.0 { Readiness::NotBefore(self.0) } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.0 = now + millis(100);
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused {
            self.0 = Time::ZERO;
        }
    }
}

on_every_executor! {
    // The quick start: eight tasks of a second, three at once, ten seconds in the background, then stop.
    async fn the_quick_start(world: World) {
        let (diary, gauge) = (Diary::new(&world), Gauge::default());
        let (tasks, results, engine) = Queue::of_tasks()
            .clock(world.clock())
            .workers(100)
            .unwrap()
            .strategy(Concurrency::new(3).unwrap())
            .build_tasks()
            .unwrap();
        for n in 0..8 {
            let (task, gauge) = (sample(&world, &diary, n, 1_000), gauge.clone());
            let task = async move {
                let _inside = gauge.enter();
                task.await
            };
            tasks.push_task(task).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        world.sleep(secs(10)).await;
        tasks.stop();
        let finished = handle.await;
        assert_eq!(diary.when(), [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000]);
        assert_eq!((gauge.most(), finished.stats.ok, results.len()), (3, 8, 8));
    }

    // The limit may as well be the number of workers.
    async fn as_many_at_once_as_there_are_workers(world: World) {
        let (diary, world) = (Diary::new(&world), &world);
        let (tasks, _results, mut engine) = Queue::of_tasks().clock(world.clock()).workers(3).unwrap().build_tasks().unwrap();
        for n in 0..8 {
            tasks.push_task(sample(world, &diary, n, 1_000)).await.unwrap();
        }
        tasks.close();
        assert_eq!(engine.run().await.stats.ok, 8);
        assert_eq!(diary.when(), [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000]);
    }

    // `DelayedStrategy(delay_seconds=30.0)`: "each backup waits 30 seconds after the previous one completes".
    async fn delayed_waits_from_the_end_of_the_one_before(world: World) {
        let diary = Diary::new(&world);
        let (tasks, _results, mut engine) = Queue::of_tasks()
            .clock(world.clock())
            .workers(4)
            .unwrap()
            .strategy(Spacing::new(secs(30)).unwrap().from(Measure::Finish))
            .build_tasks()
            .unwrap();
        for (n, pause) in (0..).zip([5_000, 1_000, 2_000]) {
            tasks.push_task(sample(&world, &diary, n, pause)).await.unwrap();
        }
        tasks.close();
        let finished = engine.run().await;
        assert_eq!((diary.when(), finished.stats.ok), (vec![0, 35_000, 66_000], 3));
    }

    // `FixedWindowStrategy(max_requests=300, window_seconds=900)`.
    async fn fixed_window_admits_so_many_per_window(world: World) {
        world.sleep(secs(900) - secs(world.now().since(Time::ZERO).as_secs() % 900)).await;
        let diary = Diary::new(&world);
        let (tasks, _results, mut engine) = Queue::of_tasks()
            .clock(world.clock())
            .workers(50)
            .unwrap()
            .strategy(FixedWindow::new(300, secs(900)).unwrap())
            .build_tasks()
            .unwrap();
        for n in 0..700 {
            tasks.push_task(sample(&world, &diary, n, 10)).await.unwrap();
        }
        tasks.close();
        assert_eq!(engine.run().await.stats.ok, 700);
        for n in 0..=2 {
            let window = n * 900_000..(n + 1) * 900_000;
            let inside = diary.when().into_iter().filter(|when| window.contains(when)).count();
            assert_eq!(inside, [300, 300, 100][n as usize]);
        }
    }

    async fn a_strategy_of_the_users_own(world: World) {
        let diary = Diary::new(&world);
        let (tasks, _results, mut engine) =
            Queue::of_tasks().clock(world.clock()).workers(9).unwrap().strategy(Ticks(Time::ZERO)).build_tasks().unwrap();
        for n in 0..4 {
            tasks.push_task(sample(&world, &diary, n, 1_000)).await.unwrap();
        }
        tasks.close();
        assert_eq!((engine.run().await.stats.ok, diary.when()), (4, vec![0, 100, 200, 300]));
    }

    // "Tasks can be awaited for results if needed", each on its own, in any order; metadata comes back with them.
    async fn tasks_carry_metadata_and_are_awaited_one_by_one(world: World) {
        #[derive(PartialEq, Debug)]
        struct About {
            priority: &'static str,
            created_at: Time,
        }
        let diary = Diary::new(&world);
        let (tasks, mut results, mut engine) =
            Queue::of_tasks().clock(world.clock()).workers(2).unwrap().build_tasks().unwrap();
        let (_, finished) = engine
            .run_with(async {
                let mut tickets = Vec::new();
                for n in 0..6 {
                    let about = About { priority: "high", created_at: world.now() };
                    let task = sample(&world, &diary, n, 1_000 * u64::from(6 - n));
                    tickets.push(tasks.submit_task_with(task, Options::new().metadata(about)).await.unwrap());
                    world.sleep(millis(100)).await;
                }
                tasks.push_task(sample(&world, &diary, 6, 10)).await.unwrap();
                while let Some(ticket) = tickets.pop() {
                    let id = ticket.id();
                    let done = ticket.await;
                    let n = done.result.as_ref().unwrap();
                    assert_eq!((done.id, u64::from(*n)), (id, id.number()));
                    let about = done.metadata::<About>().unwrap();
                    assert_eq!((about.priority, about.created_at), ("high", done.queued()));
                    assert!(done.metadata::<String>().is_none(), "it is of another type");
                }
            })
            .await;
        assert_eq!(finished.stats.ok, 7);
        assert_eq!(results.drain().len(), 1, "those with a ticket are nobody else's");
    }

    // A task may add tasks, through a clone of the queue; and futures may borrow what is around them.
    async fn tasks_borrow_what_is_around_them(world: World) {
        let names = vec![String::from("ann"), String::from("bob")];
        let (tasks, _results, mut engine) = Queue::of_tasks().workers(2).unwrap().build_tasks().unwrap();
        let (lengths, _) = engine
            .run_with(async {
                let mut lengths = 0;
                for name in &names {
                    let ticket = tasks.submit_task(async { Ok::<_, Fault>(name.len()) }).await.unwrap();
                    lengths += ticket.await.result.unwrap();
                }
                lengths
            })
            .await;
        assert_eq!(lengths, 6);
        drop(world);
    }

    // `stop()`: what never ran comes back as the future that it was, and can be run elsewhere.
    async fn stopping_hands_back_what_never_ran(world: World) {
        let diary = Diary::new(&world);
        let (tasks, mut results, mut engine) =
            Queue::of_tasks().clock(world.clock()).workers(1).unwrap().build_tasks().unwrap();
        for n in 0..4 {
            tasks.push_task(sample(&world, &diary, n, 1_000)).await.unwrap();
        }
        let (_, mut finished) = engine
            .run_with(async {
                world.sleep(millis(1_500)).await;
                tasks.stop();
            })
            .await;
        assert_eq!((why(&finished), finished.leftover.len(), diary.who()), ("cancelled", 2, vec![0, 1]));
        let ended: Vec<_> = results.drain().into_iter().map(|done| done.result.map_err(|error| error.state())).collect();
        assert_eq!(ended, [Ok(0), Err("cancelled")]);
        let mut again = Vec::new();
        for left in finished.leftover.drain(..) {
            let task = std::sync::Arc::into_inner(left.job).expect("nobody else holds it");
            again.push(task.into_future().expect("it was never started").await.unwrap());
        }
        assert_eq!(again, [2, 3]);
        assert_eq!(tasks.try_push_task(async { Ok(9) }).unwrap_err().why, Refusal::Closed);
    }

    // A failure and a panic are told to whoever awaits that task, and the others go on.
    async fn one_task_that_breaks_does_not_disturb_the_others(world: World) {
        let (tasks, _results, mut engine): (TaskQueue<'_, u32, Fault>, _, _) =
            Queue::of_tasks().clock(world.clock()).workers(2).unwrap().build_tasks().unwrap();
        let (_, finished) = engine
            .run_with(async {
                let broken = tasks.submit_task(async { panic!("overboard") }).await.unwrap();
                let failed = tasks.submit_task(async { Err("no route") }).await.unwrap();
                let fine = tasks.submit(Task::new(async { Ok(1) })).await.unwrap();
                let ends = [broken.await, failed.await, fine.await];
                let ends = ends.map(|done| done.result.map_err(|error| error.to_string()));
                assert_eq!(ends, [Err("panicked: overboard".into()), Err("no route".into()), Ok(1)]);
            })
            .await;
        assert_eq!((finished.stats.ok, finished.stats.panicked, finished.stats.failed), (1, 1, 1));
        assert!(matches!(finished.stop, StopReason::Completed));
    }
}
