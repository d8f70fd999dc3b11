//! An inbox: pushes from outside, delays, retries; a blocked class does not hold up another.

use super::orders::Orders;
use super::toy::{Counts, Ended, Ledger, Plan, Supply, Toy, ended, judge, request};
use regatta_core::{Kick, Outcome, Readiness, Request, Time};
use regatta_engine::{Admission, Control, End, Job, Next, Retrying, Source};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[path = "inbox_tests.rs"]
mod tests;

pub(crate) struct Inbox {
    mail: Mail,
    running: HashMap<usize, Item>,
    ledger: Ledger,
}

/// The outside of an inbox. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Mail {
    state: Arc<Mutex<State>>,
    pub(crate) orders: Orders,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Item>,
    delayed: Retrying<Item>,
    pushed: usize,
    closed: bool,
}

struct Item {
    key: usize,
    plan: Plan,
    attempts: u32,
}

/// How often a task that failed is tried again, and how long it rests before.
const RETRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(2);

impl Mail {
    pub(crate) fn push(&self, plan: Plan) -> usize {
        self.lock_and_kick(|state| {
            let item = state.item(plan);
            state.ready.push_back(item);
        })
    }

    pub(crate) fn push_at(&self, due: Time, plan: Plan) -> usize {
        self.lock_and_kick(|state| {
            let item = state.item(plan);
            state.delayed.push(due, item);
        })
    }

    pub(crate) fn close(&self) {
        self.lock_and_kick(|state| state.closed = true);
    }

    fn lock_and_kick(&self, change: impl FnOnce(&mut State)) -> usize {
        let mut state = self.lock();
        change(&mut state);
        let key = state.pushed.saturating_sub(1);
        drop(state);
        self.orders.kick();
        key
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn item(&mut self, plan: Plan) -> Item {
        assert!(!self.closed, "nothing is pushed into a closed inbox");
        self.pushed += 1;
        Item { key: self.pushed - 1, plan, attempts: 0 }
    }
}

impl Inbox {
    pub(crate) fn new(ledger: &Ledger) -> (Self, Mail) {
        let mail = Mail::default();
        (Self { mail: mail.clone(), running: HashMap::new(), ledger: ledger.clone() }, mail)
    }
}

impl Source for Inbox {
    type Task = Toy;

    fn attach(&mut self, kick: Kick) {
        self.mail.orders.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        let mut state = self.mail.lock();
        while let Some(item) = state.delayed.pop_due(now) {
            state.ready.push_back(item);
        }
        let due = state.delayed.next_due();
        let answers: Vec<_> = state.ready.iter().map(|item| admission.ready(&request(item.key))).collect();
        if let Some(index) = answers.iter().position(|answer| answer.is_ready())
            && let Ok(admitted) = admission.start(&request(state.ready[index].key))
        {
            let mut item = state.ready.remove(index).expect("it was found there");
            drop(state);
            item.attempts += 1;
            let deadline = item.plan.timeout.map_or(Time::MAX, |timeout| now + timeout);
            let job = Job::new(item.key, self.ledger.toy(item.key, &item.plan)).deadline(deadline);
            self.running.insert(item.key, item);
            return Next::Start(job, admitted);
        }
        match (answers.into_iter().min(), due) {
            (Some(Readiness::NotBefore(time)), due) => {
                Next::Blocked(Readiness::NotBefore(due.map_or(time, |due| due.min(time))))
            }
            (Some(_), Some(due)) => Next::Blocked(Readiness::NotBefore(due)),
            (Some(answer), None) => Next::Blocked(answer),
            (None, Some(due)) => Next::NotBefore(due),
            (None, None) if state.closed => Next::Done,
            (None, None) => Next::Waiting,
        }
    }

    fn on_outcome(&mut self, now: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        let ended = ended(&end);
        let item = self.running.remove(&key).expect("an outcome is of a task that runs");
        if ended == Ended::Err && item.attempts <= RETRIES {
            self.mail.lock().delayed.push(now + PAUSE, item);
        } else {
            self.ledger.end(key, ended);
        }
        self.ledger.judge(judge(ended))
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        self.mail.orders.take(&self.ledger)
    }
}

impl Supply for Inbox {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn counts(&self, _: Time) -> Counts {
        let state = self.mail.lock();
        Counts { admitted: state.pushed, pending: state.ready.len(), delayed: state.delayed.len() }
    }

    fn candidates(&self, now: Time) -> Vec<Request> {
        let state = self.mail.lock();
        let due = state.delayed.peek_due(now).map(|item| request(item.key));
        state.ready.iter().map(|item| request(item.key)).chain(due).collect()
    }
}
