//! `adaptive`: the limit falls while the hog runs, and rises after it. What it claims, it checks itself.

use crate::build::example;
use crate::program::run;
use std::process::Command;

/// Of its own load, because other tests are busy beside it.
#[cfg(target_os = "linux")]
#[test]
fn the_limit_gives_way_to_a_hog_and_comes_back() {
    let ended = run(Command::new(example("adaptive")).args(["--load", "process"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.text());
    ended.assert_says("the limit fell while the hog ran, and rose after it");
    // Where others are too busy, it tells its story again.
    let (told, again) = (ended.text(), "so once more");
    let times = 1 + told.lines().filter(|line| line.contains(again)).count();
    assert_eq!(told.lines().filter(|line| line.contains(" runs ")).count(), 8 * times, "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_and_bad_usage() {
    let help = run(Command::new(example("adaptive")).arg("--help"));
    assert_eq!(help.code, Some(0), "{help:?}");
    help.assert_says("exit status: 0");
    let wrong: &[(&[&str], &str)] = &[
        (&["--load", "all"], "--load all: it must be cgroup, machine or process"),
        (&["--load"], "--load"),
        (&["--verbose"], "--verbose"),
        (&["hog"], "hog"),
    ];
    for (arguments, why) in wrong {
        let ended = run(Command::new(example("adaptive")).args(*arguments));
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{arguments:?}: {ended:?}");
        ended.assert_says(why);
    }
}

#[cfg(not(target_os = "linux"))]
#[test]
fn elsewhere_it_says_that_it_needs_linux() {
    let ended = run(&mut Command::new(example("adaptive")));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_says("Linux");
}
