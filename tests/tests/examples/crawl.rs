//! `crawl`: the whole site on every executor, stopped midway, and its comparison on queues and logs that lie.

use crate::build::example;
use crate::program::{Ended, run};
use std::process::Command;

mod addresses;
mod lies;

const AGREED: &str =
    "each page was visited once, with a request per attempt, and no host had more to do than it was promised";

const EXECUTORS: [&str; 2] = ["smol", "tokio"];

fn crawl(options: &[&str]) -> Ended {
    run(Command::new(example("crawl")).args(options))
}

/// The numbers in the line for all hosts: came, didn't, stopped, left, requests, retries, pauses, at once.
#[track_caller]
fn numbers(ended: &Ended) -> [usize; 8] {
    let table = String::from_utf8_lossy(&ended.stdout);
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let words = lines.find(|words| words.first() == Some(&"all"));
    let words = words.unwrap_or_else(|| panic!("no line for all hosts: {ended:?}"));
    let numbers: Vec<usize> = words.iter().skip(1).map_while(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|numbers| panic!("eight numbers, not {numbers:?}: {ended:?}"))
}

/// The numbers in the line about links, the sum first.
#[track_caller]
fn links(ended: &Ended) -> Vec<usize> {
    let text = ended.text();
    let line = text.lines().find_map(|line| line.strip_prefix("links found: "));
    let words = line.unwrap_or_else(|| panic!("no line about links: {ended:?}")).split(' ');
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Nothing links to one page of the 600. Of the others, 8 are missing, and 8 fail for ever, which makes 24 retries of 72.
fn the_whole_site_on(executor: &str) {
    let ended = crawl(&["--on", executor]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says(AGREED);
    assert_eq!(numbers(&ended), [583, 16, 0, 0, 671, 72, 8, 2], "{ended:?}");
    let links = links(&ended);
    assert_eq!(links[0], links[1..].iter().sum::<usize>(), "{ended:?}");
    // All but the first page were pushed by the handler, once each, and most links led to pages that it knew.
    assert_eq!((links[1], links[5]), (598, 0), "{ended:?}");
    assert!(links[2] > 0 && links[3] > 0, "{ended:?}");
}

#[test]
fn each_page_is_visited_once_on_smol() {
    the_whole_site_on("smol");
}

#[test]
fn each_page_is_visited_once_on_tokio() {
    the_whole_site_on("tokio");
}

#[test]
fn a_site_of_one_page_is_crawled() {
    let ended = crawl(&["--pages", "1", "--tokio"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says(AGREED);
    assert_eq!(numbers(&ended), [1, 0, 0, 0, 1, 0, 0, 1], "{ended:?}");
}

#[test]
fn a_crawl_that_is_stopped_hands_back_what_it_has_not_visited() {
    for executor in EXECUTORS {
        let ended = crawl(&["--stop-after", "80", "--on", executor]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.assert_says(&format!("stopped; as far as it came: {AGREED}"));
        let [came, failed, stopped, left, ..] = numbers(&ended);
        // Others may have ended before the stop, and eight could end after it.
        assert!(came + failed + stopped >= 80 && left > 0, "{ended:?}");
        ended.assert_says(&format!("left: {left} pages"));
        assert_eq!(links(&ended)[1] + 1, came + failed + stopped + left, "{ended:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_as_well() {
    use crate::program::Program;
    for executor in EXECUTORS {
        let mut program =
            Program::start(Command::new(example("crawl")).args(["--on", executor])).expect("it starts");
        // The first line about how far it is; there are seconds of work left.
        program.wait_for(" pages done");
        program.interrupt();
        let ended = program.end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.assert_says("stopping: ");
        ended.assert_says(&format!("stopped; as far as it came: {AGREED}"));
        let [came, failed, stopped, left, ..] = numbers(&ended);
        assert!(came > 0 && came + failed + stopped + left < 600, "{ended:?}");
        ended.assert_says(&format!("left: {left} pages"));
    }
}

#[test]
fn help_and_bad_usage() {
    let help = crawl(&["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    help.assert_says("exit status: 0");
    let wrong: &[(&[&str], &str)] = &[
        (&["--pages", "0"], "--pages 0: it must be a whole number, at least 1"),
        (&["--stop-after", "soon"], "--stop-after soon: it must be a whole number, at least 1"),
        (&["--on", "futures"], "--on futures: it must be smol or tokio"),
        (&["--verbose"], "--verbose"),
        (&["http://ant.test/"], "http://ant.test/"),
    ];
    for (arguments, why) in wrong {
        let ended = crawl(arguments);
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {ended:?}");
        ended.assert_says(why);
    }
}
