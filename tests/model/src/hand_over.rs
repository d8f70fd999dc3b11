//! A spawned task ends once, whoever is first: its own end, the abort, the executor's death, the driver's drop.

use crate::model;
use crate::remote::{Remote, Spawned};
use crate::source::End;
use loom::future::block_on;
use loom::thread;
use regatta_core::Hold;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn spawned<F: Future<Output = u32>>(task: F) -> (Spawned<F, u32>, Remote<u32>) {
    Spawned::new(task, Hold::none())
}

#[test]
fn completion_against_abort_gives_one_end() {
    model(|| {
        let (task, remote) = spawned(ready(7));
        let executor = thread::spawn(move || block_on(task));
        remote.abort();
        let end = block_on(remote);
        assert!(matches!(end, End::Output(7) | End::Cancelled));
        executor.join().unwrap();
    });
}

#[test]
fn an_abort_reaches_a_task_that_parks() {
    model(|| {
        let (task, remote) = spawned(pending());
        let executor = thread::spawn(move || block_on(task));
        assert!(remote.abort());
        assert!(matches!(block_on(remote), End::Cancelled));
        executor.join().unwrap();
    });
}

#[test]
fn a_dropped_driver_ends_a_task_that_parks() {
    model(|| {
        let (task, remote) = spawned(pending());
        let executor = thread::spawn(move || block_on(task));
        drop(remote);
        executor.join().unwrap();
    });
}

#[test]
fn an_executor_that_drops_the_task_wakes_the_driver() {
    model(|| {
        let (mut task, remote) = spawned(pending());
        let executor = thread::spawn(move || {
            let polled = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Pending);
            drop(task);
        });
        assert!(matches!(block_on(remote), End::Cancelled));
        executor.join().unwrap();
    });
}
