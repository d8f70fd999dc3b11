//! Executors that fail halfway, and drivers that are gone before their tasks.

use super::{Bomb, panic_with_a_bomb};
use crate::engine::batch::Batch;
use crate::engine::driving::Hand;
use crate::engine::strategies::Concurrency;
use crate::engine::toy::{Ended, Ledger, PLANNED, Plan};
use futures::FutureExt;
use regatta_core::{BoxFuture, Outcome, Request, Time};
use regatta_engine::{Admission, End, Engine, Job, Next, OnExecutor, Source};
use regatta_tests::ManualClock;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

type Task = BoxFuture<'static, ()>;

/// Where an executor keeps the tasks that it has not come to yet.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Task>>>);

impl Queue {
    fn push(&self, task: Task) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    fn pop(&self) -> Option<Task> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

fn poll(task: &mut Task) -> Poll<()> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_task_that_its_executor_queued_before_it_panicked_never_runs() {
    let (clock, queue) = (ManualClock::new(), Queue::default());
    let ledger = Ledger::new(&clock);
    let strategy = Concurrency::new(1);
    let heard = strategy.heard.clone();
    let keeps = queue.clone();
    let queues_and_panics = move |task| {
        keeps.push(task);
        resume_unwind(Box::new("the queue is longer than it should be"));
    };
    let source = OnExecutor::new(Batch::new(&ledger, [Plan::ready()]), queues_and_panics);
    let mut engine = Engine::new(source, strategy).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::NotStarted)]));
    assert_eq!(heard.in_flight(), 0, "nobody counts it any more");
    drop(engine);
    let mut task = queue.pop().expect("the executor has it");
    assert!(poll(&mut task).is_ready(), "there is nothing to run");
    assert_eq!(ledger.polls(), 0);
    ledger.assert_all_dropped();
}

#[test]
fn a_task_that_its_executor_ran_before_it_panicked_keeps_its_outcome() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let runs_and_panics = |mut task: Task| {
        assert!(poll(&mut task).is_ready());
        resume_unwind(Box::new(PLANNED));
    };
    let source = OnExecutor::new(Batch::new(&ledger, [Plan::ready()]), runs_and_panics);
    assert!(Hand::new().settle(&mut Engine::new(source, ()).clock(clock.shared())).is_ready());
    assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Ok)]));
}

#[test]
fn the_payload_of_an_executors_panic_may_panic_in_its_drop() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let source = OnExecutor::new(Batch::new(&ledger, vec![Plan::ready(); 2]), |_: Task| panic_with_a_bomb());
    assert!(Hand::new().settle(&mut Engine::new(source, ()).clock(clock.shared())).is_ready());
    assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::NotStarted), (1, Ended::NotStarted)]));
}

/// Runs one task, and wants nothing of its output.
struct Single<F>(Option<F>);

impl<F: Future> Source for Single<F> {
    type Task = F;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, F> {
        let Some(task) = self.0.take() else { return Next::Done };
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("`()` admits everything") };
        Next::Start(Job::new(0, task), admitted)
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<F::Output>) -> Outcome {
        Outcome::Neutral
    }
}

#[test]
fn an_output_that_nobody_sees_may_panic_in_its_drop_without_hurting_the_executor() {
    let (queue, driver) = (Queue::default(), Arc::new(Mutex::new(None::<Task>)));
    let (spawns, doomed) = (queue.clone(), driver.clone());
    // The driver goes while its task is in its last poll: by that very poll here, by another thread in life.
    let task = async move {
        let driver = doomed.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(driver.expect("it still waits for this task"));
        Bomb
    };
    let source = OnExecutor::new(Single(Some(task)), move |task| spawns.push(task));
    let mut run = Engine::new(source, ()).clock(ManualClock::new().shared()).run().map(drop).boxed();
    assert!(poll(&mut run).is_pending());
    *driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    let mut task = queue.pop().expect("it was spawned");
    let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut task)));
    assert!(polled.is_ok_and(|polled| polled.is_ready()), "the executor's thread goes on");
}
