//! The peers, and the bound. Each gets a table that is large enough from the start.

use super::{AT_ONCE, Kind};
use crate::measure::Subject;
use futures::{Stream, StreamExt, stream};
use futures_buffered::BufferedStreamExt;
use futures_concurrency::concurrent_stream::ConcurrentStream;
use futures_concurrency::future::FutureGroup;
use futures_concurrency::stream::StreamExt as _;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(super) const BOUND: &str = "bound";
pub(super) const BUFFER_UNORDERED: &str = "buffer_unordered";
pub(super) const BUFFERED_UNORDERED: &str = "futures-buffered";
const FUTURE_GROUP: &str = "FutureGroup";
const CO_LIMIT: &str = "co().limit()";
pub(super) const JOIN_SET: &str = "JoinSet";
pub(super) const FACES: [&str; 6] =
    [BOUND, BUFFER_UNORDERED, BUFFERED_UNORDERED, FUTURE_GROUP, CO_LIMIT, JOIN_SET];

type Results = HashMap<u64, Result<u64, ()>>;

pub(super) fn subjects<W: Kind>() -> Vec<Subject> {
    let subject = |face, run| Subject { face, kind: W::NAME, run };
    vec![
        subject(BOUND, bound::<W>),
        subject(BUFFER_UNORDERED, buffer_unordered::<W>),
        subject(BUFFERED_UNORDERED, buffered_unordered::<W>),
        subject(FUTURE_GROUP, future_group::<W>),
        subject(CO_LIMIT, co_limit::<W>),
        subject(JOIN_SET, join_set::<W>),
    ]
}

async fn keyed<W: Kind>(key: u64) -> (u64, Result<u64, ()>) {
    (key, W::task(key).await)
}

fn table(tasks: u64) -> Results {
    HashMap::with_capacity(tasks as usize)
}

fn check(results: &Results, tasks: u64) {
    assert_eq!(black_box(results).len() as u64, tasks);
}

/// Box, poll until ready, insert: nothing that keeps and polls tasks can do less. No limit, no wakes, no panics caught.
fn bound<W: Kind>(_: &Runtime, tasks: u64) {
    let mut results = table(tasks);
    let mut cx = Context::from_waker(Waker::noop());
    for key in 0..tasks {
        // Without `black_box` the compiler might leave the box out.
        let mut task = black_box(Box::pin(W::task(key)));
        let result = loop {
            if let Poll::Ready(result) = task.as_mut().poll(&mut cx) {
                break result;
            }
        };
        results.insert(key, result);
    }
    check(&results, tasks);
}

fn buffer_unordered<W: Kind>(runtime: &Runtime, tasks: u64) {
    collect(runtime, tasks, stream::iter((0..tasks).map(keyed::<W>)).buffer_unordered(AT_ONCE));
}

fn buffered_unordered<W: Kind>(runtime: &Runtime, tasks: u64) {
    collect(runtime, tasks, stream::iter((0..tasks).map(keyed::<W>)).buffered_unordered(AT_ONCE));
}

fn collect(runtime: &Runtime, tasks: u64, stream: impl Stream<Item = (u64, Result<u64, ()>)>) {
    let results = runtime.block_on(async {
        let mut results = table(tasks);
        let mut stream = pin!(stream);
        while let Some((key, result)) = stream.next().await {
            results.insert(key, result);
        }
        results
    });
    check(&results, tasks);
}

fn future_group<W: Kind>(runtime: &Runtime, tasks: u64) {
    let results = runtime.block_on(async {
        let mut results = table(tasks);
        let mut group = FutureGroup::with_capacity(AT_ONCE);
        for key in 0..tasks {
            if group.len() == AT_ONCE {
                results.extend(group.next().await);
            }
            group.insert(keyed::<W>(key));
        }
        while let Some((key, result)) = group.next().await {
            results.insert(key, result);
        }
        results
    });
    check(&results, tasks);
}

fn co_limit<W: Kind>(runtime: &Runtime, tasks: u64) {
    let results = RefCell::new(table(tasks));
    let store = async |key| {
        let (key, result) = keyed::<W>(key).await;
        results.borrow_mut().insert(key, result);
    };
    runtime.block_on(stream::iter(0..tasks).co().limit(NonZeroUsize::new(AT_ONCE)).for_each(store));
    check(&results.borrow(), tasks);
}

fn join_set<W: Kind>(runtime: &Runtime, tasks: u64) {
    let results = runtime.block_on(async {
        let mut results = table(tasks);
        let mut set = JoinSet::new();
        for key in 0..tasks {
            if set.len() == AT_ONCE {
                results.extend(set.join_next().await.map(|joined| joined.expect("no task panics")));
            }
            set.spawn(keyed::<W>(key));
        }
        while let Some(joined) = set.join_next().await {
            let (key, result) = joined.expect("no task panics");
            results.insert(key, result);
        }
        results
    });
    check(&results, tasks);
}
