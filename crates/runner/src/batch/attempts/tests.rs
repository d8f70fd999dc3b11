//! What a retry rule hears of its task, and what it can forbid.

mod late;

use crate::Runner;
use regatta_core::{Retry, TaskError, Time};
use regatta_sim::Sim;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// What a rule heard: when its task began, and how many retries that it had allowed were not made.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Heard {
    begun: Option<Time>,
    forgone: u32,
}

/// Tries again every two seconds, not for ever, within a time that counts from the beginning.
#[derive(Clone)]
struct EveryTwo {
    within: Option<Duration>,
    heard: Arc<Mutex<Heard>>,
}

impl EveryTwo {
    fn new(within: Option<Duration>) -> (Self, Arc<Mutex<Heard>>) {
        let heard = Arc::default();
        (Self { within, heard: Arc::clone(&heard) }, heard)
    }
}

impl Retry<()> for EveryTwo {
    fn begin(&mut self, now: Time) {
        assert_eq!(self.heard.lock().unwrap().begun.replace(now), None, "a task begins once");
    }

    fn delay(&mut self, _: Time, attempts: u32, _: &TaskError<()>) -> Option<Duration> {
        (attempts < 20).then_some(2 * SEC)
    }

    fn forgo(&mut self) {
        self.heard.lock().unwrap().forgone += 1;
    }

    fn deadline(&self) -> Time {
        let begun = self.heard.lock().unwrap().begun;
        begun.zip(self.within).map_or(Time::MAX, |(begun, within)| begun + within)
    }
}

#[test]
fn no_retry_is_due_after_the_deadline_of_its_rule() {
    let sim = Sim::new(0);
    let begun = sim.clock().now();
    let (rule, heard) = EveryTwo::new(Some(5 * SEC));
    let mut runner = Runner::new().clock(sim.clock());
    runner.add_retry("a", rule, async || Err::<u8, ()>(())).unwrap();
    let report = sim.run(runner.run()).unwrap();
    let task = &report.tasks()[0];
    assert_eq!((task.attempts(), task.ended()), (3, Some(begun + 4 * SEC)));
    assert_eq!(*heard.lock().unwrap(), Heard { begun: Some(begun), forgone: 1 });
}

#[test]
fn no_retry_is_due_after_the_end_of_its_task() {
    let sim = Sim::new(0);
    let begun = sim.clock().now();
    let (rule, heard) = EveryTwo::new(None);
    let mut runner = Runner::new().clock(sim.clock()).task_timeout(3 * SEC);
    runner.add_retry("a", rule, async || Err::<u8, ()>(())).unwrap();
    let report = sim.run(runner.run()).unwrap();
    let task = &report.tasks()[0];
    assert_eq!((task.attempts(), task.ended()), (2, Some(begun + 2 * SEC)));
    assert_eq!(*heard.lock().unwrap(), Heard { begun: Some(begun), forgone: 1 });
}

#[test]
fn a_retry_that_finds_no_slot_before_the_deadline_is_forgone() {
    let sim = Sim::new(0);
    let begun = sim.clock().now();
    let (rule, heard) = EveryTwo::new(Some(5 * SEC));
    let mut runner = Runner::new().limit(1).unwrap().clock(sim.clock());
    runner.add_retry("a", rule, async || Err(())).unwrap();
    let busy = async {
        sim.sleep(10 * SEC).await;
        Ok::<_, ()>(())
    };
    runner.add("b", busy).unwrap();
    let report = sim.run(runner.run()).unwrap();
    let task = &report.tasks()[0];
    assert_eq!((task.attempts(), task.ended()), (1, Some(begun + 5 * SEC)));
    assert_eq!(heard.lock().unwrap().forgone, 1);
}

#[test]
fn a_task_that_is_cancelled_while_it_waits_forgoes_its_retry() {
    let sim = Sim::new(0);
    let begun = sim.clock().now();
    let (rule, heard) = EveryTwo::new(None);
    let mut runner = Runner::new().clock(sim.clock());
    runner.add_retry("a", rule, async || Err::<u8, ()>(())).unwrap();
    let handle = runner.handle();
    let cancel = async {
        sim.sleep(3 * SEC).await;
        assert!(handle.cancel("a"));
    };
    let (report, ()) = sim.run(async { futures::join!(runner.run(), cancel) }).unwrap();
    let task = &report.tasks()[0];
    assert_eq!((task.attempts(), task.ended()), (2, Some(begun + 3 * SEC)));
    assert_eq!(heard.lock().unwrap().forgone, 1);
}

#[test]
fn a_task_that_was_asked_to_stop_is_not_tried_again() {
    let sim = Sim::new(0);
    let begun = sim.clock().now();
    let (rule, heard) = EveryTwo::new(Some(20 * SEC));
    let mut runner = Runner::new().clock(sim.clock()).grace(10 * SEC);
    let attempt = async || {
        sim.sleep(4 * SEC).await;
        Err::<u8, ()>(())
    };
    runner.add_retry("a", rule, attempt).unwrap();
    let handle = runner.handle();
    let cancel = async {
        sim.sleep(3 * SEC).await;
        assert!(handle.cancel("a"));
    };
    let (report, ()) = sim.run(async { futures::join!(runner.run(), cancel) }).unwrap();
    let task = &report.tasks()[0];
    assert_eq!((task.attempts(), task.ended()), (1, Some(begun + 4 * SEC)));
    assert_eq!(heard.lock().unwrap().forgone, 0);
}
