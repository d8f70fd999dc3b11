//! Whatever is done after any number of polls: each task has one result, nothing is left, and nobody waits for ever.

use super::done;
use crate::runner::support::Fault;
use futures::future::join_all;
use regatta::{CancelToken, Scope, scope};
use regatta_sim::yield_now;
use regatta_tests::Probe;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};

type Handle<'a> = Scope<'a, u64, u64, Fault>;

/// A task that takes a few polls.
async fn steps(n: u64) -> Result<u64, Fault> {
    for _ in 0..n % 5 {
        yield_now().await;
    }
    if n % 7 == 6 { Err("busy") } else { Ok(n) }
}

/// Spawns, has some wait in line, and reads: how many results there were of each key, and what was refused.
async fn body(s: Handle<'_>, probe: &Probe) -> Result<(BTreeMap<u64, u32>, u64), Fault> {
    let mut refused = 0;
    for key in 0..6 {
        refused += u64::from(s.spawn(key, probe.also(steps(key))).is_err());
        yield_now().await;
    }
    let waits = (10..20).map(|key| s.spawn_when_free(key, probe.also(steps(key))));
    refused += join_all(waits).await.iter().filter(|wait| wait.is_err()).count() as u64;
    let mut read = BTreeMap::new();
    while let Some((key, _)) = s.next().await {
        *read.entry(key).or_default() += 1;
    }
    done((read, refused))
}

/// Runs such a scope, and does `what` after each number of polls in turn.
fn at_any_poll(what: impl Fn(&Handle<'_>, &CancelToken)) {
    for polls in 0.. {
        let (probe, token) = (Probe::new(), CancelToken::new());
        let (give, taken) = mpsc::channel();
        let run = scope(2, |s: Handle<'_>| {
            give.send(s.clone()).unwrap();
            body(s, &probe)
        });
        let (mut run, s) = (pin!(run.unwrap().cancel_on(&token)), taken.recv().unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        if (0..polls).any(|_| run.as_mut().poll(&mut cx).is_ready()) {
            return;
        }
        what(&s, &token);
        let (read, refused) = smol::block_on(run).unwrap();
        assert!(read.values().all(|count| *count == 1), "after {polls} polls: {read:?}");
        assert_eq!(read.len() as u64 + refused, 16, "after {polls} polls: {read:?}");
        assert_eq!(probe.alive(), 0, "after {polls} polls");
        assert!(s.is_closed() && polls < 1000);
    }
}

#[test]
fn nothing() {
    at_any_poll(|_, _| ());
}

#[test]
fn a_stop() {
    at_any_poll(|s, _| s.stop());
}

#[test]
fn a_token_that_is_cancelled() {
    at_any_poll(|_, token| token.cancel());
}

#[test]
fn a_cancel_of_each_task() {
    for key in 0..20 {
        at_any_poll(|s, _| {
            s.cancel(&key);
        });
    }
}

#[test]
fn a_cancel_of_all_tasks() {
    at_any_poll(|s, _| {
        for key in 0..20 {
            s.cancel(&key);
        }
    });
}

#[test]
fn another_limit() {
    for limit in [1, 2, 3, 50] {
        at_any_poll(|s, _| s.set_limit(limit).unwrap());
    }
}

#[test]
fn a_limit_lowered_and_raised_again() {
    at_any_poll(|s, _| {
        s.set_limit(1).unwrap();
        s.set_unlimited();
        s.set_limit(1).unwrap();
    });
}

#[test]
fn a_reader_and_a_wait_that_give_up() {
    at_any_poll(|s, _| {
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = s.spawn_when_free(99, async { Err("not polled") });
        // Where it finds a slot at once, it would add a result.
        if s.running() + s.waiting() >= 2 {
            let mut read = s.next();
            assert!(std::pin::Pin::new(&mut wait).poll(&mut cx).is_pending());
            let took = std::pin::Pin::new(&mut read).poll(&mut cx);
            assert!(took.is_pending() || took.is_ready());
            if let std::task::Poll::Ready(Some((key, _))) = took {
                // It is read once, and here.
                s.spawn_ok(key, async { 0 }).unwrap();
            }
        }
    });
}
