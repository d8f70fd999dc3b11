//! A batch: a fixed list of tasks, in order.

use super::orders::Orders;
use super::toy::{Counts, Ended, Ledger, Plan, Supply, Toy, ended, judge, request};
use super::{at_most, ms};
use regatta_core::{Kick, Outcome, Readiness, Request, Time};
use regatta_engine::{Admission, Control, End, Engine, Job, Next, Source};
use regatta_tests::{World, on_every_executor};
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct Batch {
    waiting: VecDeque<(usize, Plan)>,
    admitted: usize,
    ledger: Ledger,
    orders: Orders,
}

impl Batch {
    pub(crate) fn new(ledger: &Ledger, plans: impl IntoIterator<Item = Plan>) -> Self {
        let waiting: VecDeque<_> = plans.into_iter().enumerate().collect();
        Self { admitted: waiting.len(), waiting, ledger: ledger.clone(), orders: Orders::default() }
    }

    pub(crate) fn orders(&self) -> Orders {
        self.orders.clone()
    }
}

impl Source for Batch {
    type Task = Toy;

    fn attach(&mut self, kick: Kick) {
        self.orders.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        let Some((key, plan)) = self.waiting.front() else { return Next::Done };
        match admission.start(&request(*key)) {
            Ok(admitted) => {
                let deadline = plan.timeout.map_or(Time::MAX, |timeout| now + timeout);
                let job = Job::new(*key, self.ledger.toy(*key, plan)).deadline(deadline);
                self.waiting.pop_front();
                Next::Start(job, admitted)
            }
            Err(Readiness::Rejected(_)) => {
                let key = *key;
                self.waiting.pop_front();
                self.ledger.end(key, Ended::NotStarted);
                // Nothing waits for a change, so the engine must ask again by itself.
                Next::NotBefore(now)
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

impl Supply for Batch {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn counts(&self, _: Time) -> Counts {
        Counts { admitted: self.admitted, pending: self.waiting.len(), delayed: 0 }
    }

    fn candidates(&self, _: Time) -> Vec<Request> {
        self.waiting.front().map(|(key, _)| request(*key)).into_iter().collect()
    }
}

on_every_executor! {
    async fn smoke(world: World) {
        let ledger = Ledger::new(&world.clock);
        let plans = [Plan::ready(), Plan::sleep(ms(5)), Plan::hang().timeout(ms(3))];
        Engine::new(Batch::new(&ledger, plans), ()).clock(world.clock()).run().await;
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Ok), (1, Ended::Ok), (2, Ended::TimedOut)]));
        ledger.assert_all_dropped();
    }

    async fn empty(world: World) {
        let before = world.now();
        let ledger = Ledger::new(&world.clock);
        Engine::new(Batch::new(&ledger, []), ()).clock(world.clock()).run().await;
        assert_eq!(world.now(), before);
        assert!(ledger.born().is_empty());
    }

    async fn tasks_start_in_order_as_slots_come_free(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let plans = [3, 5, 4, 1].map(|n| Plan::sleep(ms(n)));
        let engine = Engine::new(Batch::new(&ledger, plans), ()).limit(at_most(2)).clock(world.clock());
        ledger.limit(at_most(2));
        engine.run().await;
        let at = |n| start + ms(n);
        assert_eq!(ledger.born(), [(0, at(0)), (1, at(0)), (2, at(3)), (3, at(5))]);
        assert_eq!(world.now(), at(7));
    }
}
