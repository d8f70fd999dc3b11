//! Folders that imitate `/proc` and a cgroup, and the real ones of this machine.

use super::*;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("regatta-load-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.0.join("self")).expect("folders can be made");
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("files can be written");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).expect("it is there");
    }

    fn cgroup(&self) -> CgroupV2 {
        CgroupV2::at(&self.0).proc(&self.0).cpus(4).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is small, and in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A container that may use two of four CPUs and a mebibyte.
fn container() -> Folder {
    Folder::new(&[
        ("cpu.stat", "usage_usec 1000000\nuser_usec 900000\nsystem_usec 100000\n"),
        ("cpu.max", "200000 100000\n"),
        ("memory.current", "786432\n"),
        ("memory.max", "1048576\n"),
        ("memory.stat", "anon 1\ninactive_file 262144\nactive_file 7\n"),
        ("meminfo", "MemTotal:       2048 kB\nMemFree:  1 kB\nMemAvailable:    512 kB\n"),
        ("stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 0\n"),
    ])
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

/// Says that a check is left out, past the test harness.
fn skip(what: &str) {
    assert!(
        std::env::var_os("REGATTA_REQUIRE_TOOLS").is_none(),
        "this machine can't check everything: {what}"
    );
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "skipped: {what}");
}

#[test]
fn a_container_is_measured_against_its_own_limits() {
    let folder = container();
    let mut cgroup = folder.cgroup();
    assert_eq!(cgroup.read(at(1)).unwrap(), Load::new().memory(0.5), "no CPU without a reading before");
    folder.write("cpu.stat", "usage_usec 2000000\n");
    folder.write("memory.current", "999999999");
    assert_eq!(cgroup.read(at(2)).unwrap(), Load::new().cpu(0.5).memory(1.0), "one second of two");
    assert_eq!(cgroup.folder(), folder.0);
}

#[test]
fn without_limits_of_its_own_the_machines_count() {
    for words in [Some(("max 100000\n", "max\n")), None] {
        let folder = container();
        match words {
            Some((cpu, memory)) => {
                folder.write("cpu.max", cpu);
                folder.write("memory.max", memory);
            }
            None => ["cpu.max", "memory.max", "memory.stat"].iter().for_each(|name| folder.remove(name)),
        }
        let mut cgroup = folder.cgroup();
        let first = cgroup.read(at(1)).unwrap();
        assert_eq!(first.memory, Some(if words.is_some() { 0.25 } else { 0.375 }));
        folder.write("cpu.stat", "usage_usec 2000000\n");
        assert_eq!(cgroup.read(at(2)).unwrap().cpu, Some(0.25), "one second of four");
    }
}

#[test]
fn a_quota_beyond_the_cpus_gives_no_more_than_these() {
    let folder = container();
    folder.write("cpu.max", "900000 100000");
    let mut cgroup = folder.cgroup();
    cgroup.read(at(1)).unwrap();
    folder.write("cpu.stat", "usage_usec 3000000\n");
    assert_eq!(cgroup.read(at(2)).unwrap().cpu, Some(0.5));
}

#[test]
fn a_group_that_does_not_account_for_memory_does_not_know_it() {
    let folder = container();
    folder.remove("memory.current");
    assert_eq!(folder.cgroup().read(at(1)).unwrap(), Load::new());
}

#[test]
fn counters_and_clocks_that_go_backwards_say_nothing_once() {
    let folder = container();
    let mut cgroup = folder.cgroup();
    cgroup.read(at(5)).unwrap();
    let steps = [
        (6, 500_000, None, "the counter went back"),
        (7, 1_500_000, Some(0.5), "and goes on from there"),
        (4, 2_000_000, None, "the clock went back"),
        (4, 2_000_000, None, "the clock stands still"),
        (5, 2_500_000, Some(0.25), "and goes on"),
        (6, 99_000_000, Some(1.0), "never more than all"),
    ];
    for (seconds, used, expected, why) in steps {
        folder.write("cpu.stat", &format!("usage_usec {used}\n"));
        assert_eq!(cgroup.read(at(seconds)).unwrap().cpu, expected, "{why}");
    }
    assert_eq!(cgroup.read(Time::MAX).unwrap().cpu, Some(0.0));
}

#[test]
fn no_memory_at_all_is_full() {
    let folder = container();
    folder.write("memory.max", "0");
    assert_eq!(folder.cgroup().read(at(1)).unwrap().memory, Some(1.0));
}

#[test]
fn the_machine_is_measured_as_a_whole() {
    let folder = container();
    let mut proc = ProcFs::at(&folder.0);
    assert_eq!(proc.read(at(1)).unwrap(), Load::new().memory(0.75));
    let steps = [
        ("cpu  160 0 140 700 200 0 0 0 99 0", Some(0.5), "what guests use is in there already"),
        ("cpu  160 0 140 700 200 0 0 0 99 0", None, "no time has passed"),
        ("cpu  160 0 160 900 180 0 0 0 99 0", Some(0.1), "the wait for I/O went back"),
        ("cpu  1 0 1 1 1 0 0 0 0 0", None, "the counters went back"),
        ("cpu  1 0 1 2 1 0 0 1 0 0", Some(0.5), "stolen time is not there to be used"),
    ];
    for (line, expected, why) in steps {
        folder.write("stat", line);
        assert_eq!(proc.read(at(1)).unwrap().cpu, expected, "{why}");
    }
}

#[test]
fn odd_files_are_named() {
    let odd: &[(&str, &[&str])] = &[
        ("cpu.stat", &["", "usage_usec", "usage_usec x", "usage_usec -1", "usage_usecs 1", "\0"]),
        ("cpu.max", &["", "200000", "0 100000", "100000 0", "max 1 1", "1 2 3", "-1 100000", "x y"]),
        ("memory.current", &["", "max", "-1", "1 2"]),
        ("memory.max", &["", "all", "-1", "99999999999999999999999"]),
        ("meminfo", &["", "MemTotal:", "MemTotal: x kB", "MemTotal: 5"]),
    ];
    for (name, texts) in odd {
        for text in *texts {
            let folder = container();
            if *name == "meminfo" {
                folder.write("memory.max", "max");
            }
            folder.write(name, text);
            is_odd(folder.cgroup().read(at(1)), name, text);
        }
    }
    let odd: &[(&str, &[&str])] = &[
        ("stat", &["", "cpu", "cpu 1 2 3 4 5 6 7", "cpu 1 2 3 4 5 6 7 x", "cpu0 1 2 3 4 5 6 7 8"]),
        ("meminfo", &["", "MemTotal: 5 kB", "MemAvailable: 5 kB", "MemTotal: 5 kB\nMemAvailable: -5 kB"]),
    ];
    for (name, texts) in odd {
        for text in *texts {
            let folder = container();
            folder.write(name, text);
            is_odd(ProcFs::at(&folder.0).read(at(1)), name, text);
        }
    }
}

#[track_caller]
fn is_odd(reading: io::Result<Load>, name: &str, text: &str) {
    let error = reading.expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{name}: {text:?}: {error}");
    assert!(error.to_string().contains(name), "{name}: {text:?}: {error}");
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = Folder::new(&[]);
    let error = folder.cgroup().read(at(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("cpu.stat"), "{error}");
    let error = ProcFs::at(&folder.0).read(at(1)).unwrap_err();
    assert!(error.to_string().contains("stat"), "{error}");
    fs::write(folder.0.join("cpu.stat"), b"\xff\xfe").unwrap();
    let error = folder.cgroup().read(at(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("cpu.stat"), "{error}");
}

#[test]
fn no_cpus_are_refused() {
    let error = CgroupV2::at("/").cpus(0).unwrap_err();
    assert_eq!(error, ConfigError::new("cpus", 0, "must be at least 1"));
}

#[test]
fn its_own_group_is_found_where_it_is_mounted() {
    let mounts = "24 1 0:22 / /proc rw - proc proc rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
        41 31 0:38 / /sys/fs/my\\040groups rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
    let inner = "41 31 0:38 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    let cases = [
        (mounts, "1:cpu:/x\n0::/a/b.service\n", Some("/sys/fs/my groups/a/b.service")),
        (mounts, "0::/\n", Some("/sys/fs/my groups")),
        (inner, "0::/docker/abc/x\n", Some("/sys/fs/cgroup/x")),
        (inner, "0::/docker/abc\n", Some("/sys/fs/cgroup")),
        (inner, "0::/docker/abcd\n", None),
        (mounts, "0::/../outside\n", None),
        (mounts, "1:cpu:/x\n", None),
        ("41 31 - cgroup2\n-\n - \n", "0::/\n", None),
        ("", "0::/\n", None),
        (mounts, "", None),
    ];
    for (mounts, groups, expected) in cases {
        let folder = Folder::new(&[("self/cgroup", groups), ("self/mountinfo", mounts)]);
        match (CgroupV2::own_in(&folder.0), expected) {
            (Ok(cgroup), Some(expected)) => assert_eq!(cgroup.folder(), Path::new(expected)),
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
            (found, expected) => panic!("{groups:?} in {mounts:?}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn this_machine_can_be_read() {
    let mut spin = 0_u64;
    let mut read = |name: &str, source: &mut dyn LoadSource| {
        let first = source.read(at(1)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(first.cpu, None, "{name}");
        (0..2_000_000_u64).for_each(|n| spin = spin.wrapping_add(n * n));
        let second = source.read(at(2)).unwrap_or_else(|error| panic!("{name}: {error}"));
        for part in [first.memory, second.memory, second.cpu].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&part), "{name}: {part}");
        }
    };
    if !Path::new("/proc/stat").exists() {
        return skip("the load of this machine: there is no /proc");
    }
    read("proc", &mut ProcFs::new());
    match CgroupV2::own() {
        Ok(mut cgroup) => read("cgroup", &mut cgroup),
        Err(error) => skip(&format!("the load of this process's cgroup: {error}")),
    }
}

/// Whatever is in the files: a load from 0 to 1, or an error, never a panic.
#[test]
fn oracle_no_file_makes_it_panic() {
    laws::oracle("files of load", |random| {
        let folder = container();
        let (mut cgroup, mut proc) = (folder.cgroup(), ProcFs::at(&folder.0));
        let names = ["cpu.stat", "cpu.max", "memory.current", "memory.max", "memory.stat", "meminfo", "stat"];
        let words = [
            "usage_usec",
            "inactive_file",
            "cpu",
            "MemTotal:",
            "MemAvailable:",
            "kB",
            "max",
            "0",
            "1",
            "-1",
            "100000",
            "18446744073709551615",
            "99999999999999999999",
            "1e5",
            "\n",
            "\n",
            "\u{0}",
        ];
        for _ in 0..20 {
            let name = names[random.usize(..names.len())];
            let text: Vec<_> = (0..random.usize(..12)).map(|_| words[random.usize(..words.len())]).collect();
            folder.write(name, &text.join(" "));
            let now = at(random.u64(..5));
            for load in [cgroup.read(now), proc.read(now)].into_iter().flatten() {
                let mut parts = [load.cpu, load.memory].into_iter().flatten();
                assert!(parts.all(|part| (0.0..=1.0).contains(&part)), "{load:?}");
            }
        }
    });
}
