//! What a simulation does when the program under test doesn't work.

use super::*;
use regatta_core::Panic;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of the panic that `run` raises.
fn panic_of<R>(run: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| drop(run()))).expect_err("it should panic");
    Panic::new(payload).message().to_owned()
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

async fn holds_a_bomb() {
    let _bomb = Bomb;
    pending::<()>().await;
}

#[test]
fn a_deadlock_names_all_who_wait() {
    let sim = Sim::new(7);
    sim.spawn("reader", pending());
    sim.spawn("ends", async {});
    sim.executor().spawn(Box::pin(pending()));
    let deadlock = sim
        .run(async {
            sim.sleep(SECOND).await;
            pending::<()>().await;
        })
        .expect_err("nobody can go on");
    assert_eq!(deadlock.waiting, ["main", "reader", "task 3"]);
    assert_eq!(
        deadlock.to_string(),
        "deadlock at 2s (seed 7): nothing is ready and no timer is set; waiting: main, reader, task 3; \
         look for a missing wake, or for a wake that only another thread could give"
    );
    assert_eq!(sim.run(async { 1 }), Ok(1), "the simulation can be used afterwards");
}

#[test]
fn a_deadlock_of_many_lists_the_first() {
    let sim = Sim::new(7);
    (0..30).for_each(|n| sim.spawn(format!("t{n}"), pending()));
    let deadlock = sim.run(pending::<()>()).expect_err("nobody can go on");
    assert_eq!(deadlock.waiting.len(), 31);
    assert!(deadlock.to_string().contains("t18 and 11 more;"), "{deadlock}");
}

#[test]
fn panics_inside_a_task_go_on_out_of_the_run() {
    let sim = Sim::new(1);
    let (bystander, probe) = Probe::wrap(sim.sleep(SECOND * 2));
    sim.spawn("bystander", bystander);
    let (send, receive) = mpsc::channel::<()>();
    let sleep = sim.sleep(SECOND);
    sim.spawn("unlucky", async move {
        let _dropped_with_it = send;
        sleep.await;
        panic!("boom");
    });
    assert_eq!(panic_of(|| sim.run(sim.sleep(SECOND * 9))), "boom");
    assert_eq!(
        sim.panics().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["unlucky panicked at 2s: boom"]
    );
    assert_eq!(receive.try_recv(), Err(mpsc::TryRecvError::Disconnected), "its future is dropped");
    sim.run(sim.sleep(SECOND * 9)).expect("the other one goes on");
    assert_eq!(probe.ended(), 1);
}

#[test]
fn contained_panics_end_their_task_only() {
    let sim = Sim::new(1).contain_panics().record_trace();
    sim.spawn("first", async { panic!("boom") });
    sim.spawn("second", async {
        let _bomb = Bomb;
    });
    assert_eq!(sim.run(async { sim.sleep(SECOND).await }), Ok(()));
    let mut panics: Vec<_> = sim.panics().into_iter().map(|panic| (panic.task, panic.message)).collect();
    panics.sort();
    let expected = [("first", "boom"), ("second", "dropped")];
    assert_eq!(panics, expected.map(|(task, message)| (task.to_owned(), message.to_owned())));
    assert_eq!(sim.trace().iter().filter(|entry| entry.what == What::Panicked).count(), 2);
    assert_eq!(sim.stats().drops, 2);
}

#[test]
fn a_panic_of_main_leaves_the_sim_usable() {
    let sim = Sim::new(1);
    let main = async {
        yield_now().await;
        panic!("boom")
    };
    assert_eq!(panic_of(|| sim.run::<_>(main)), "boom");
    assert_eq!((sim.panics().len(), sim.run(async { 1 })), (0, Ok(1)));
}

#[test]
fn a_panic_in_one_drop_touches_no_other_task() {
    let sim = Sim::new(1);
    let probe = Probe::new();
    sim.spawn("before", probe.also(pending()));
    sim.spawn("bomb", holds_a_bomb());
    sim.spawn("after", probe.also(pending()));
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    assert_eq!(panic_of(|| drop(sim)), "dropped");
    assert_eq!(probe.drops(), 2);
}

#[test]
fn a_sim_that_is_dropped_by_a_panic_keeps_that_panic() {
    let message = panic_of(|| {
        let sim = Sim::new(1);
        sim.spawn("bomb", holds_a_bomb());
        sim.run(sim.sleep(SECOND)).expect("no deadlock");
        panic!("the test failed");
    });
    assert_eq!(message, "the test failed");
}

#[test]
fn a_run_inside_a_run_is_refused() {
    let sim = Sim::new(1);
    let message = panic_of(|| sim.run(async { sim.run(async {}) }));
    assert!(message.contains("can't run inside its own run"), "{message}");
    let other = Sim::new(2);
    assert_eq!(sim.run(async { other.run(async { 3 }) }), Ok(Ok(3)), "another Sim is no matter");
}

#[test]
fn a_livelock_names_the_busiest() {
    let sim = Sim::new(5).max_polls(1000);
    sim.spawn("quiet", pending());
    sim.spawn("spinner", async {
        loop {
            yield_now().await;
        }
    });
    let message = panic_of(|| sim.run(sim.sleep(SECOND)));
    assert_eq!(
        message,
        "livelock at 1s (seed 5): 1000 polls while time stood still; busiest: spinner, polled 998 times"
    );
}

#[test]
fn polls_are_bounded_only_while_time_stands_still() {
    let sim = Sim::new(5).max_polls(10);
    let ticks = async {
        for _ in 0..1000 {
            sim.sleep(SECOND).await;
        }
    };
    assert_eq!(sim.run(ticks), Ok(()));
    for _ in 0..100 {
        assert_eq!(sim.run(yield_now()), Ok(()), "each run has its own polls");
    }
}

#[test]
fn waiting_in_vain_beside_a_ticking_task_is_found_by_max_time() {
    let sim = Sim::new(5).max_time(SECOND * 3600);
    let clock = sim.clock();
    sim.spawn("heartbeat", async move {
        loop {
            clock.sleep_until(clock.now() + SECOND).await;
        }
    });
    let message = panic_of(|| sim.run(pending::<()>()));
    assert_eq!(
        message,
        "not done at 3601s (seed 5), the last moment allowed by max_time; waiting: main, heartbeat"
    );
    sim.run(sim.sleep(SECOND * 3600)).expect("exactly the time allowed, counted anew");
}
