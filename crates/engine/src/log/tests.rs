use super::*;
use regatta_core::Time;
use std::sync::Arc;

/// Keeps what is written to it; clones are the same paper.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<String>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).expect("lines are text");
        self.0.lock().expect("nothing panics here").push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    /// What was written, one write each.
    fn written(&self) -> Vec<String> {
        self.0.lock().expect("nothing panics here").clone()
    }
}

const SELDOM: Duration = Duration::from_secs(1_000_000);

fn tell(lines: &LogLines, key: &str, kind: EventKind<'_>) {
    lines.on_event(&Event::new(0, &key, Time::ZERO, kind));
}

const OK: EventKind<'_> = EventKind::Finished { attempts: 1, state: "ok", error: None };
const FAILED: EventKind<'_> = EventKind::Finished { attempts: 1, state: "failed", error: Some("no\nroute") };
const RETRYING: EventKind<'_> =
    EventKind::Retrying { attempt: 1, delay: Duration::from_secs(2), error: "busy" };
const NEVER: EventKind<'_> =
    EventKind::Finished { attempts: 0, state: "not started", error: Some("not started: too late") };
const REJECTED: EventKind<'_> =
    EventKind::Finished { attempts: 0, state: "rejected", error: Some("rejected: too costly") };

/// A run in which everything happens.
fn run(lines: &LogLines) {
    for (key, kind) in
        [("a", OK), ("b", RETRYING), ("c", FAILED), ("d", REJECTED), ("e", NEVER), ("f", NEVER)]
    {
        tell(lines, key, EventKind::Queued);
        tell(lines, key, kind);
    }
}

const FAILURES: [&str; 3] = [
    "\"b\": attempt 1 failed, again in 2s: busy\n",
    "\"c\": failed: no\\nroute\n",
    "\"d\": rejected: rejected: too costly\n",
];

#[test]
fn failures_are_told_and_the_end() {
    let paper = Paper::default();
    run(&LogLines::to(paper.clone()).every(SELDOM));
    assert_eq!(paper.written()[..3], FAILURES);
    assert_eq!(paper.written()[3..], ["2 done, 1 not ok, 3 never started\n"]);
}

#[test]
fn each_part_can_be_silenced() {
    let paper = Paper::default();
    run(&LogLines::to(paper.clone()).every(Duration::MAX));
    assert_eq!(paper.written()[..3], FAILURES);
    assert_eq!(paper.written()[3..], ["3 never started\n"]);

    let paper = Paper::default();
    run(&LogLines::to(paper.clone()).every(SELDOM).without_failures());
    assert_eq!(paper.written(), ["2 done, 1 not ok, 3 never started\n"]);

    let paper = Paper::default();
    run(&LogLines::to(paper.clone()).every(Duration::MAX).without_failures().total(5));
    assert_eq!(paper.written(), [""; 0]);
}

#[test]
fn a_known_total_is_over_at_once_and_told_once() {
    let paper = Paper::default();
    let lines = LogLines::to(paper.clone()).every(SELDOM).total(2);
    tell(&lines, "a", OK);
    assert_eq!(paper.written(), [""; 0]);
    tell(&lines, "b", OK);
    assert_eq!(paper.written(), ["2 of 2 done, 0 not ok\n"]);
    drop(lines);
    assert_eq!(paper.written().len(), 1);
}

#[test]
fn progress_may_be_told_each_time() {
    let paper = Paper::default();
    let lines = LogLines::to(paper.clone()).every(Duration::ZERO);
    tell(&lines, "a", OK);
    tell(&lines, "b", OK);
    drop(lines);
    assert_eq!(paper.written(), ["1 done, 0 not ok\n", "2 done, 0 not ok\n"]);
}

#[test]
fn nothing_happened_and_nothing_is_told() {
    let paper = Paper::default();
    drop(LogLines::to(paper.clone()));
    let lines = LogLines::to(paper.clone());
    tell(&lines, "a", EventKind::Queued);
    tell(&lines, "a", EventKind::Started { attempt: 1 });
    drop(lines);
    assert_eq!(paper.written(), [""; 0]);
}

#[test]
fn runs_are_told_apart_by_their_names() {
    let paper = Paper::default();
    let named = |name| LogLines::to(paper.clone()).every(SELDOM).named(name);
    let (ann, bob) = (named("ann"), named("b\nob"));
    tell(&ann, "x", FAILED);
    tell(&bob, "x", OK);
    drop(bob);
    drop(ann);
    assert_eq!(
        paper.written(),
        ["ann: \"x\": failed: no\\nroute\n", "b\\nob: 1 done, 0 not ok\n", "ann: 1 done, 1 not ok\n"]
    );
}

#[test]
fn runs_that_share_their_lines_are_counted_together() {
    let paper = Paper::default();
    let lines = Arc::new(LogLines::to(paper.clone()).every(SELDOM).total(4));
    for run in [lines.clone(), lines] {
        tell(&run, "a", OK);
        tell(&run, "b", OK);
    }
    assert_eq!(paper.written(), ["4 of 4 done, 0 not ok\n"]);
}

#[test]
fn a_full_disk_ends_nothing() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    run(&LogLines::to(Full).every(Duration::ZERO));
}
