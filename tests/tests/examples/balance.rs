//! `balance`: exact shares before, during and after a server's death, and its comparison on counts that lie.

use crate::build::example;
use crate::program::{Ended, run};
use std::process::Command;

mod lies;

fn balance(options: &[&str]) -> Ended {
    run(Command::new(example("balance")).args(options))
}

/// The numbers in each line of a phase: requests, answers of each server, lost.
fn rows(ended: &Ended, phase: &str) -> Vec<[u64; 5]> {
    let table = String::from_utf8_lossy(&ended.stdout);
    let rows = table.lines().filter_map(|line| line.trim().strip_prefix(phase)).filter_map(|rest| {
        let numbers: Vec<u64> = rest.split_whitespace().map_while(|word| word.parse().ok()).collect();
        numbers.try_into().ok()
    });
    rows.collect()
}

/// How many requests were in flight at the kill, and how many were lost.
fn the_kill(ended: &Ended) -> (u64, u64) {
    let text = ended.text();
    let line = text.lines().find(|line| line.starts_with("elm was killed with ")).unwrap_or_default();
    let numbers = line.split([' ', ';']).filter_map(|word| word.parse().ok());
    let [in_flight, lost, _refused] = numbers.collect::<Vec<u64>>()[..] else { panic!("a line: {ended:?}") };
    (in_flight, lost)
}

#[test]
fn shares_are_exact_before_during_and_after_a_death() {
    let ended = balance(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says("all shares are exact by weight, nothing was lost but what was in flight at the kill");
    assert_eq!(rows(&ended, "all up "), [[1_050, 525, 315, 210, 0]], "{ended:?}");
    assert_eq!(rows(&ended, "two are left "), [[1_050, 750, 0, 300, 0]], "{ended:?}");
    assert_eq!(rows(&ended, "all up again "), [[1_050, 525, 315, 210, 0]], "{ended:?}");
    let [[requests, oak, elm, ash, lost]] = rows(&ended, "one is killed ")[..] else {
        panic!("one line: {ended:?}");
    };
    assert_eq!((requests, oak + elm + ash + lost), (210, 210), "{ended:?}");
    let (in_flight, told) = the_kill(&ended);
    assert!((3..=12).contains(&in_flight) && lost <= in_flight && lost == told && elm < 63, "{ended:?}");
    let back = rows(&ended, "it is back ");
    assert!(!back.is_empty(), "{ended:?}");
    for [requests, oak, elm, ash, lost] in back {
        // It gets its share and no burst.
        assert!((requests, oak + elm + ash, lost) == (210, 210, 0) && elm <= 65, "{ended:?}");
    }
}

#[test]
fn help_and_bad_usage() {
    let help = balance(&["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    help.assert_says("exit status: 0");
    for argument in ["--weights", "oak"] {
        let ended = balance(&[argument]);
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{argument}: {ended:?}");
        ended.assert_says(argument);
    }
}
