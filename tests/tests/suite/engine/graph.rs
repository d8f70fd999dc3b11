//! A graph: a task may start once all that it depends on have ended well.

use super::orders::Orders;
use super::toy::{Counts, Ended, Ledger, Plan, Supply, Toy, ended, judge, request};
use super::{at_most, ms};
use regatta_core::{Kick, Outcome, Readiness, Request, Time};
use regatta_engine::{Admission, Control, End, Engine, Job, Next, Source};
use regatta_tests::{World, on_every_executor};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Graph {
    nodes: Vec<Node>,
    ready: BTreeSet<usize>,
    ledger: Ledger,
    orders: Orders,
}

struct Node {
    plan: Plan,
    /// How many of its dependencies have not ended.
    missing: usize,
    feeds: Vec<usize>,
    started: bool,
    settled: bool,
}

impl Graph {
    /// Each node with those it depends on, which come before it.
    pub(crate) fn new(ledger: &Ledger, nodes: impl IntoIterator<Item = (Plan, BTreeSet<usize>)>) -> Self {
        let (ledger, orders) = (ledger.clone(), Orders::default());
        let mut graph = Self { nodes: Vec::new(), ready: BTreeSet::new(), ledger, orders };
        for (key, (plan, needs)) in nodes.into_iter().enumerate() {
            for &need in &needs {
                graph.nodes[need].feeds.push(key);
            }
            if needs.is_empty() {
                graph.ready.insert(key);
            }
            let missing = needs.len();
            graph.nodes.push(Node { plan, missing, feeds: Vec::new(), started: false, settled: false });
        }
        graph
    }

    pub(crate) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    fn settle(&mut self, key: usize, ended: Ended) {
        self.nodes[key].settled = true;
        self.ledger.end(key, ended);
        for next in self.nodes[key].feeds.clone() {
            if ended != Ended::Ok {
                if !self.nodes[next].settled {
                    self.settle(next, Ended::Skipped);
                }
                continue;
            }
            self.nodes[next].missing -= 1;
            if self.nodes[next].missing == 0 && !self.nodes[next].settled {
                self.ready.insert(next);
            }
        }
    }
}

impl Source for Graph {
    type Task = Toy;

    fn attach(&mut self, kick: Kick) {
        self.orders.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        if self.ready.is_empty() {
            return if self.nodes.iter().all(|node| node.settled) { Next::Done } else { Next::Waiting };
        }
        let answers: BTreeMap<_, _> =
            self.ready.iter().map(|key| (*key, admission.ready(&request(*key)))).collect();
        let key = answers.iter().find(|(_, answer)| answer.is_ready()).map(|(key, _)| *key);
        if let Some(key) = key
            && let Ok(admitted) = admission.start(&request(key))
        {
            self.ready.remove(&key);
            let node = &mut self.nodes[key];
            node.started = true;
            let deadline = node.plan.timeout.map_or(Time::MAX, |timeout| now + timeout);
            return Next::Start(Job::new(key, self.ledger.toy(key, &node.plan)).deadline(deadline), admitted);
        }
        Next::Blocked(answers.into_values().min().unwrap_or(Readiness::OnChange))
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        let ended = ended(&end);
        self.settle(key, ended);
        self.ledger.judge(judge(ended))
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        self.orders.take(&self.ledger)
    }
}

impl Supply for Graph {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn counts(&self, _: Time) -> Counts {
        let waits = |node: &&Node| !node.started && !node.settled;
        Counts { admitted: self.nodes.len(), pending: self.nodes.iter().filter(waits).count(), delayed: 0 }
    }

    fn candidates(&self, _: Time) -> Vec<Request> {
        self.ready.iter().map(|key| request(*key)).collect()
    }
}

fn needs<const N: usize>(plan: Plan, needs: [usize; N]) -> (Plan, BTreeSet<usize>) {
    (plan, BTreeSet::from(needs))
}

on_every_executor! {
    async fn a_node_starts_when_the_last_of_its_needs_has_ended(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let nodes = [
            needs(Plan::sleep(ms(2)), []),
            needs(Plan::sleep(ms(5)), []),
            needs(Plan::sleep(ms(1)), [0]),
            needs(Plan::ready(), [0, 1, 2]),
        ];
        Engine::new(Graph::new(&ledger, nodes), ()).clock(world.clock()).run().await;
        let at = |n| start + ms(n);
        assert_eq!(ledger.born(), [(0, at(0)), (1, at(0)), (2, at(2)), (3, at(5))]);
    }

    async fn a_slot_is_never_idle_while_a_node_is_ready(world: World) {
        // Two slots; a chain of three beside three loose nodes: six units of work in three units of time.
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let unit = || Plan::sleep(ms(1));
        let nodes = [
            needs(unit(), []),
            needs(unit(), [0]),
            needs(unit(), [1]),
            needs(unit(), []),
            needs(unit(), []),
            needs(unit(), []),
        ];
        let engine = Engine::new(Graph::new(&ledger, nodes), ()).limit(at_most(2)).clock(world.clock());
        engine.run().await;
        assert_eq!(world.now().since(start), ms(3));
    }

    async fn a_failure_skips_what_depends_on_it_and_nothing_else(world: World) {
        let ledger = Ledger::new(&world.clock);
        let nodes = [
            needs(Plan::hang().timeout(ms(1)), []),
            needs(Plan::ready(), [0]),
            needs(Plan::ready(), [1]),
            needs(Plan::sleep(ms(2)), []),
        ];
        Engine::new(Graph::new(&ledger, nodes), ()).clock(world.clock()).run().await;
        let ends = [Ended::TimedOut, Ended::Skipped, Ended::Skipped, Ended::Ok];
        assert_eq!(ledger.ends().into_values().collect::<Vec<_>>(), ends);
    }

    async fn a_long_chain_of_ready_nodes_needs_no_time_at_all(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let nodes = (0..1000_usize).map(|n| (Plan::ready(), n.checked_sub(1).into_iter().collect()));
        Engine::new(Graph::new(&ledger, nodes), ()).limit(at_most(1)).clock(world.clock()).run().await;
        assert_eq!((ledger.ends().len(), world.now()), (1000, start));
    }
}
