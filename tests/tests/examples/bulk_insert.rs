//! `bulk_insert`: the files hold what the callers were told, on every executor, with rows that are good, bad, or all bad.

use crate::build::example;
use crate::folder::Folder;
use crate::program::{Ended, run};
use std::process::Command;

const AGREED: &str = "the files hold exactly the rows that the callers were told of";

fn bulk_insert(options: &[&str]) -> Ended {
    run(Command::new(example("bulk_insert")).args(options))
}

/// The numbers in a way's line: rows, written, refused, sum of amounts, transactions.
#[track_caller]
fn numbers(ended: &Ended, way: &str) -> [usize; 5] {
    let table = String::from_utf8_lossy(&ended.stdout);
    let mut lines = table.lines().filter_map(|line| line.trim_start().strip_prefix(way)?.strip_prefix(' '));
    let line = lines.next().unwrap_or_else(|| panic!("no line for {way}: {ended:?}"));
    let numbers: Vec<usize> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|numbers| panic!("five numbers, not {numbers:?}: {ended:?}"))
}

/// A thousand rows, one of a hundred bad.
fn a_thousand_rows_on(executor: &str) {
    let ended = bulk_insert(&[
        "--rows",
        "1000",
        "--single",
        "200",
        "--bad",
        "100",
        "--size",
        "64",
        "--callers",
        "300",
        "--on",
        executor,
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says(AGREED);
    let [rows, written, refused, _, transactions] = numbers(&ended, "bulk");
    assert_eq!([rows, written, refused], [1000, 990, 10], "{ended:?}");
    // 16 batches at least; each bad row costs at most two calls on each of six levels.
    assert!((16..=1000).contains(&transactions), "{ended:?}");
    let [rows, written, refused, _, transactions] = numbers(&ended, "one by one");
    assert_eq!([rows, written, refused, transactions], [200, 198, 2, 200], "{ended:?}");
}

#[test]
fn the_file_holds_what_callers_were_told_on_smol() {
    a_thousand_rows_on("smol");
}

#[test]
fn the_file_holds_what_callers_were_told_on_tokio() {
    a_thousand_rows_on("tokio");
}

#[test]
fn the_file_holds_what_callers_were_told_on_futures() {
    a_thousand_rows_on("futures");
}

#[test]
fn bad_rows_in_every_batch_fail_alone() {
    let ended = bulk_insert(&["--rows", "400", "--single", "4", "--bad", "2", "--size", "32"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says(AGREED);
    let [rows, written, refused, ..] = numbers(&ended, "bulk");
    assert_eq!([rows, written, refused], [400, 200, 200], "{ended:?}");
}

#[test]
fn a_kept_file_stays_and_is_not_overwritten() {
    let folder = Folder::new();
    let path = folder.path().join("rows.sqlite");
    let path = path.to_str().expect("temporary folders have plain names");
    let options = ["--rows", "10", "--single", "1", "--keep", path];
    let ended = bulk_insert(&options);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let bytes = std::fs::read(path).expect("it was kept");
    assert!(bytes.starts_with(b"SQLite format 3\0"));
    let again = bulk_insert(&options);
    assert_eq!((again.code, again.stdout.len()), (Some(2), 0), "{again:?}");
    again.assert_says("it exists already");
    assert_eq!(std::fs::read(path).expect("it is there still"), bytes);
}

#[test]
fn help_and_bad_usage() {
    let help = bulk_insert(&["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    help.assert_says("exit status: 0");
    let wrong: &[(&[&str], &str)] = &[
        (&["--rows", "0"], "--rows 0: it must be a whole number, at least 1"),
        (&["--size", "many"], "--size many: it must be a whole number, at least 1"),
        (&["--bad", "1"], "--bad 1: it must be a whole number, at least 2"),
        (&["--on", "rayon"], "--on rayon: it must be smol, tokio or futures"),
        (&["rows.sqlite"], "rows.sqlite"),
    ];
    for (arguments, why) in wrong {
        let ended = bulk_insert(arguments);
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {ended:?}");
        ended.assert_says(why);
    }
}
