//! Tests don't sleep on a real clock: they run on simulated time, so they are quick and never flaky.

use crate::tree::{self, File};

/// Waits on a real clock, in halves so that this file doesn't find itself.
const SLEEPS: &[&str] = &[
    concat!("thread::", "sleep"),
    concat!("Timer::", "after"),
    concat!("time::", "sleep("),
    concat!("time::", "sleep_until("),
    concat!("Delay::", "new"),
];

/// Files whose subject is the real clock, each with the reason.
const EXCEPT: &[(&str, &str)] = &[(
    "crates/queue/tests/busy_threads.rs",
    "a thread that is busy can only be a real one, and so is its time",
)];

fn check(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in
        file.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
    {
        for sleep in SLEEPS.iter().filter(|sleep| line.contains(**sleep)) {
            let advice = "use the simulator or a manual clock, or list the file in `EXCEPT` with the reason";
            findings.push(file.at(number, &format!("`{sleep}` waits on a real clock; {advice}")));
        }
    }
    findings
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn no_test_sleeps_on_a_real_clock() {
    let mut files = tree::rust_files_below("tests");
    files.extend(tree::rust_files_below("crates"));
    files.retain(|file| is_test(&file.path) && !EXCEPT.iter().any(|(path, _)| file.path == *path));
    let findings: Vec<_> = files.iter().flat_map(check).collect();
    tree::assert_none(&findings);
}

#[test]
fn exceptions_are_still_needed() {
    let stale = EXCEPT.iter().filter(|(path, _)| check(&tree::read(path)).is_empty());
    let findings: Vec<_> =
        stale.map(|(path, _)| format!("{path}: sleeps no more; take it off `EXCEPT`")).collect();
    tree::assert_none(&findings);
}

#[test]
fn a_sleep_is_found() {
    for sleep in SLEEPS {
        assert_eq!(check(&File::new("x.rs", &format!("fn f() {{ {sleep}(x); }}\n"))).len(), 1, "{sleep}");
    }
    assert_eq!(
        check(&File::new("x.rs", &format!("// no {} here\nclock.sleep(x).await;\n", SLEEPS[0]))),
        [""; 0]
    );
    assert!(
        is_test("tests/tests/suite/main.rs")
            && is_test("crates/x/src/y/tests.rs")
            && is_test("crates/x/tests/y.rs")
    );
    assert!(!is_test("crates/x/src/y.rs"));
}
