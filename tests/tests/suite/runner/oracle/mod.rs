//! Random runs against a sequential model: the same outcome for every key.

mod census;
mod model;
mod outcome;
mod program;
mod run;

use model::Model;
use outcome::Outcome;
use program::Program;
use regatta_tests::{Sim, oracle};

/// Programs per seed.
const PROGRAMS: usize = 10;

/// Shows the program where an assertion about it fails.
struct Tell<'a>(&'a Program);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}", self.0);
        }
    }
}

/// Calls `check` with random programs and what must become of them.
fn programs(seed: u64, change: fn(Program) -> Program, check: impl Fn(&Sim, &Program, Outcome)) {
    let mut random = Sim::new(seed).random();
    let drawn = std::iter::repeat_with(|| change(Program::random(&mut random)));
    // Where the rules leave open what happens, another program is drawn.
    let told = drawn.filter_map(|program| Some((Model::run(&program)?, program)));
    for (expected, program) in told.take(PROGRAMS) {
        let _tell = Tell(&program);
        check(&Sim::new(seed), &program, expected);
    }
}

#[test]
fn oracle_runner_agrees_with_the_model() {
    oracle("runner_agrees_with_the_model", 50, |seed| {
        programs(
            seed,
            |program| program,
            |sim, program, expected| {
                assert_eq!(run::runner(sim, program), expected);
            },
        );
    });
}

#[test]
fn oracle_map_agrees_with_the_model() {
    oracle("map_agrees_with_the_model", 50, |seed| {
        programs(seed, Program::without_retries, |sim, program, expected| {
            let hows: Vec<_> = expected.tasks.into_iter().map(|task| task.how).collect();
            assert_eq!(run::map(sim, program), hows);
        });
    });
}

#[test]
fn oracle_for_each_agrees_with_the_model() {
    oracle("for_each_agrees_with_the_model", 50, |seed| {
        programs(seed, Program::without_retries, |sim, program, expected| {
            let complete = expected.tasks.iter().all(|task| task.started.is_some());
            let started = expected.tasks.into_iter().enumerate().filter(|(_, task)| task.started.is_some());
            let read: Vec<_> = started.map(|(index, task)| (index, task.how)).collect();
            assert_eq!(run::for_each(sim, program), (read, complete));
        });
    });
}
