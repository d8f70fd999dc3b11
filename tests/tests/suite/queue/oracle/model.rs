//! A model of a queue in place whose jobs are all there when it starts: which attempt starts when, and how each job ends,
//! one thing after the other.

use super::program::Order;
use super::site::instant;
use regatta::queue::Options;
use regatta::strategies::{Lifo, Priority};
use regatta::{Backoff, Class, Clock, Fifo, Queue};
use regatta_tests::{Rng, Sim};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nanoseconds, so that no two things happen to fall together.
type Nanos = u64;

#[derive(Clone, Debug)]
pub(super) struct Case {
    workers: usize,
    order: Order,
    class_limit: Option<usize>,
    retries: u32,
    pause: Nanos,
    jobs: Vec<Job>,
}

#[derive(Clone, Debug)]
struct Job {
    time: Nanos,
    /// So many attempts fail.
    fails: u32,
    class: Option<u64>,
    priority: i32,
    delay: Nanos,
}

#[derive(PartialEq, Eq, Default, Debug)]
pub(super) struct Course {
    /// When which attempt of which job starts.
    starts: Vec<(Nanos, usize, u32)>,
    /// When which job ends after how many attempts, and whether it has succeeded.
    ends: Vec<(Nanos, usize, u32, bool)>,
}

impl Course {
    /// Ends of the same moment have no order.
    fn sorted(mut self) -> Self {
        self.ends.sort_unstable();
        self
    }
}

impl Case {
    pub(super) fn random(random: &mut Rng) -> Self {
        let long = 1_000_000;
        let jobs = (0..random.usize(1..20)).map(|_| Job {
            time: if random.u8(..4) == 0 { 0 } else { random.u64(1..long) },
            fails: if random.bool() { random.u32(..5) } else { 0 },
            class: random.bool().then(|| random.u64(..3)),
            priority: random.i32(-2..3),
            delay: if random.u8(..3) == 0 { random.u64(1..2 * long) } else { 0 },
        });
        Self {
            jobs: jobs.collect(),
            workers: random.usize(1..7),
            order: *random.choice(&[Order::Fifo, Order::Priority, Order::Lifo]).expect("three"),
            class_limit: random.bool().then(|| random.usize(1..4)),
            retries: random.u32(..4),
            pause: random.u64(1..long),
        }
    }

    /// What must happen.
    pub(super) fn expected(&self) -> Course {
        let mut course = Course::default();
        // Since when each job waits that does, and until when each runs that does.
        let mut waiting: BTreeMap<usize, Nanos> =
            self.jobs.iter().enumerate().map(|(index, job)| (index, job.delay)).collect();
        let mut running: BTreeMap<usize, Nanos> = BTreeMap::new();
        let mut attempts = vec![0; self.jobs.len()];
        let mut now = 0;
        loop {
            let ended = running.iter().find(|(_, until)| **until <= now).map(|(index, _)| *index);
            if let Some(index) = ended {
                running.remove(&index);
                let is_ok = attempts[index] > self.jobs[index].fails;
                if is_ok || attempts[index] > self.retries {
                    course.ends.push((now, index, attempts[index], is_ok));
                } else {
                    waiting.insert(index, now + self.pause);
                }
                continue;
            }
            if let Some(index) = self.next(now, &waiting, &running) {
                waiting.remove(&index);
                attempts[index] += 1;
                course.starts.push((now, index, attempts[index]));
                running.insert(index, now + self.jobs[index].time);
                continue;
            }
            let dues = waiting.values().copied().filter(|due| *due > now);
            let Some(then) = running.values().copied().chain(dues).min() else { return course.sorted() };
            now = then;
        }
    }

    fn next(
        &self,
        now: Nanos,
        waiting: &BTreeMap<usize, Nanos>,
        running: &BTreeMap<usize, Nanos>,
    ) -> Option<usize> {
        if running.len() >= self.workers {
            return None;
        }
        let is_free = |index: usize| match (self.class_limit, self.jobs[index].class) {
            (Some(limit), Some(class)) => {
                running.keys().filter(|other| self.jobs[**other].class == Some(class)).count() < limit
            }
            _ => true,
        };
        let due = waiting.iter().filter(|(_, due)| **due <= now).map(|(index, _)| *index);
        due.filter(|index| is_free(*index)).min_by_key(|index| {
            let seq = i64::try_from(*index).expect("few");
            match self.order {
                Order::Fifo => (0, seq),
                Order::Priority => (-i64::from(self.jobs[*index].priority), seq),
                Order::Lifo => (0, -seq),
            }
        })
    }

    /// What does happen.
    pub(super) fn run(&self, sim: &Sim) -> Course {
        let builder = Queue::<usize>::builder().workers(self.workers).unwrap().clock(sim.clock());
        let mut builder = match self.order {
            Order::Fifo => builder.discipline(Fifo),
            Order::Priority => builder.discipline(Priority::strict()),
            Order::Lifo => builder.discipline(Lifo),
        };
        if let Some(limit) = self.class_limit {
            builder = builder.class_limit(limit).unwrap();
        }
        let starts = Arc::new(Mutex::new(Vec::new()));
        let (clock, jobs, seen) = (sim.clock(), self.jobs.clone(), starts.clone());
        let (queue, mut results, mut engine) = builder
            .retry(Backoff::constant(Duration::from_nanos(self.pause)).times(self.retries))
            .build(async move |index, ctx| {
                let now = clock.now();
                seen.lock().unwrap().push((since(now), *index, ctx.attempt()));
                let job = &jobs[*index];
                if job.time > 0 {
                    clock.sleep_until(now + Duration::from_nanos(job.time)).await;
                }
                if ctx.attempt() > job.fails { Ok(()) } else { Err("not yet") }
            })
            .unwrap();
        for (index, job) in self.jobs.iter().enumerate() {
            let mut options = Options::new().priority(job.priority);
            if let Some(class) = job.class {
                options = options.class(Class::from_u64(class));
            }
            if job.delay > 0 {
                options = options.delay(Duration::from_nanos(job.delay));
            }
            queue.try_push_with(index, options).unwrap();
        }
        queue.close();
        let _finished = sim.run(engine.run()).unwrap_or_else(|deadlock| panic!("{deadlock}"));
        let ends = results.drain().into_iter();
        let ends = ends.map(|done| (since(done.ended()), *done.job, done.attempts, done.is_ok())).collect();
        Course { starts: std::mem::take(&mut starts.lock().unwrap()), ends }.sorted()
    }
}

fn since(time: regatta::Time) -> Nanos {
    u64::try_from(time.since(instant(0)).as_nanos()).expect("short")
}
