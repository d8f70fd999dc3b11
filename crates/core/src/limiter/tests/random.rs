//! Random programs of tasks and engines on shared limits, cancelled at every poll. Whatever happens, nothing leaks, and
//! everything ends by virtual time alone.

use super::world::*;
use crate::*;
use fastrand::Rng;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

type Shared = Limiter<(Slots, Option<Rate>)>;
type Tenant = Limiter<(Shared, Slots)>;

/// Where and how one program is disturbed: its n-th poll is followed, or replaced, by a drop of what is polled.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Cancel {
    Never,
    After(usize),
    InsteadOf(usize),
}

#[test]
fn oracle_programs_that_are_cancelled_at_every_poll_leak_nothing() {
    let seeds = std::env::var("REGATTA_SEEDS").map_or(200, |seeds| seeds.parse().expect("a number"));
    let mut runs = 0;
    for seed in 0..seeds {
        let polls = run(seed, Cancel::Never);
        for cancel in (0..polls).flat_map(|poll| [Cancel::After(poll), Cancel::InsteadOf(poll)]) {
            run(seed, cancel);
            runs += 1;
        }
    }
    println!("{seeds} programs, {runs} cancellations");
}

fn run(seed: u64, cancel: Cancel) -> usize {
    catch_unwind(AssertUnwindSafe(|| Program::new(seed).run(cancel))).unwrap_or_else(|panic| {
        eprintln!("seed {seed}, cancel {cancel:?}");
        resume_unwind(panic)
    })
}

struct Program {
    random: Rng,
    clock: Manual,
    shared: Shared,
    tenant: Tenant,
    /// Grants that tasks and engines of this program have in hand: of the shared limiter, of the tenant's.
    held: [Count; 2],
    tasks: Vec<Task<()>>,
    spawned: Arc<Mutex<Vec<Task<()>>>>,
    /// The highest maximum that there ever was.
    max: u32,
}

type Count = Arc<AtomicUsize>;

/// One grant in hand.
struct Held(Count);

impl Held {
    fn new(count: &Count) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Program {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let max = random.u32(1..4);
        let rate = random.bool().then(|| Rate::new(random.u64(1..8)));
        let (shared, clock) = limiter((Slots::new(max), rate));
        let tenant = Limiter::with_clock((shared.clone(), Slots::new(2)), Arc::new(clock.clone()));
        let mut program = Self {
            random,
            clock,
            shared,
            tenant,
            held: Default::default(),
            tasks: Vec::new(),
            spawned: Arc::default(),
            max,
        };
        for _ in 0..program.random.usize(2..16) {
            let task = match program.random.u8(..8) {
                0..4 => program.task(program.shared.clone(), 0),
                4..6 => program.task(program.tenant.clone(), 1),
                _ => Task::new(program.engine()),
            };
            program.tasks.push(task);
        }
        if program.random.bool() {
            let task = program.changes();
            program.tasks.push(task);
        }
        program
    }

    /// Acquires, works for a while, and lets go in one of several ways.
    fn task<S>(&mut self, limiter: Limiter<S>, which: usize) -> Task<()>
    where
        S: Strategy<Token: Send + 'static> + Send + 'static,
    {
        let (clock, held) = (self.clock.clone(), self.held[which].clone());
        let (start, work) = (at(self.random.u64(..10)), Duration::from_nanos(self.random.u64(..10)));
        let (request, ending) = (cost(self.random.u32(1..4)), self.random.u8(..4));
        let deadline =
            (self.random.u8(..4) == 0).then(|| start + Duration::from_nanos(self.random.u64(..15)));
        Task::new(async move {
            clock.sleep_until(start).await;
            let acquire = match deadline {
                Some(deadline) => limiter.acquire_by(deadline),
                None => limiter.acquire_for(request),
            };
            let Ok(mut permit) = acquire.await else { return };
            let held = Held::new(&held);
            clock.sleep_until(clock.now() + work).await;
            match ending {
                0 => permit.complete(Outcome::Success),
                1 => permit.complete(Outcome::Failure),
                2 => permit.reconcile(0),
                _ => drop(permit),
            }
            drop(held);
        })
    }

    fn engine(&mut self) -> Engine {
        let bell = Arc::new(Forward::default());
        let jobs = (0..self.random.usize(1..4)).map(|_| cost(self.random.u32(1..4))).collect();
        let mut strategy = (self.shared.clone(), Slots::new(self.random.u32(1..3)));
        strategy.attach(Kick::new(Waker::from(bell.clone())));
        Engine {
            clock: self.clock.clone(),
            strategy,
            bell,
            jobs,
            running: Vec::new(),
            timer: None,
            held: self.held[0].clone(),
            spawned: self.spawned.clone(),
            random: self.random.fork(),
        }
    }

    /// Changes the limits, and perhaps closes in the end.
    fn changes(&mut self) -> Task<()> {
        let (clock, shared, tenant) = (self.clock.clone(), self.shared.clone(), self.tenant.clone());
        let changes: Vec<_> = (0..4).map(|_| (at(self.random.u64(..20)), self.random.u32(1..5))).collect();
        self.max = self.max.max(changes.iter().map(|(_, max)| *max).max().unwrap_or(0));
        let (mut random, close) = (self.random.fork(), self.random.u8(..4) == 0);
        Task::new(async move {
            for (time, max) in changes {
                clock.sleep_until(time).await;
                match random.u8(..3) {
                    0 => shared.update(|(slots, _)| slots.set_max(max)),
                    1 => shared.update(|(slots, _)| slots.max = max),
                    _ => {
                        let new = random.bool().then(|| Rate::new(random.u64(1..8)));
                        shared.update(|(_, rate)| *rate = new);
                    }
                }
            }
            if close && random.bool() {
                tenant.close();
            } else if close {
                shared.close();
            }
        })
    }

    /// Runs to the end, and says how many polls that took.
    fn run(mut self, cancel: Cancel) -> usize {
        let mut polls = 0;
        loop {
            let woken: Vec<_> = (0..self.tasks.len())
                .filter(|i| self.tasks[*i].is_running() && self.tasks[*i].is_woken())
                .collect();
            if woken.is_empty() {
                if self.clock.jump() {
                    continue;
                }
                break;
            }
            let task = &mut self.tasks[woken[self.random.usize(..woken.len())]];
            if cancel == Cancel::InsteadOf(polls) {
                task.cancel();
            } else {
                task.poll();
            }
            if cancel == Cancel::After(polls) {
                task.cancel();
            }
            polls += 1;
            self.tasks.append(&mut self.spawned.lock().unwrap());
            self.check();
        }
        assert!(!self.tasks.iter().any(Task::is_running), "somebody was never woken");
        assert_eq!((counts(&self.shared), counts(&self.tenant)), ((0, 0), (0, 0)));
        assert_eq!(self.shared.peek(|(slots, _)| slots.used), 0);
        assert!(self.shared.shared.with(|state| state.answers.is_empty()));
        assert!(self.tenant.shared.with(|state| state.answers.is_empty()));
        polls
    }

    /// Permits issued = started - finished = held, seen or not.
    fn check(&self) {
        fn unseen<S: Strategy>(limiter: &Limiter<S>) -> usize {
            limiter.shared.with(|state| state.answers.values().filter(|answer| answer.is_ok()).count())
        }
        let held = self.held.each_ref().map(|count| count.load(Ordering::SeqCst));
        let (running, used) = self.shared.peek(|(slots, _)| (slots.starts - slots.finishes, slots.used));
        let seen = held[0] + self.tenant.issued();
        assert_eq!([self.shared.issued(), seen + unseen(&self.shared)], [running; 2]);
        assert!(used <= self.max);
        let running = self.tenant.peek(|(_, slots)| slots.starts - slots.finishes);
        assert_eq!([self.tenant.issued(), held[1] + unseen(&self.tenant)], [running; 2]);
    }
}

/// Hands a kick on to whatever task polled last.
#[derive(Default)]
struct Forward(Mutex<Option<Waker>>);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        let waker = self.0.lock().unwrap().clone();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A small engine: a few jobs, a limit of its own and the shared one. It may be dropped before the tasks that it spawned.
struct Engine {
    clock: Manual,
    strategy: (Shared, Slots),
    bell: Arc<Forward>,
    jobs: Vec<Request>,
    running: Vec<Job>,
    timer: Option<Sleep>,
    held: Count,
    spawned: Arc<Mutex<Vec<Task<()>>>>,
    random: Rng,
}

struct Job {
    end: Sleep,
    /// Gone when it has ended.
    token: Option<((Permit, u32), Arc<Held>)>,
}

impl Engine {
    fn start(&mut self, token: (Permit, u32)) {
        let end = self.clock.now() + Duration::from_nanos(self.random.u64(..10));
        let held = Arc::new(Held::new(&self.held));
        if self.random.bool() {
            let gone = self.clock.sleep_until(end + Duration::from_nanos(self.random.u64(..5)));
            let kept = (self.strategy.hold(&token), held.clone());
            let remote = Task::new(async move {
                gone.await;
                drop(kept);
            });
            self.spawned.lock().unwrap().push(remote);
        }
        self.running.push(Job { end: self.clock.sleep_until(end), token: Some((token, held)) });
    }
}

impl Future for Engine {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        *this.bell.0.lock().unwrap() = Some(cx.waker().clone());
        loop {
            let now = this.clock.now();
            for job in &mut this.running {
                if Pin::new(&mut job.end).poll(cx).is_ready()
                    && let Some((token, _held)) = job.token.take()
                {
                    this.strategy.finish(token, now, Outcome::Success);
                }
            }
            this.running.retain(|job| job.token.is_some());
            let Some(request) = this.jobs.last() else {
                return if this.running.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            };
            match this.strategy.start(now, request) {
                Ok(token) => {
                    this.jobs.pop();
                    this.start(token);
                    continue;
                }
                Err(Readiness::Rejected(_)) => {
                    this.jobs.pop();
                    this.strategy.unpark();
                    continue;
                }
                Err(Readiness::NotBefore(time)) => {
                    this.strategy.park(now, request);
                    this.timer = Some(this.clock.sleep_until(time));
                }
                Err(_) => {
                    this.strategy.park(now, request);
                    this.timer = None;
                }
            }
            let Some(timer) = &mut this.timer else { return Poll::Pending };
            if Pin::new(timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
