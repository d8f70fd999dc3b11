//! The test world keeps its own promises.

use regatta_tests::{World, executors, on_every_executor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

on_every_executor! {
    async fn time_jumps_to_the_next_timer(world: World) {
        let start = world.now();
        world.sleep(secs(3600)).await;
        assert_eq!(world.now().since(start), secs(3600));
    }

    async fn time_stands_still_while_a_spawned_task_can_go_on(world: World) {
        let start = world.now();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..8 {
            let (world2, done) = (world.clone(), done.clone());
            world.spawn(async move {
                for _ in 0..100 {
                    world2.yield_now().await;
                }
                assert_eq!(world2.now(), start);
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        world.sleep(secs(1)).await;
        assert_eq!(done.load(Ordering::SeqCst), 8);
    }

    async fn sleeping_tasks_wake_in_order(world: World) {
        let (send, receive) = smol::channel::unbounded();
        for n in [3, 1, 2] {
            let (world2, send) = (world.clone(), send.clone());
            world.spawn(async move {
                world2.sleep(secs(n)).await;
                send.send((n, world2.now())).await.expect("the story listens");
            });
        }
        let start = world.now();
        for n in 1..=3 {
            assert_eq!(receive.recv().await, Ok((n, start + secs(n))));
        }
    }
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    regatta_core::Panic::new(panic).message().to_owned()
}

/// The real executors, without the simulator, whose own tests tell the same.
fn each_real(story: impl AsyncFn(World) + Copy) -> Vec<Result<(), String>> {
    let tell: [&dyn Fn(); 4] = [
        &|| executors::smol(async |world| story(world).await),
        &|| executors::tokio_multi_thread(async |world| story(world).await),
        &|| executors::tokio_current_thread(async |world| story(world).await),
        &|| executors::futures(async |world| story(world).await),
    ];
    tell.iter().map(|tell| catch_unwind(AssertUnwindSafe(tell)).map_err(message)).collect()
}

#[test]
fn a_deadlock_is_told_not_hung() {
    for end in each_real(async |_| std::future::pending().await) {
        assert!(end.as_ref().is_err_and(|text| text.starts_with("deadlock")), "{end:?}");
    }
}

#[test]
fn a_panic_of_a_spawned_task_fails_the_story() {
    for end in each_real(async |world| {
        world.spawn(async { panic!("overboard") });
        world.sleep(secs(1)).await;
    }) {
        assert_eq!(end, Err("overboard".to_owned()));
    }
}

#[test]
fn tasks_that_never_end_are_dropped_with_the_executor() {
    let held = Arc::new(());
    for end in each_real(async |world| {
        let (held, inner) = (held.clone(), world.clone());
        world.spawn(async move {
            let _held = (held, inner);
            std::future::pending::<()>().await;
        });
        world.sleep(secs(1)).await;
    }) {
        assert_eq!(end, Ok(()));
    }
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn the_clock_waits_for_other_threads_that_are_announced() {
    for end in each_real(async |world| {
        let (send, receive) = smol::channel::bounded(1);
        let outside = world.outside();
        let thread = std::thread::spawn(move || {
            let sent = send.send_blocking(());
            drop(outside);
            sent
        });
        assert_eq!(receive.recv().await, Ok(()));
        thread.join().expect("it doesn't panic").expect("the story listens");
    }) {
        assert_eq!(end, Ok(()));
    }
}
