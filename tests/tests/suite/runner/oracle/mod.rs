//! Random runs against a sequential model: the same outcome for every key.

mod census;
mod model;
mod outcome;
mod program;
mod run;

use regatta_tests::{Sim, oracle};

/// Programs per seed.
const PROGRAMS: usize = 10;

/// Shows the program where an assertion about it fails.
struct Tell<'a>(&'a program::Program);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}", self.0);
        }
    }
}

#[test]
fn oracle_runner_agrees_with_the_model() {
    oracle("runner_agrees_with_the_model", 50, |seed| {
        let sim = Sim::new(seed);
        let mut random = sim.random();
        for _ in 0..PROGRAMS {
            let program = program::Program::random(&mut random);
            let _tell = Tell(&program);
            assert_eq!(run::runner(&Sim::new(seed), &program), model::Model::run(&program));
        }
    });
}

#[test]
fn oracle_map_agrees_with_the_model() {
    oracle("map_agrees_with_the_model", 50, |seed| {
        let sim = Sim::new(seed);
        let mut random = sim.random();
        for _ in 0..PROGRAMS {
            let program = program::Program::random(&mut random).without_retries();
            let _tell = Tell(&program);
            let expected = model::Model::run(&program);
            let hows: Vec<_> = expected.tasks.into_iter().map(|task| task.how).collect();
            assert_eq!(run::map(&Sim::new(seed), &program), hows);
        }
    });
}

#[test]
fn oracle_for_each_agrees_with_the_model() {
    oracle("for_each_agrees_with_the_model", 50, |seed| {
        let sim = Sim::new(seed);
        let mut random = sim.random();
        for _ in 0..PROGRAMS {
            let program = program::Program::random(&mut random).without_retries();
            let _tell = Tell(&program);
            let expected = model::Model::run(&program);
            let complete = expected.tasks.iter().all(|task| task.started.is_some());
            let started = expected.tasks.into_iter().enumerate().filter(|(_, task)| task.started.is_some());
            let read: Vec<_> = started.map(|(index, task)| (index, task.how)).collect();
            assert_eq!(run::for_each(&Sim::new(seed), &program), (read, complete));
        }
    });
}
