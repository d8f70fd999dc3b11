//! The tasks of a simulation: who lives, who is ready, and who is polled next.
//!
//! All of it is behind one lock, under which no future is polled or dropped and no waker is called.

use crate::log::{Label, Log};
use crate::{ManualClock, What};
use fastrand::Rng;
use regatta_core::{BoxFuture, Time};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

pub(crate) type TaskId = u64;

pub(crate) struct Tasks {
    clock: ManualClock,
    state: Mutex<State>,
}

struct State {
    /// Ordered, so that everything that walks over it does so in the same order in every run.
    alive: BTreeMap<TaskId, Task>,
    /// May name tasks that have ended since; they are passed over.
    ready: Vec<TaskId>,
    order: Rng,
    next_id: TaskId,
    spawned: u64,
    /// The simulation is gone, or going: what is spawned now is dropped at once.
    closed: bool,
    still: Still,
    log: Log,
}

struct Task {
    label: Label,
    waker: Waker,
    body: Body,
    /// Whether it is in the ready list.
    ready: bool,
    still: Still,
}

enum Body {
    /// The caller of `run` owns this future.
    Main,
    /// It waits here between two polls.
    Parked(BoxFuture<'static, ()>),
    /// It is out, being polled.
    Out,
}

/// Counts polls between two moves of time.
#[derive(Clone, Copy)]
struct Still {
    since: Time,
    polls: u64,
}

/// What a driver should do now.
pub(crate) enum Next {
    PollMain(Waker),
    Poll(Turn),
    /// Nothing is ready.
    Idle,
    /// Too many polls, and the time has not moved.
    Livelock(Busiest),
}

/// A task on its way to being polled.
pub(crate) struct Turn {
    pub(crate) id: TaskId,
    pub(crate) label: Label,
    pub(crate) waker: Waker,
    pub(crate) future: BoxFuture<'static, ()>,
}

/// The task that was polled most since the time last moved.
pub(crate) struct Busiest {
    pub(crate) name: Arc<str>,
    pub(crate) polls: u64,
}

impl Tasks {
    pub(crate) fn new(clock: ManualClock, order: Rng) -> Self {
        let now = clock.now();
        let state = State {
            alive: BTreeMap::new(),
            ready: Vec::new(),
            order,
            next_id: 0,
            spawned: 0,
            closed: false,
            still: Still { since: now, polls: 0 },
            log: Log::new(now),
        };
        Self { clock, state: Mutex::new(state) }
    }

    /// Adds a task, ready to be polled. Without a name it is called `task n`, the n-th one spawned.
    pub(crate) fn spawn(self: &Arc<Self>, name: Option<Arc<str>>, future: BoxFuture<'static, ()>) {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.closed {
            // Unlock first: the future's drop may spawn again.
            drop(state);
            return drop(future);
        }
        state.spawned += 1;
        let number = state.spawned;
        let name = name.unwrap_or_else(|| Arc::from(format!("task {number}")));
        let label = state.log.label(name, number);
        state.log.note(now, &label, What::Spawned);
        state.add(self, label, Body::Parked(future), now);
    }

    /// Adds a main future, ready to be polled; `None` if there is one already.
    pub(crate) fn enter_main(self: &Arc<Self>) -> Option<TaskId> {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.alive.values().any(|task| matches!(task.body, Body::Main)) {
            return None;
        }
        // Each run may make its polls, also where time stands still between two runs.
        state.still = Still { since: now, polls: 0 };
        let label = state.log.label(Arc::from("main"), 0);
        Some(state.add(self, label, Body::Main, now))
    }

    /// Chooses one of the ready tasks, by the seed, unless `polls_max` polls were made since the time last moved.
    pub(crate) fn next(&self, polls_max: u64) -> Next {
        let now = self.clock.now();
        let mut state = self.lock();
        let state = &mut *state;
        while !state.ready.is_empty() {
            if state.still.polls_at(now) >= polls_max {
                return Next::Livelock(state.busiest(now));
            }
            let index = state.order.usize(..state.ready.len());
            let id = state.ready.swap_remove(index);
            let Some(task) = state.alive.get_mut(&id) else { continue };
            // Cleared before the poll: a wake during the poll must make it ready again.
            task.ready = false;
            task.still.count(now);
            state.still.count(now);
            state.log.note(now, &task.label, What::Polled);
            let (waker, label) = (task.waker.clone(), task.label.clone());
            match std::mem::replace(&mut task.body, Body::Out) {
                Body::Main => {
                    task.body = Body::Main;
                    return Next::PollMain(waker);
                }
                Body::Parked(future) => return Next::Poll(Turn { id, label, waker, future }),
                Body::Out => unreachable!("a task is chosen only after it came back from its last poll"),
            }
        }
        Next::Idle
    }

    /// Takes a future back that is not done. Returns it if its task was dropped meanwhile, from inside its own poll.
    pub(crate) fn park(&self, id: TaskId, future: BoxFuture<'static, ()>) -> Option<BoxFuture<'static, ()>> {
        match self.lock().alive.get_mut(&id) {
            Some(task) => {
                task.body = Body::Parked(future);
                None
            }
            None => Some(future),
        }
    }

    /// Forgets a task whose future is done or gone.
    pub(crate) fn forget(&self, id: TaskId) {
        self.lock().alive.remove(&id);
    }

    /// Takes out all spawned tasks, in the order of spawning; `close` refuses new ones from here on.
    ///
    /// The future of a task that is being polled is not among them: whoever polls it finds no place to
    /// [`park`](Tasks::park) it.
    pub(crate) fn take_all(&self, close: bool) -> Vec<(Label, BoxFuture<'static, ()>)> {
        let mut state = self.lock();
        state.closed |= close;
        let (mains, spawned): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut state.alive)
            .into_iter()
            .partition(|(_, task)| matches!(task.body, Body::Main));
        state.alive = mains;
        let parked = |task: Task| match task.body {
            Body::Parked(future) => Some((task.label, future)),
            Body::Main | Body::Out => None,
        };
        spawned.into_values().filter_map(parked).collect()
    }

    /// The names of all who wait, `main` first; `None` if somebody is ready after all, woken by another thread.
    pub(crate) fn waiting(&self) -> Option<Vec<String>> {
        let state = self.lock();
        if !state.ready.is_empty() {
            return None;
        }
        let mut labels: Vec<_> = state.alive.values().map(|task| &task.label).collect();
        labels.sort_by_key(|label| label.number);
        Some(labels.into_iter().map(|label| label.name.to_string()).collect())
    }

    pub(crate) fn note(&self, label: &Label, what: What) {
        let now = self.clock.now();
        self.lock().log.note(now, label, what);
    }

    pub(crate) fn main_ended(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let label = state.log.label(Arc::from("main"), 0);
        state.log.note(now, &label, What::Ended);
    }

    pub(crate) fn log<R>(&self, look: impl FnOnce(&mut Log) -> R) -> R {
        look(&mut self.lock().log)
    }

    fn wake(&self, id: TaskId) {
        let now = self.clock.now();
        let mut state = self.lock();
        let state = &mut *state;
        let Some(task) = state.alive.get_mut(&id) else { return };
        state.log.note(now, &task.label, What::Woken);
        if !std::mem::replace(&mut task.ready, true) {
            state.ready.push(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock runs user code, so a poisoned lock can't hide a broken state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, tasks: &Arc<Tasks>, label: Label, body: Body, now: Time) -> TaskId {
        let id = self.next_id;
        self.next_id += 1;
        let waker = Waker::from(Arc::new(TaskWaker { id, tasks: tasks.clone() }));
        let still = Still { since: now, polls: 0 };
        self.alive.insert(id, Task { label, waker, body, ready: true, still });
        self.ready.push(id);
        id
    }

    fn busiest(&self, now: Time) -> Busiest {
        let polls = |task: &Task| Busiest { name: task.label.name.clone(), polls: task.still.polls_at(now) };
        let busiest = self.alive.values().map(polls).max_by_key(|busiest| busiest.polls);
        busiest.unwrap_or_else(|| Busiest { name: Arc::from("a task that has ended"), polls: 0 })
    }
}

impl Still {
    fn polls_at(self, now: Time) -> u64 {
        if self.since == now { self.polls } else { 0 }
    }

    fn count(&mut self, now: Time) {
        *self = Self { since: now, polls: self.polls_at(now) + 1 };
    }
}

/// Holds the tasks strongly, and they hold it: a `Sim` breaks the circle when it is dropped, by emptying them.
struct TaskWaker {
    id: TaskId,
    tasks: Arc<Tasks>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tasks.wake(self.id);
    }
}
