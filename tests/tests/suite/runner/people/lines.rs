//! Lines in a log, of one run and of several.

use crate::runner::support::{after, millis, secs};
use regatta::{LogLines, Runner};
use regatta_tests::{World, on_every_executor};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps the lines that are written to it. Clones are the same paper.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// No progress lines but the last, whatever the machine is busy with.
const SELDOM: Duration = secs(1_000_000);

on_every_executor! {
    async fn runs_at_the_same_time_are_told_apart(world: World) {
        let paper = Paper::default();
        let run = async |name: &'static str, pause| {
            let lines = LogLines::to(paper.clone()).every(SELDOM).named(name);
            let mut runner = Runner::new().name(name).clock(world.clock()).observer(lines);
            runner.add("user1", after(&world, pause, Ok(1))).unwrap();
            runner.add("user2", after(&world, pause, Err("no\nroute"))).unwrap();
            runner.run().await
        };
        futures::join!(run("day", secs(2)), run("night", secs(1)));
        assert_eq!(
            paper.lines(),
            [
                r#"night: "user2": failed: no\nroute"#,
                "night: 2 done, 1 not ok",
                r#"day: "user2": failed: no\nroute"#,
                "day: 2 done, 1 not ok",
            ]
        );
    }

    async fn runs_that_share_their_lines_are_counted_together(world: World) {
        let paper = Paper::default();
        let lines = Arc::new(LogLines::to(paper.clone()).every(SELDOM).total(3));
        let run = async |tasks: u64| {
            let mut runner = Runner::new().clock(world.clock()).observer(lines.clone());
            for key in 1..=tasks {
                runner.add(key, after(&world, secs(key), Ok(key))).unwrap();
            }
            runner.run().await
        };
        futures::join!(run(1), run(2));
        assert_eq!(paper.lines(), ["3 of 3 done, 0 not ok"]);
    }

    async fn what_never_started_is_counted_not_listed(world: World) {
        let (loud, failures, silent) = (Paper::default(), Paper::default(), Paper::default());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(millis(1500));
        runner = runner
            .observer(LogLines::to(loud.clone()).every(SELDOM))
            .observer(LogLines::to(failures.clone()).every(Duration::MAX))
            .observer(LogLines::to(silent.clone()).every(Duration::MAX).without_failures());
        for key in 0..1000 {
            runner.add(key, after(&world, secs(1), Ok(key))).unwrap();
        }
        runner.run().await;
        let stopped = "1: timed out: timed out after 1.5s";
        assert_eq!(loud.lines(), [stopped, "2 done, 1 not ok, 998 never started"]);
        assert_eq!(failures.lines(), [stopped, "998 never started"]);
        assert_eq!(silent.lines(), [""; 0]);
    }

    async fn a_run_that_is_dropped_says_how_far_it_came(world: World) {
        let paper = Paper::default();
        let lines = LogLines::to(paper.clone()).every(SELDOM).total(2);
        let mut runner = Runner::new().clock(world.clock()).observer(lines);
        runner.add('a', after(&world, secs(1), Ok(1))).unwrap();
        runner.add('b', after(&world, secs(3), Ok(1))).unwrap();
        futures::future::select(std::pin::pin!(runner.run()), world.sleep(secs(2))).await;
        assert_eq!(paper.lines(), ["1 of 2 done, 0 not ok"]);
    }
}
