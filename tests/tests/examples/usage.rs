//! `checksum`: the command line.

use crate::build::example;
use crate::folder::Folder;
use crate::program::run;
use std::process::Command;

#[test]
fn help_says_what_the_exit_status_means() {
    let ended = run(Command::new(example("checksum")).arg("--help"));
    assert_eq!(ended.code, Some(0));
    for text in
        ["exit status: 0", "--limit", "--file-timeout", "--grace", "--on", "--digests", "Links to files"]
    {
        ended.assert_says(text);
    }
}

#[test]
fn bad_usage_has_status_2_and_one_line_that_says_why() {
    let folder = Folder::new();
    let file = folder.write("file", b"").display().to_string();
    let list = folder.path().join("no/such/list").display().to_string();
    let wrong: &[(&[&str], &str)] = &[
        (&["--limit", "0"], "--limit 0: it must be a whole number, at least 1"),
        (&["--limit", "many"], "--limit many: it must be"),
        (&["--limit"], "--limit"),
        (&["--timeout", "-1"], "--timeout -1: it must be a number of seconds"),
        (&["--timeout", "nan"], "--timeout nan: it must be"),
        (&["--file-timeout", "soon"], "--file-timeout soon: it must be"),
        (&["--grace", "1e99"], "--grace 1e99: it must be"),
        (&["--on", "rayon"], "--on rayon: it must be smol, tokio or futures"),
        (&["--verbose"], "--verbose"),
        (&["no/such/directory"], "no/such/directory"),
        (&[&file], "is not a directory"),
        (&["--digests", &list, "."], "no/such/list"),
    ];
    for (arguments, why) in wrong {
        let ended = run(Command::new(example("checksum")).args(*arguments).current_dir(folder.path()));
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {ended:?}");
        ended.assert_says(why);
    }
}

#[test]
fn no_file_is_no_failure() {
    let folder = Folder::new();
    let ended = run(Command::new(example("checksum")).arg(folder.path()));
    assert_eq!(ended.code, Some(0));
    ended.assert_says("files found: 0 = 0 ok + 0 failed + 0 timed out + 0 cancelled + 0 not started");
}
