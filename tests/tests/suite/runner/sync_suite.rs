//! The behaviours of the Python library mm-concurrency's own suite for its synchronous runner, on real threads.
//!
//! That a run is single use is checked by the compiler: see `ui/run_blocking_twice.rs`.

use crate::runner::blocking::{Gate, until};
use crate::runner::support::{Fault, Gauge, ends, how, millis};
use regatta::{BlockingReport, BlockingRunner, DuplicateKey, LogLines, StopReason};
use regatta_tests::Watchdog;
use std::io::Write;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn basic_run() {
    let mut runner = BlockingRunner::new().limit(3).unwrap();
    for (key, value) in [("task1", "result1"), ("task2", "result2"), ("task3", "result3")] {
        runner.add(key, move || Ok::<_, Fault>(value)).unwrap();
    }
    let report = runner.run();
    assert!(report.is_ok() && !report.timed_out());
    let results: Vec<_> = report.ok().map(|(key, value)| (*key, *value)).collect();
    assert_eq!(results, [("task1", "result1"), ("task2", "result2"), ("task3", "result3")]);
    assert_eq!(report.errors().count(), 0);
}

#[test]
fn functions_get_their_arguments() {
    fn add(a: i32, b: i32, c: i32) -> Result<i32, Fault> {
        Ok(a + b + c)
    }
    fn greet(name: &str, greeting: &str) -> Result<String, Fault> {
        Ok(format!("{greeting}, {name}!"))
    }
    let mut sums = BlockingRunner::new();
    sums.add("positional", || add(1, 2, 3)).unwrap();
    let (a, b) = (10, 20);
    sums.add("captured", move || add(a, b, 0)).unwrap();
    assert_eq!(ends(&sums.run()), ["ok 6", "ok 30"]);
    let mut greetings = BlockingRunner::new();
    let name = String::from("Ann");
    greetings.add("moved", move || greet(&name, "Hello")).unwrap();
    assert_eq!(ends(&greetings.run()), [r#"ok "Hello, Ann!""#]);
}

#[test]
fn errors_are_keyed_and_one_failure_does_not_stop_the_others() {
    let mut runner = BlockingRunner::new().limit(2).unwrap();
    runner.add("bad", || Err("no route")).unwrap();
    runner.add("good1", || Ok(1)).unwrap();
    runner.add("worse", || std::panic::resume_unwind(Box::new("overboard"))).unwrap();
    runner.add("good2", || Ok(2)).unwrap();
    let report = runner.run();
    assert!(!report.is_ok() && !report.timed_out());
    let errors: Vec<_> = report.errors().map(|(key, error)| (*key, error.to_string())).collect();
    assert_eq!(errors, [("bad", "no route".into()), ("worse", "panicked: overboard".into())]);
    assert_eq!(report.ok().map(|(key, _)| *key).collect::<Vec<_>>(), ["good1", "good2"]);
}

#[test]
fn mixed_results() {
    let mut runner = BlockingRunner::new().limit(5).unwrap();
    for n in 0..10_u64 {
        runner.add(n, move || if n % 3 == 0 { Err("a multiple of three") } else { Ok(n) }).unwrap();
    }
    let report = runner.run();
    assert_eq!(report.ok().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 2, 4, 5, 7, 8]);
    assert_eq!(report.errors().map(|(key, _)| *key).collect::<Vec<_>>(), [0, 3, 6, 9]);
}

#[test]
fn the_limit_is_respected() {
    let gauge = Gauge::default();
    let mut runner = BlockingRunner::new().limit(2).unwrap();
    for key in 0..8 {
        let gauge = gauge.clone();
        runner
            .add_ok(key, move || {
                let _inside = gauge.enter();
                thread::yield_now();
            })
            .unwrap();
    }
    let report: BlockingReport<_, _, Fault> = runner.run();
    assert!(report.is_ok());
    assert_eq!(gauge.entered(), 8);
    assert!(gauge.most() <= 2);
}

/// There, the time that three sleeps take tells. Here each needs the other two, or it would never return.
#[test]
fn tasks_really_run_in_parallel() {
    let _watchdog = Watchdog::new();
    let barrier = Arc::new(Barrier::new(3));
    let mut runner = BlockingRunner::new().limit(3).unwrap();
    for key in 0..3 {
        let barrier = barrier.clone();
        runner.add(key, move || Ok::<_, Fault>(barrier.wait().is_leader())).unwrap();
    }
    assert!(runner.run().is_ok());
}

/// There, `run` comes back only when the thread does: after a second, with a timeout of a tenth of it.
#[test]
fn an_overall_timeout_keeps_finished_results_and_returns_in_time() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(5).unwrap().timeout(millis(100));
    runner.add("fast", || Ok::<_, Fault>("done")).unwrap();
    let inside = gate.clone();
    runner
        .add("slow", move || {
            inside.pass();
            Ok("late")
        })
        .unwrap();
    let start = Instant::now();
    let report = runner.run();
    let took = start.elapsed();
    assert!(took >= millis(100) && took < millis(2100), "{took:?}");
    assert!(report.timed_out() && !report.is_ok());
    assert_eq!(ends(&report), [r#"ok "done""#, "timed out after 100ms"]);
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"slow"]);
    gate.open();
}

#[test]
fn pending_tasks_are_cancelled_at_the_timeout() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(1).unwrap().timeout(millis(30));
    for key in 0..5 {
        let gate = gate.clone();
        runner.add_ok(key, move || gate.pass()).unwrap();
    }
    let report: BlockingReport<_, _, Fault> = runner.run();
    assert_eq!((report.counts().timed_out, report.counts().not_started), (1, 4));
    gate.open();
    until(|| report.still_running().count() == 0);
    assert_eq!(gate.come(), 1, "no thread ever came for the other four");
}

#[test]
fn a_duplicate_key_is_refused() {
    let mut runner = BlockingRunner::new();
    runner.add("task1", || Ok::<_, Fault>(1)).unwrap();
    let refused: DuplicateKey = runner.add("task1", || Ok(2)).unwrap_err();
    assert!(refused.to_string().contains("task1"));
    assert!(runner.add_ok("task1", || 3).is_err() && runner.add_with("task1", |_| Ok(4)).is_err());
    assert_eq!(runner.len(), 1);
    let report = runner.run();
    assert!(matches!(report.get("task1"), Some(Ok(1))));
    assert_eq!(report.still_running().count(), 0);
}

/// There, a blank key is an error. Here keys are the user's, whatever their type.
#[test]
fn a_blank_key_is_a_key_like_any_other() {
    let mut runner = BlockingRunner::new();
    runner.add(String::new(), || Ok::<_, Fault>(1)).unwrap();
    runner.add(String::from("   "), || Ok(2)).unwrap();
    assert_eq!(runner.add(String::new(), || Ok(3)).unwrap_err().key, "\"\"");
    let report = runner.run();
    assert_eq!(how(report.get("").unwrap()), "ok 1");
    assert_eq!(how(report.get("   ").unwrap()), "ok 2");
}

#[test]
fn a_zero_limit_is_refused() {
    let refused = BlockingRunner::<&str, u8, Fault>::new().limit(0).unwrap_err();
    assert_eq!((refused.field, refused.value.as_str()), ("limit", "0"));
}

/// There, a zero timeout is an error. Here it is a budget that was used up before.
#[test]
fn a_zero_timeout_is_legal_and_starts_nothing() {
    let gauge = Gauge::default();
    let inside = gauge.clone();
    let mut runner = BlockingRunner::new().timeout(Duration::ZERO);
    runner.add("a", move || Ok::<_, Fault>(inside.pass())).unwrap();
    let report = runner.run();
    assert!(report.timed_out());
    assert_eq!((gauge.entered(), report.counts().not_started), (0, 1));
}

#[test]
fn a_runner_without_tasks_gives_an_empty_report() {
    let runner = BlockingRunner::<&str, u8, Fault>::new();
    assert!(runner.is_empty());
    let report = runner.run();
    assert!(report.is_ok() && report.is_empty() && !report.timed_out());
    assert!(matches!(report.stopped(), StopReason::Completed));
    assert_eq!(report.still_running().count(), 0);
}

#[test]
fn empty_results_are_results() {
    let mut options = BlockingRunner::new();
    options.add("none", || Ok::<_, Fault>(None::<u8>)).unwrap();
    let report = options.run();
    assert!(report.is_ok());
    assert_eq!(report.get("none").unwrap().as_ref().unwrap(), &None);

    let mut texts = BlockingRunner::new();
    texts.add("empty", || Ok::<_, Fault>("")).unwrap();
    assert_eq!(ends(&texts.run()), [r#"ok """#]);

    let mut numbers = BlockingRunner::new();
    numbers.add("zero", || Ok::<_, Fault>(0)).unwrap();
    assert_eq!(ends(&numbers.run()), ["ok 0"]);

    let mut truths = BlockingRunner::new();
    truths.add("false", || Ok::<_, Fault>(false)).unwrap();
    assert_eq!(ends(&truths.run()), ["ok false"]);
}

#[test]
fn fifty_tasks_at_limit_ten() {
    let gauge = Gauge::default();
    let mut runner = BlockingRunner::new().limit(10).unwrap();
    for n in 0..50 {
        let gauge = gauge.clone();
        runner
            .add(format!("task{n}"), move || {
                let _inside = gauge.enter();
                thread::yield_now();
                Ok::<_, Fault>(n * 2)
            })
            .unwrap();
    }
    let report = runner.run();
    assert!((0..50).all(|n| matches!(report.get(&*format!("task{n}")), Some(Ok(value)) if *value == n * 2)));
    assert_eq!((report.len(), gauge.entered()), (50, 50));
    assert!(gauge.most() <= 10);
}

#[test]
fn a_name_reaches_the_report() {
    let report = BlockingRunner::<&str, u8, Fault>::new().name("my_runner").run();
    assert_eq!(report.name(), Some("my_runner"));
    assert_eq!(BlockingRunner::<&str, u8, Fault>::default().run().name(), None);
}

/// Keeps the lines that are written to it.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One that fails and one that doesn't, and what is written of them.
fn written(lines: impl FnOnce(LogLines) -> LogLines) -> String {
    let paper = Paper::default();
    let log = lines(LogLines::to(paper.clone()).every(Duration::MAX));
    let mut runner = BlockingRunner::new().observer(log);
    runner.add("bad", || Err("no route")).unwrap();
    runner.add("good", || Ok(1)).unwrap();
    assert_eq!(ends(&runner.run()), ["failed: no route", "ok 1"]);
    paper.text()
}

#[test]
fn failures_are_logged_with_key_and_error() {
    let text = written(|lines| lines);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("no route")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("bad"), "{text}");
    assert!(!text.contains("good"), "successes are not: {text}");
    assert!(written(|lines| lines.named("nightly")).contains("nightly: "));
}

#[test]
fn the_logging_of_failures_can_be_silenced() {
    let text = written(LogLines::without_failures);
    assert!(!text.contains("no route") && !text.contains("bad"), "{text}");
}
