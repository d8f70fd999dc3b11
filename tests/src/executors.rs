//! The five executors that a story is told on. `on_every_executor!` calls these; a test may do so itself.

use crate::root::Root;
use crate::tracked::{Busy, Tracked};
use crate::world::{Spawner, World};
use crate::{Watchdog, seeds};
use futures::executor::LocalPool;
use futures::task::{AtomicWaker, LocalSpawnExt};
use regatta_core::{BoxFuture, Executor};
use regatta_sim::{ManualClock, Sim};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// On an executor of smol's that two threads run: this one, which also runs the story, and another.
pub fn smol<F: Future<Output = ()>>(story: impl FnOnce(World) -> F) {
    let executor = Arc::new(::smol::Executor::new());
    // Weak, because tasks that never end keep their spawner, and the executor must drop them at the end.
    let weak = Arc::downgrade(&executor);
    let root = root(story, move |task| {
        if let Some(executor) = weak.upgrade() {
            executor.spawn(task).detach();
        }
    });
    let (stop, stopped) = ::smol::channel::bounded::<()>(1);
    thread::scope(|scope| {
        // Moved in here, so that it is dropped, and the other thread stops, also when the story panics.
        let _stop = stop;
        scope.spawn(|| ::smol::block_on(executor.run(stopped.recv())));
        ::smol::block_on(executor.run(root));
    });
}

/// On tokio with two workers; the story itself runs on this thread.
pub fn tokio_multi_thread<F: Future<Output = ()>>(story: impl FnOnce(World) -> F) {
    tokio(tokio::runtime::Builder::new_multi_thread().worker_threads(2), story);
}

/// On tokio with this thread alone.
pub fn tokio_current_thread<F: Future<Output = ()>>(story: impl FnOnce(World) -> F) {
    tokio(&mut tokio::runtime::Builder::new_current_thread(), story);
}

fn tokio<F: Future<Output = ()>>(builder: &mut tokio::runtime::Builder, story: impl FnOnce(World) -> F) {
    let runtime = builder.build().expect("a runtime without drivers needs nothing of the system");
    let handle = runtime.handle().clone();
    let root = root(story, move |task| {
        handle.spawn(task);
    });
    runtime.block_on(root);
}

/// On futures' `LocalPool`. Its spawner can't leave its thread, so spawned tasks reach it through a list.
pub fn futures<F: Future<Output = ()>>(story: impl FnOnce(World) -> F) {
    let list = Arc::new(SpawnList::default());
    let mut pool = LocalPool::new();
    let (spawner, shared) = (pool.spawner(), list.clone());
    let mut root = pin!(root(story, move |task| shared.push(task)));
    pool.run_until(std::future::poll_fn(|cx| {
        list.pool.register(cx.waker());
        let polled = root.as_mut().poll(cx);
        for task in list.take() {
            spawner.spawn_local(task).expect("the pool lives longer than its run");
        }
        polled
    }));
    drop(list);
}

/// On the simulator, for 50 seeds unless `REGATTA_SEEDS` says otherwise. A deadlock fails the test.
pub fn sim<F: Future<Output = ()>>(story: impl Fn(World) -> F) {
    let watchdog = Watchdog::new();
    for seed in seeds(50) {
        watchdog.progress();
        let _told = TellSeed(seed);
        let sim = Sim::new(seed);
        let world = World::new(sim.manual(), Spawner::new(sim.executor()), seed, None);
        if let Err(deadlock) = sim.run(story(world)) {
            panic!("{deadlock}");
        }
    }
}

fn root<F: Future<Output = ()>>(
    story: impl FnOnce(World) -> F,
    executor: impl Executor + 'static,
) -> Root<F> {
    let (clock, busy) = (ManualClock::new(), Arc::new(Busy::default()));
    let tracking = busy.clone();
    let spawner = Spawner::new(move |task| executor.spawn(Box::pin(Tracked::new(task, &tracking))));
    let world = World::new(clock.clone(), spawner, 0, Some(busy.clone()));
    Root::new(story(world), clock, busy)
}

#[derive(Default)]
struct SpawnList {
    tasks: Mutex<Vec<BoxFuture<'static, ()>>>,
    pool: AtomicWaker,
}

impl SpawnList {
    fn push(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        self.pool.wake();
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Says which seed failed, because a panic's own message can't.
struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed with seed {0}; REGATTA_SEED={0} runs it alone", self.0);
        }
    }
}
