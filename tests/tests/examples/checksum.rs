//! `checksum`: its digests, and what it says of files that have none.

use crate::build::example;
use crate::folder::Folder;
use crate::program::{Ended, run};
use crate::skip;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const EXECUTORS: [&str; 3] = ["smol", "tokio", "futures"];

fn checksum(executor: &str, folder: &Folder, options: &[&str]) -> Ended {
    run(Command::new(example("checksum")).args(["--on", executor]).args(options).arg(folder.path()))
}

/// Some hundred files: empty, tiny, around the size of a chunk, several chunks.
fn fill(folder: &Folder) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for n in 0..300_usize {
        let size = match n {
            0..4 => (1 << 20) - 2 + n,
            4 => 3 << 20,
            n => n * n % 5000,
        };
        let content: Vec<u8> = (0..size).map(|at| (at * 31 + n) as u8).collect();
        paths.push(folder.write(format!("{}/{}/{n}.bin", n % 3, n % 7), &content));
    }
    paths.push(folder.write("empty", b""));
    paths.push(folder.write("-dash and space", b"abc"));
    paths.extend(fill_unusual(folder));
    paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    paths
}

/// Names that only some systems know.
#[cfg(unix)]
fn fill_unusual(folder: &Folder) -> Vec<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut paths = Vec::new();
    for name in [&b"back\\slash"[..], b"\\n", b"line\nbreak", b"\n", b"\xe2\x9b\xb5", b"no \xff Unicode"] {
        let path = folder.path().join(OsStr::from_bytes(name));
        match fs::write(&path, name) {
            Ok(()) => paths.push(path),
            Err(error) => skip(&format!("a file with the name {path:?}: {error}")),
        }
    }
    let link = folder.path().join("link to a file");
    std::os::unix::fs::symlink("empty", &link).expect("links can be made");
    paths.push(link);
    paths
}

#[cfg(not(unix))]
fn fill_unusual(_: &Folder) -> Vec<PathBuf> {
    Vec::new()
}

#[test]
fn digests_are_those_of_sha256sum_on_every_executor() {
    let folder = Folder::new();
    let paths = fill(&folder);
    let all = paths.len();
    // An independent opinion.
    let expected = Command::new("sha256sum").args(&paths).output();
    if expected.is_err() {
        skip("digests: there is no sha256sum to compare them with");
    }
    for executor in EXECUTORS {
        let ended = checksum(executor, &folder, &["--digests"]);
        assert_eq!(ended.code, Some(0), "{executor}: {}", ended.stderr);
        let sum =
            format!("files found: {all} = {all} ok + 0 failed + 0 timed out + 0 cancelled + 0 not started");
        ended.assert_says(&sum);
        // From the standard (FIPS 180-2), for where there is no tool.
        for known in [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  {}/empty",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  {}/-dash and space",
        ] {
            ended.assert_says(&known.replace("{}/", &folder.path().join("").display().to_string()));
        }
        if let Ok(expected) = &expected {
            assert!(ended.stdout == expected.stdout, "{executor}: other digests than sha256sum's");
        }
    }
}

#[test]
fn sha256sum_accepts_the_list_also_of_a_second_run() {
    let folder = Folder::new();
    let paths = fill(&folder);
    let list = folder.path().join("SHA256SUMS");
    let first = checksum("smol", &folder, &["--digests", &list.display().to_string()]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let text = fs::read(&list).expect("the list was written");
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), paths.len());

    // The list lies in the folder, and is no part of it.
    let second = checksum("tokio", &folder, &["--digests", &list.display().to_string()]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(fs::read(&list).expect("it was written again") == text);
    second.assert_says("SHA256SUMS\", the list of digests");

    match Command::new("sha256sum").args(["--check", "--strict", "--quiet"]).arg(&list).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => skip("the list of digests: there is no sha256sum to read it"),
    }
}

#[cfg(unix)]
mod awkward {
    use super::{EXECUTORS, checksum};
    use crate::build::example;
    use crate::folder::Folder;
    use crate::program::{Program, run};
    use crate::skip;
    use std::fs::{self, File, Permissions};
    use std::io;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    /// So long that a file grows many times while it is read, at either profile's speed.
    const LENGTH: u64 = if cfg!(debug_assertions) { 4 << 20 } else { 128 << 20 };

    /// Grows a file until it is told to stop.
    fn grow(file: &File, stop: &AtomicBool) {
        for length in LENGTH.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            file.set_len(length).expect("files can grow");
            thread::yield_now();
        }
    }

    #[test]
    fn each_bad_file_has_one_line_and_spoils_no_other() {
        let folder = Folder::new();
        let path = |name: &str| folder.path().join(name);
        folder.write("a", b"abc");
        folder.write("deep/down/z", b"abc");
        let made = Command::new("mkfifo").arg(path("fifo")).status();
        assert!(made.expect("every Unix has mkfifo").success());
        let _socket = UnixListener::bind(path("socket")).expect("sockets can be made");
        symlink("nowhere", path("broken")).expect("links can be made");
        symlink("turn", path("round")).expect("links can be made");
        symlink("round", path("turn")).expect("links can be made");
        symlink("../..", path("deep/down/up")).expect("links can be made");

        let growing = File::create(path("growing")).expect("files can be made");
        growing.set_len(LENGTH).expect("files can grow");
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| grow(&growing, &stop));
            let _stop = Stop(&stop);
            for executor in EXECUTORS {
                let ended = checksum(executor, &folder, &["--digests"]);
                assert_eq!(ended.code, Some(1), "{executor}: {ended:?}");
                ended.assert_says(
                    "files found: 8 = 2 ok + 6 failed + 0 timed out + 0 cancelled + 0 not started",
                );
                ended.assert_says("links to directories, not followed: 1");
                for (name, why) in [
                    ("fifo", "not a regular file (fifo)"),
                    ("socket", "not a regular file (socket)"),
                    ("broken", "broken link to \"nowhere\""),
                    ("round", ""),
                    ("turn", ""),
                    ("growing", "grew while it was read"),
                ] {
                    ended.assert_says(&format!("{:?}: {why}", path(name)));
                }
                assert_eq!(ended.stdout.iter().filter(|byte| **byte == b'\n').count(), 2, "{ended:?}");
            }
        });
    }

    /// Files that the kernel makes up while they are read say that they are empty. Their digest must not be that of
    /// an empty file.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_true_length_is_refused() {
        let folder = Path::new("/proc/sys/kernel/random");
        if !folder.exists() {
            return skip("files without a true length: there is no /proc");
        }
        let ended = run(Command::new(example("checksum")).arg(folder));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.assert_says("= 0 ok + ");
        ended.assert_says("boot_id\": has more in it than the 0 bytes that it says");
    }

    /// Ends the growing also if the test fails.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_cannot_be_read_is_one_line_each() {
        let folder = Folder::new();
        // Beside the files, not among them.
        let (files, program) = (folder.path().join("files"), folder.path().join("checksum"));
        folder.write("files/open", b"abc");
        let closed = [folder.write("files/secret", b"abc"), files.join("closed")];
        folder.write("files/closed/inside", b"abc");
        for path in &closed {
            fs::set_permissions(path, Permissions::from_mode(0o000)).expect("these are our files");
        }
        // For root nothing is closed. A copy, because the original may lie where nobody else can go.
        let is_root = File::open(&closed[0]).is_ok();
        fs::copy(example("checksum"), &program).expect("files can be copied");
        let mut command = Command::new(&program);
        command.arg(&files);
        if is_root {
            const NOBODY: u32 = 65534;
            command.uid(NOBODY).gid(NOBODY);
        }
        match Program::start(&mut command) {
            Ok(program) => {
                let ended = program.end();
                assert_eq!(ended.code, Some(1), "{ended:?}");
                ended.assert_says("files found: 3 = 1 ok + 2 failed");
                for path in &closed {
                    ended.assert_says(&format!("{path:?}: Permission denied"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                skip("unreadable files: root can read everything, and can't become somebody else here");
            }
            Err(error) => panic!("{error}"),
        }
        for path in &closed {
            fs::set_permissions(path, Permissions::from_mode(0o700)).expect("these are our files");
        }
    }
}
