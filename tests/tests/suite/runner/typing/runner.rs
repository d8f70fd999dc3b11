//! `Runner` inside a spawned task: futures and factories that borrow.

use super::{Client, io, len, names, spawned, try_io, try_len};
use crate::runner::support::Fault;
use regatta::{Backoff, Runner, TaskError, map_ok, retry_fn};
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

const AT_ONCE: Duration = Duration::ZERO;

#[test]
fn owned() {
    let count = spawned(|| async {
        let (base, client) = (1, Client("abc".into()));
        let mut runner = Runner::new();
        runner.add(1, try_io(base)).unwrap();
        runner.add(2, async move { try_io(base).await }).unwrap();
        runner.add_ok(3, io(base)).unwrap();
        let cloned = client.clone();
        runner.add(4, async move { cloned.get(1).await }).unwrap();
        runner.add_retry(5, Backoff::constant(AT_ONCE), async move || client.get(1).await).unwrap();
        runner.add_retry(6, Backoff::constant(AT_ONCE), || try_io(2)).unwrap();
        runner.run().await.counts().ok
    });
    assert_eq!(count, 6);
}

#[test]
fn fn_item_ref() {
    let count = spawned(|| async {
        let (names, extra) = (names(), String::from("extra"));
        let mut runner = Runner::new();
        for name in &names {
            runner.add(name, try_len(name)).unwrap();
        }
        runner.add_ok(&extra, len(&extra)).unwrap();
        runner.run().await.counts().ok
    });
    assert_eq!(count, 3);
}

#[test]
fn borrowed_captures() {
    let total = spawned(|| async {
        let (names, client, total) = (names(), Client("abc".into()), Mutex::new(0));
        let mut runner = Runner::new();
        for name in &names {
            let (client, total) = (&client, &total);
            runner
                .add(name.as_str(), async move {
                    *total.lock().unwrap() += client.get(name.len()).await?;
                    Ok::<_, Fault>(name.as_str())
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert!(report.ok().all(|(key, value)| key == value));
        *total.lock().unwrap()
    });
    assert_eq!(total, 12);
}

#[test]
fn borrowed_factories() {
    let count = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        let mut runner = Runner::new();
        runner.add_retry(0, Backoff::constant(AT_ONCE), async || client.get(names[0].len()).await).unwrap();
        runner.add_retry(1, Backoff::constant(AT_ONCE), || client.get(names[1].len())).unwrap();
        runner.add_retry(2, Backoff::constant(AT_ONCE), || try_len(&names[0])).unwrap();
        let busy = retry_fn(|_, error: &TaskError<Fault>| match error {
            TaskError::Failed(text) => names.iter().any(|name| name == text).then_some(AT_ONCE),
            _ => None,
        });
        runner.add_retry(3, busy, async || Err("not retried")).unwrap();
        runner.run().await.counts().ok
    });
    assert_eq!(count, 3);
}

#[test]
fn result_ref() {
    let text = spawned(|| async {
        let names = names();
        let mut runner = Runner::new();
        for (key, name) in names.iter().enumerate() {
            runner
                .add_ok(key, async move {
                    io(1).await;
                    name
                })
                .unwrap();
        }
        let report: regatta::Report<_, _, Fault> = runner.run().await;
        report.ok().map(|(_, name)| name.as_str()).collect::<String>()
    });
    assert_eq!(text, "annbob");
}

#[test]
fn iter_map_ref() {
    let count = spawned(|| async {
        let names = names();
        let mut runner = Runner::new();
        for (key, task) in names.iter().filter(|name| !name.is_empty()).map(try_len).enumerate() {
            runner.add(key, task).unwrap();
        }
        runner.run().await.counts().ok
    });
    assert_eq!(count, 2);
}

#[test]
fn question_marks() {
    async fn page() -> Result<usize, Box<dyn Error + Send + Sync>> {
        let text = String::from("borrowed");
        let mut runner = Runner::new().limit(3)?.timeout(Duration::from_secs(60));
        runner.add("a", async { try_io(text.len()).await })?;
        runner.add_retry("b", Backoff::constant(AT_ONCE), async || try_io(text.len()).await)?;
        Ok(runner.run().await.len())
    }
    assert_eq!(spawned(|| async { page().await.unwrap() }), 2);
}

#[test]
fn nested() {
    let total = spawned(|| async {
        let names = names();
        let mut outer = Runner::new();
        for name in &names {
            outer
                .add_ok(name, async move {
                    let mut inner = Runner::new();
                    for (key, letter) in name.chars().enumerate() {
                        inner.add(key, async move { try_io(name.find(letter).unwrap_or(9)).await }).unwrap();
                    }
                    let squares = map_ok(name.chars(), 2, async |_| name.len()).unwrap().await.len();
                    inner.run().await.ok().map(|(_, n)| n).sum::<usize>() + squares
                })
                .unwrap();
        }
        let report: regatta::Report<_, _, Fault> = outer.run().await;
        report.ok().map(|(_, n)| n).sum::<usize>()
    });
    assert_eq!(total, 9);
}
