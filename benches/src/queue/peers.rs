//! The peers: workers that loop over a channel, as everybody writes them once; and a stream without a queue.

use super::worlds::{Smol, SmolTwo, Tokio, TokioTwo, World};
use super::{CAPACITY, SMOL, SMOL_TWO, TOKIO, TOKIO_TWO, TOKIO_YIELD, WORKERS};
use crate::measure::Subject;
use crate::work::{Kind, Ready, Yield1};
use futures::{StreamExt, stream};
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

pub(super) const ASYNC_CHANNEL: &str = "async-channel";
const FLUME: &str = "flume";
const KANAL: &str = "kanal";
const MPSC: &str = "tokio mpsc + mutex";
const BUFFER_UNORDERED: &str = "buffer_unordered";

pub(super) fn subjects() -> Vec<Subject> {
    let mut subjects = vec![
        Subject { face: BUFFER_UNORDERED, kind: TOKIO, run: buffer_unordered::<Ready> },
        Subject { face: BUFFER_UNORDERED, kind: TOKIO_YIELD, run: buffer_unordered::<Yield1> },
    ];
    subjects.extend(pools::<Tokio, Ready>(TOKIO));
    subjects.extend(pools::<Tokio, Yield1>(TOKIO_YIELD));
    subjects.extend(pools::<Smol, Ready>(SMOL));
    subjects
}

pub(super) fn on_two_threads() -> Vec<Subject> {
    [pools::<TokioTwo, Ready>(TOKIO_TWO), pools::<SmolTwo, Ready>(SMOL_TWO)].concat()
}

fn pools<X: World, W: Kind>(kind: &'static str) -> [Subject; 4] {
    [
        Subject { face: ASYNC_CHANNEL, kind, run: pool::<AsyncChannel, X, W> },
        Subject { face: FLUME, kind, run: pool::<Flume, X, W> },
        Subject { face: KANAL, kind, run: pool::<Kanal, X, W> },
        Subject { face: MPSC, kind, run: mpsc_and_mutex::<X, W> },
    ]
}

type Outcome = Result<u64, ()>;

/// A channel that workers can share.
trait Channel: 'static {
    type Sender<T: Send + 'static>: Clone + Send + Sync + 'static;
    type Receiver<T: Send + 'static>: Clone + Send + Sync + 'static;

    fn bounded<T: Send + 'static>(places: usize) -> (Self::Sender<T>, Self::Receiver<T>);
    fn unbounded<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>);
    fn send<T: Send + 'static>(to: &Self::Sender<T>, value: T) -> impl Future<Output = ()> + Send;
    fn receive<T: Send + 'static>(from: &Self::Receiver<T>) -> impl Future<Output = Option<T>> + Send;
}

/// The caller sends all jobs, then receives all results: in between, no worker ever waits for it.
fn pool<C: Channel, X: World, W: Kind>(runtime: &Runtime, jobs: u64) {
    let results = X::block_on(runtime, async move {
        let (inbox, waiting) = C::bounded::<u64>(CAPACITY);
        let (outbox, finished) = C::unbounded::<Outcome>();
        for _ in 0..WORKERS {
            let (waiting, outbox) = (waiting.clone(), outbox.clone());
            X::spawn(async move {
                while let Some(job) = C::receive(&waiting).await {
                    C::send(&outbox, W::task(job).await).await;
                }
            });
        }
        drop((waiting, outbox));
        for job in 0..jobs {
            C::send(&inbox, job).await;
        }
        drop(inbox);
        let mut results = Vec::with_capacity(jobs as usize);
        while let Some(result) = C::receive(&finished).await {
            results.push(result);
        }
        results
    });
    assert_eq!(black_box(&results).len() as u64, jobs);
}

struct AsyncChannel;

impl Channel for AsyncChannel {
    type Sender<T: Send + 'static> = async_channel::Sender<T>;
    type Receiver<T: Send + 'static> = async_channel::Receiver<T>;

    fn bounded<T: Send + 'static>(places: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        async_channel::bounded(places)
    }

    fn unbounded<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        async_channel::unbounded()
    }

    async fn send<T: Send + 'static>(to: &Self::Sender<T>, value: T) {
        assert!(to.send(value).await.is_ok(), "{OPEN}");
    }

    async fn receive<T: Send + 'static>(from: &Self::Receiver<T>) -> Option<T> {
        from.recv().await.ok()
    }
}

struct Flume;

impl Channel for Flume {
    type Sender<T: Send + 'static> = flume::Sender<T>;
    type Receiver<T: Send + 'static> = flume::Receiver<T>;

    fn bounded<T: Send + 'static>(places: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        flume::bounded(places)
    }

    fn unbounded<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        flume::unbounded()
    }

    async fn send<T: Send + 'static>(to: &Self::Sender<T>, value: T) {
        assert!(to.send_async(value).await.is_ok(), "{OPEN}");
    }

    async fn receive<T: Send + 'static>(from: &Self::Receiver<T>) -> Option<T> {
        from.recv_async().await.ok()
    }
}

struct Kanal;

impl Channel for Kanal {
    type Sender<T: Send + 'static> = kanal::AsyncSender<T>;
    type Receiver<T: Send + 'static> = kanal::AsyncReceiver<T>;

    fn bounded<T: Send + 'static>(places: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        kanal::bounded_async(places)
    }

    fn unbounded<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        kanal::unbounded_async()
    }

    async fn send<T: Send + 'static>(to: &Self::Sender<T>, value: T) {
        assert!(to.send(value).await.is_ok(), "{OPEN}");
    }

    async fn receive<T: Send + 'static>(from: &Self::Receiver<T>) -> Option<T> {
        from.recv().await.ok()
    }
}

const OPEN: &str = "whoever receives is still there";

/// The same over tokio's channel: its receiver can't be shared, so a mutex stands before it.
fn mpsc_and_mutex<X: World, W: Kind>(runtime: &Runtime, jobs: u64) {
    let results = X::block_on(runtime, async move {
        let (inbox, waiting) = mpsc::channel(CAPACITY);
        let (outbox, mut finished) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..WORKERS {
            let (waiting, outbox) = (Arc::clone(&waiting), outbox.clone());
            X::spawn(async move {
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(job) = next else { break };
                    outbox.send(W::task(job).await).expect(OPEN);
                }
            });
        }
        drop((waiting, outbox));
        for job in 0..jobs {
            inbox.send(job).await.expect(OPEN);
        }
        drop(inbox);
        let mut results = Vec::with_capacity(jobs as usize);
        while let Some(result) = finished.recv().await {
            results.push(result);
        }
        results
    });
    assert_eq!(black_box(&results).len() as u64, jobs);
}

/// No queue: as many of the jobs at once as there are workers.
fn buffer_unordered<W: Kind>(runtime: &Runtime, jobs: u64) {
    let results = runtime.block_on(async {
        let mut results = Vec::with_capacity(jobs as usize);
        let mut running = stream::iter((0..jobs).map(W::task)).buffer_unordered(WORKERS);
        while let Some(result) = running.next().await {
            results.push(result);
        }
        results
    });
    assert_eq!(black_box(&results).len() as u64, jobs);
}
