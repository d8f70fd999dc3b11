//! A timetable: jobs that are due again and again, at fixed times.

use super::orders::Orders;
use super::toy::{Act, Counts, Last, Ledger, Plan, Supply, Toy, ended, judge, request};
use super::{at_most, ms};
use regatta_core::{Kick, Outcome, Request, Time};
use regatta_engine::{Admission, Control, End, Engine, Job, Next, Source};
use regatta_tests::{World, on_every_executor};
use std::time::Duration;

pub(crate) struct Timetable {
    jobs: Vec<Periodic>,
    /// Which occurrences were started: `(job, due)`, under the key that the engine knows.
    pub(crate) occurrences: Vec<(usize, Time)>,
    admitted: usize,
    ledger: Ledger,
    orders: Orders,
}

pub(crate) struct Periodic {
    pub(crate) due: Time,
    pub(crate) period: Duration,
    pub(crate) times: usize,
    pub(crate) plan: Plan,
}

impl Timetable {
    pub(crate) fn new(ledger: &Ledger, jobs: impl IntoIterator<Item = Periodic>) -> Self {
        let jobs: Vec<_> = jobs.into_iter().collect();
        let admitted = jobs.iter().map(|job| job.times).sum();
        let (ledger, orders) = (ledger.clone(), Orders::default());
        Self { jobs, occurrences: Vec::new(), admitted, ledger, orders }
    }

    pub(crate) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    fn earliest(&self) -> Option<usize> {
        (0..self.jobs.len()).filter(|job| self.jobs[*job].times > 0).min_by_key(|job| self.jobs[*job].due)
    }

    fn left(&self, now: Time) -> (usize, usize) {
        let (mut due, mut later) = (0, 0);
        for job in &self.jobs {
            let times =
                (0..job.times).map(|n| job.due + job.period * u32::try_from(n).expect("a short table"));
            let come = times.filter(|time| *time <= now).count();
            due += come;
            later += job.times - come;
        }
        (due, later)
    }
}

impl Source for Timetable {
    type Task = Toy;

    fn attach(&mut self, kick: Kick) {
        self.orders.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        let Some(job) = self.earliest() else { return Next::Done };
        let due = self.jobs[job].due;
        if due > now {
            return Next::NotBefore(due);
        }
        let key = self.occurrences.len();
        match admission.start(&request(key)) {
            Ok(admitted) => {
                let entry = &mut self.jobs[job];
                // From due time to due time, not from start to start: a late start must not move the next.
                entry.due = due + entry.period;
                entry.times -= 1;
                self.occurrences.push((job, due));
                let deadline = entry.plan.timeout.map_or(Time::MAX, |timeout| now + timeout);
                Next::Start(Job::new(key, self.ledger.toy(key, &entry.plan)).deadline(deadline), admitted)
            }
            Err(not_yet) => Next::Blocked(not_yet),
        }
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        let ended = ended(&end);
        self.ledger.end(key, ended);
        self.ledger.judge(judge(ended))
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        self.orders.take(&self.ledger)
    }
}

impl Supply for Timetable {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn counts(&self, now: Time) -> Counts {
        let (pending, delayed) = self.left(now);
        Counts { admitted: self.admitted, pending, delayed }
    }

    fn candidates(&self, now: Time) -> Vec<Request> {
        if self.left(now).0 > 0 { vec![request(self.occurrences.len())] } else { Vec::new() }
    }
}

on_every_executor! {
    async fn jobs_run_when_they_are_due_never_early_without_drift(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let every = |period, times, plan| Periodic { due: start + ms(period), period: ms(period), times, plan };
        let table = Timetable::new(&ledger, [every(7, 100, Plan::sleep(ms(3))), every(10, 50, Plan::ready())]);
        let table = Engine::new(table, ()).clock(world.clock()).run().await;
        for ((_, due), (_, born)) in table.occurrences.iter().zip(ledger.born()) {
            assert_eq!(*due, born);
        }
        let sevens = table.occurrences.iter().filter(|(job, _)| *job == 0).map(|(_, due)| *due);
        assert_eq!(sevens.collect::<Vec<_>>(), (1..=100).map(|n| start + ms(7 * n)).collect::<Vec<_>>());
    }

    async fn a_late_start_does_not_move_the_next(world: World) {
        // One slot, and the first run overruns: it is late once and on time again.
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let slow = Periodic { due: start + ms(9), period: ms(100), times: 1, plan: Plan::sleep(ms(5)) };
        let tick = Periodic { due: start + ms(10), period: ms(10), times: 3, plan: Plan::ready() };
        let table = Timetable::new(&ledger, [slow, tick]);
        Engine::new(table, ()).limit(at_most(1)).clock(world.clock()).run().await;
        let born: Vec<_> = ledger.born().into_iter().map(|(_, at)| at.since(start)).collect();
        assert_eq!(born, [ms(9), ms(14), ms(20), ms(30)]);
    }

    async fn a_job_that_computes_makes_others_late_not_lost(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let plan = Plan::of([Act::Compute(ms(25))], Last::Ok);
        let job = |plan, times| Periodic { due: start + ms(10), period: ms(10), times, plan };
        let table = Timetable::new(&ledger, [job(plan, 1), job(Plan::ready(), 3)]);
        Engine::new(table, ()).clock(world.clock()).run().await;
        let born: Vec<_> = ledger.born().into_iter().map(|(_, at)| at.since(start)).collect();
        assert_eq!(born, [ms(10), ms(35), ms(35), ms(35)]);
    }
}
