//! Random runs against a sequential model: the same outcome for every key, and the same course on the way there. What
//! tasks order in their first poll is tried where they are polled in place; an executor polls them when it likes.

mod census;
mod model;
mod outcome;
mod program;
mod run;

use model::Model;
use outcome::Outcome;
use program::{Kind, Program};
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

/// Calls `check` with random programs and what must become of them.
fn programs(seed: u64, kind: Kind, change: fn(Program) -> Program, check: impl Fn(&Sim, &Program, Outcome)) {
    let mut random = Sim::new(seed).random();
    let drawn = std::iter::repeat_with(|| change(Program::random(&mut random, kind)));
    // Where the rules leave open what happens, another program is drawn.
    let told = drawn.filter_map(|program| Some((Model::run(&program)?, program)));
    for (expected, program) in told.take(PROGRAMS) {
        let _tell = Tell(&program);
        check(&Sim::new(seed), &program, expected);
    }
}

/// Everything that is told of a run is what the model says.
fn agrees(name: &str, kind: Kind, run: fn(&Sim, &Program) -> Outcome) {
    oracle(name, 50, |seed| {
        programs(
            seed,
            kind,
            |program| program,
            |sim, program, expected| {
                let mut outcome = run(sim, program);
                outcome.notes.forget_what_is_open(&expected.notes);
                outcome.completion.forget_what_is_open(&expected.completion);
                assert_eq!(outcome, expected);
            },
        );
    });
}

#[test]
fn oracle_runner_agrees_with_the_model() {
    agrees("runner_agrees_with_the_model", Kind::InPlace, run::runner);
}

#[test]
fn oracle_ties_go_by_the_rules() {
    agrees("ties_go_by_the_rules", Kind::Ties, run::runner);
}

#[test]
fn oracle_local_runner_agrees_with_the_model() {
    agrees("local_runner_agrees_with_the_model", Kind::Local, run::runner);
}

#[test]
fn oracle_spawned_tasks_agree_with_the_model() {
    agrees("spawned_tasks_agree_with_the_model", Kind::Spawned, run::runner);
}

#[test]
fn oracle_spawned_driver_agrees_with_the_model() {
    agrees("spawned_driver_agrees_with_the_model", Kind::Started, run::runner);
}

#[test]
fn oracle_scope_agrees_with_the_model() {
    agrees("scope_agrees_with_the_model", Kind::Scope, run::scope);
}

#[test]
fn oracle_local_scope_agrees_with_the_model() {
    agrees("local_scope_agrees_with_the_model", Kind::ScopeLocal, run::scope);
}

#[test]
fn oracle_map_agrees_with_the_model() {
    oracle("map_agrees_with_the_model", 50, |seed| {
        programs(seed, Kind::Ties, Program::plain, |sim, program, expected| {
            let hows: Vec<_> = expected.tasks.into_iter().map(|task| task.how).collect();
            assert_eq!(run::map(sim, program), hows);
        });
    });
}

#[test]
fn oracle_for_each_agrees_with_the_model() {
    oracle("for_each_agrees_with_the_model", 50, |seed| {
        programs(seed, Kind::Ties, Program::plain, |sim, program, expected| {
            let complete = expected.tasks.iter().all(|task| task.started.is_some());
            let started = expected.tasks.into_iter().enumerate().filter(|(_, task)| task.started.is_some());
            let read: Vec<_> = started.map(|(index, task)| (index, task.how)).collect();
            assert_eq!(run::for_each(sim, program), (read, complete));
        });
    });
}

/// A body that ends early ends the run with it.
#[test]
fn oracle_for_each_ends_with_its_body() {
    oracle("for_each_ends_with_its_body", 50, |seed| {
        programs(seed, Kind::Ties, Program::plain, |sim, program, expected| {
            let mut ends: Vec<_> =
                expected.tasks.iter().filter(|task| task.started.is_some()).map(|task| task.ended).collect();
            ends.sort();
            let count = ends.len() / 2;
            let (read, rest, elapsed) = run::for_each_of(sim, program, count);
            assert_eq!(read.len(), count);
            let over = count.checked_sub(1).and_then(|last| ends[last]).unwrap_or(0);
            assert_eq!(elapsed, over);
            let ended = |index: &usize| expected.tasks[*index].ended;
            assert!(read.iter().is_sorted_by_key(|(index, _)| ended(index)), "{read:?}");
            assert!(rest.iter().all(|(index, _)| ended(index) == Some(over)), "{rest:?} at {over}");
            let mut indices: Vec<_> = read.iter().chain(&rest).map(|(index, _)| *index).collect();
            indices.sort();
            assert!(indices.is_sorted_by(|index, next| index < next), "each is read once");
            for (index, how) in read.into_iter().chain(rest) {
                assert_eq!(how, expected.tasks[index].how, "task {index}");
            }
        });
    });
}
