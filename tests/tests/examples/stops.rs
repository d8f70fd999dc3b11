//! `checksum` stopped midway: by its timeouts, and by Ctrl-C. Whatever stops it, the sum comes out.
//!
//! The files are `a`, `b` and `c`, one at a time, and `b` would take hours.

use crate::build::example;
use crate::folder::Folder;
use crate::program::{Ended, run};
use std::process::Command;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a", b"abc");
    folder.write_huge("b");
    folder.write("c", b"abc");
    folder
}

fn checksum(folder: &Folder, options: &[&str]) -> Command {
    let mut command = Command::new(example("checksum"));
    command.args(["--limit", "1"]).args(options).arg(folder.path());
    command
}

#[track_caller]
fn assert_ended(ended: &Ended, sum: &str, b: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.assert_says(&format!("files found: 3 = {sum}"));
    ended.assert_says(&format!("b\": {b}"));
}

#[test]
fn the_time_for_the_whole_stops_what_runs_and_starts_nothing_more() {
    for executor in ["smol", "tokio", "futures"] {
        let ended = run(&mut checksum(&folder(), &["--timeout", "1", "--on", executor]));
        let b = "timed out: the time for the whole was up (1s)";
        assert_ended(&ended, "1 ok + 0 failed + 1 timed out + 0 cancelled + 1 not started", b);
    }
}

#[test]
fn no_time_for_the_whole_starts_nothing() {
    let ended = run(&mut checksum(&folder(), &["--timeout", "0"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.assert_says("= 0 ok + 0 failed + 0 timed out + 0 cancelled");
}

#[test]
fn the_time_for_a_file_stops_that_file_only() {
    for executor in ["smol", "tokio", "futures"] {
        let ended = run(&mut checksum(&folder(), &["--file-timeout", "0.5", "--on", executor]));
        assert_ended(
            &ended,
            "2 ok + 0 failed + 1 timed out + 0 cancelled + 0 not started",
            "timed out after 500ms",
        );
    }
}

mod ctrl_c {
    use super::{assert_ended, checksum, folder};
    use crate::folder::Folder;
    use crate::program::Program;
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};
    use std::thread;
    use std::time::{Duration, Instant};

    fn start(folder: &Folder, options: &[&str]) -> Program {
        let mut program = Program::start(&mut checksum(folder, options)).expect("it starts");
        program.wait_for("files to hash: 3");
        wait_until_open(&program, &folder.path().join("b"));
        program
    }

    /// What the program has open; nothing after its end. Only Linux tells.
    fn open_files(program: &Program) -> Vec<PathBuf> {
        let links = fs::read_dir(format!("/proc/{}/fd", program.id())).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).collect()
    }

    /// Waits until the program has opened the file. Where nobody tells, it may be a little early.
    fn wait_until_open(program: &Program, path: &Path) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while cfg!(target_os = "linux") && !open_files(program).iter().any(|open| open == path) {
            assert!(Instant::now() < deadline, "{path:?} is not opened");
            thread::yield_now();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_stopped_is_read_no_further() {
        let folder = folder();
        let [stopped, next] = [folder.path().join("b"), folder.write_huge("c")];
        let program = start(&folder, &["--file-timeout", "1"]);
        wait_until_open(&program, &next);
        // At most the rest of one chunk. Were it read on, it would stay open until the program has ended.
        while open_files(&program).contains(&stopped) {
            thread::yield_now();
        }
        assert!(open_files(&program).contains(&next), "{stopped:?} was read on");
        program.end().assert_says("= 1 ok + 0 failed + 2 timed out");
    }

    #[test]
    fn what_runs_is_stopped_after_its_grace() {
        for executor in ["smol", "tokio", "futures"] {
            let folder = folder();
            let program = start(&folder, &["--grace", "0.5", "--on", executor]);
            program.interrupt();
            let ended = program.end();
            ended.assert_says("stopping: ");
            let b = "cancelled: not finished within the grace of 500ms";
            if cfg!(target_os = "linux") {
                assert_ended(&ended, "1 ok + 0 failed + 0 timed out + 1 cancelled + 1 not started", b);
            }
            assert_eq!(ended.code, Some(1), "{ended:?}");
        }
    }

    #[test]
    fn what_runs_may_finish_within_its_grace() {
        let folder = folder();
        let mut program = start(&folder, &["--grace", "3600"]);
        program.interrupt();
        program.wait_for("stopping: ");
        // The file ends here, much earlier than it said: a failure that only reading on can find.
        let file = File::options().write(true).open(folder.path().join("b")).expect("it is there");
        file.set_len(0).expect("files can shrink");
        let ended = program.end();
        if cfg!(target_os = "linux") {
            let b = "shrank while it was read, from 1099511627776 to 0 bytes";
            assert_ended(&ended, "1 ok + 1 failed + 0 timed out + 0 cancelled + 1 not started", b);
        }
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }

    #[test]
    fn the_second_one_ends_the_program() {
        let folder = folder();
        let mut program = start(&folder, &["--grace", "3600"]);
        program.interrupt();
        program.wait_for("stopping: ");
        program.interrupt();
        let ended = program.end();
        assert_eq!((ended.code, ended.stdout.len()), (Some(130), 0), "{ended:?}");
    }
}
