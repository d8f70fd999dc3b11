//! Keys are the user's: any that can be compared, and each once.

use crate::runner::support::{Fault, ends, how};
use regatta::{DuplicateKey, Report, Runner};
use regatta_tests::{World, on_every_executor};
use std::error::Error;

async fn ok(n: u8) -> Result<u8, Fault> {
    Ok(n)
}

on_every_executor! {
    async fn a_key_that_is_taken_is_refused_by_name(_world: World) {
        let mut runner = Runner::new();
        runner.add("user 1", ok(1)).unwrap();
        let refused = runner.add("user 1", ok(2)).unwrap_err();
        assert_eq!(refused, DuplicateKey { key: "\"user 1\"".into() });
        assert_eq!(
            refused.to_string(),
            "a task with the key \"user 1\" was added before; give this one another key"
        );
        let refused = runner.add_ok("user 1", async { 3 }).unwrap_err();
        assert_eq!(refused.key, "\"user 1\"");
        let refused = runner.add_retry("user 1", regatta::Backoff::constant(Default::default()), || ok(4));
        assert_eq!(refused.unwrap_err().key, "\"user 1\"");
        assert_eq!(runner.len(), 1);
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1"], "the old task is untouched");
    }

    async fn what_was_refused_can_be_added_under_another_key(_world: World) {
        let mut runner = Runner::new();
        runner.add(String::from("a"), ok(1)).unwrap();
        let (key, task) = runner.try_add(String::from("a"), ok(2)).unwrap_err();
        assert_eq!(key, "a");
        runner.try_add(key + "2", task).map_err(|(key, _)| key).unwrap();
        let report = runner.run().await;
        assert_eq!(how(report.get("a").unwrap()), "ok 1");
        assert_eq!(how(report.get("a2").unwrap()), "ok 2");
    }

    async fn a_refused_task_may_be_waited_for_instead(_world: World) {
        let mut runner = Runner::new();
        runner.add(1, ok(1)).unwrap();
        let (_, task) = runner.try_add(1, ok(2)).unwrap_err();
        assert_eq!(task.await, Ok(2));
        assert!(runner.run().await.is_ok());
    }

    async fn any_key_will_do(_world: World) {
        #[derive(PartialEq, Eq, Hash, Debug)]
        enum Key<'a> {
            Name(&'a str),
            Pair(u8, u8),
        }
        let name = String::from("borrowed");
        let mut runner = Runner::new();
        runner.add(Key::Name(&name), ok(1)).unwrap();
        runner.add(Key::Pair(1, 2), ok(2)).unwrap();
        runner.add(Key::Pair(2, 1), ok(3)).unwrap();
        let report = runner.run().await;
        assert_eq!(how(report.get(&Key::Pair(2, 1)).unwrap()), "ok 3");
        assert!(report.get(&Key::Pair(0, 0)).is_none());
    }

    async fn thousands_of_keys_are_found(_world: World) {
        let mut runner = Runner::new();
        for key in 0..3000_u32 {
            runner.add(key.to_string(), async move { Ok::<_, Fault>(key) }).unwrap();
        }
        assert!(runner.add("2999".into(), async { Ok(0) }).is_err());
        let report = runner.run().await;
        assert!((0..3000).all(|key| matches!(report.get(&*key.to_string()), Some(Ok(n)) if *n == key)));
    }
}

#[test]
fn a_duplicate_passes_through_the_question_mark_also_where_tasks_borrow() {
    fn build() -> Result<(), Box<dyn Error + Send + Sync>> {
        let text = String::from("borrowed");
        let mut runner = Runner::new();
        runner.add(1, async { Ok::<_, Fault>(text.len()) })?;
        runner.add(1, async { Ok(text.len()) })?;
        Ok(())
    }
    let refused = build().unwrap_err();
    assert!(refused.downcast_ref::<DuplicateKey>().is_some_and(|duplicate| duplicate.key == "1"));
}

#[test]
fn an_empty_runner_gives_an_empty_report() {
    let runner = Runner::<u8, u8, Fault>::new();
    assert!(runner.is_empty());
    let report: Report<_, _, _> = smol::block_on(runner.run());
    assert!(report.is_empty() && report.is_ok() && !report.timed_out());
    assert_eq!(report.counts(), regatta::Counts::default());
    assert!(report.get(&1).is_none());
}
