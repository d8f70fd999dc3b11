//! Random queues: what any queue must keep at every step, whatever is done to it.

mod census;
mod handler;
mod met;
mod model;
mod monitor;
mod program;
mod pushes;
mod run;
mod site;
mod verdict;

use program::{Place, Program};
use regatta_tests::{Sim, oracle};

/// Programs per seed.
const PROGRAMS: usize = 4;

/// Shows the program where an assertion about it fails.
struct Tell<'a>(&'a Program);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}", self.0);
        }
    }
}

fn keeps_its_promises(name: &str, place: Place) {
    oracle(name, 50, |seed| {
        let mut random = Sim::new(seed).random();
        for _ in 0..PROGRAMS {
            let program = Program { place, ..Program::random(&mut random) };
            let _tell = Tell(&program);
            let (site, finished) = run::run(&Sim::new(seed), &program);
            verdict::check(&site, finished);
            site.shut();
        }
    });
}

#[test]
fn oracle_queue_in_place_keeps_its_promises() {
    keeps_its_promises("queue_in_place_keeps_its_promises", Place::Alone);
}

#[test]
fn oracle_queue_with_a_body_keeps_its_promises() {
    keeps_its_promises("queue_with_a_body_keeps_its_promises", Place::WithBody);
}

#[test]
fn oracle_queue_on_an_executor_keeps_its_promises() {
    keeps_its_promises("queue_on_an_executor_keeps_its_promises", Place::Spawned);
}

/// Each start at its time, in its order, and each end.
#[test]
fn oracle_queue_agrees_with_the_model() {
    oracle("queue_agrees_with_the_model", 50, |seed| {
        let mut random = Sim::new(seed).random();
        for _ in 0..PROGRAMS {
            let case = model::Case::random(&mut random);
            assert_eq!(case.run(&Sim::new(seed)), case.expected(), "{case:#?}");
        }
    });
}

/// The same seed takes the same course, to the last wake.
#[test]
fn oracle_queue_replays() {
    oracle("queue_replays", 10, |seed| {
        let mut random = Sim::new(seed).random();
        let program = Program::random(&mut random);
        let [first, second] = [(); 2].map(|()| {
            let sim = Sim::new(seed).record_trace();
            let (site, _) = run::run(&sim, &program);
            site.shut();
            let notes = std::mem::take(&mut site.facts().notes);
            (notes, sim.trace())
        });
        assert!(first == second, "seed {seed} takes two courses");
    });
}
