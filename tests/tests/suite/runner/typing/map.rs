//! `map` and `map_ok` inside a spawned task.

use super::{Client, io, len, names, spawned, try_io, try_len};
use crate::runner::support::Fault;
use regatta::{map, map_ok};
use std::sync::Mutex;

#[test]
fn owned() {
    let count = spawned(|| async {
        let base = 1;
        let plain = map_ok(vec![1, 2], 8, async |n| io(n + base).await).unwrap().await.len();
        plain + map(vec![1, 2], 8, async |n| try_io(n + base).await).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn fn_item_ref() {
    let count = spawned(|| async {
        let names = names();
        map_ok(&names, 8, len).unwrap().await.len() + map(&names, 8, try_len).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn async_closure_ref() {
    let count = spawned(|| async {
        let (names, base) = (names(), 1);
        let plain = map_ok(&names, 8, async |name| io(name.len() + base).await).unwrap().await.len();
        plain + map(&names, 8, async |name| try_io(name.len() + base).await).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn closure_ref() {
    let count = spawned(|| async {
        let names = names();
        let plain = map_ok(&names, 8, |name| async move { io(name.len()).await }).unwrap().await.len();
        plain + map(&names, 8, |name| async move { try_io(name.len()).await }).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn result_ref() {
    let text = spawned(|| async {
        let names = names();
        let plain = map_ok(&names, 8, |name| async move {
            io(name.len()).await;
            name
        });
        let plain: String = plain.unwrap().await.into_iter().map(|name| &**name.unwrap()).collect();
        let fallible = map(&names, 8, async |name| {
            try_io(name.len()).await?;
            Ok::<_, Fault>(name.as_str())
        });
        plain + &fallible.unwrap().await.into_iter().map(Result::unwrap).collect::<String>()
    });
    assert_eq!(text, "annbobannbob");
}

#[test]
fn iter_map() {
    let count = spawned(|| async {
        let names = names();
        let plain = map_ok(names.iter().map(|name| name.len()), 8, io).unwrap().await.len();
        plain + map(names.iter().map(|name| name.len()), 8, try_io).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn iter_map_ref() {
    let count = spawned(|| async {
        let names = names();
        let items = || names.iter().filter(|name| !name.is_empty()).enumerate();
        let plain = map_ok(items(), 8, |(_, name)| len(name)).unwrap().await.len();
        plain + map(items(), 8, |(_, name)| try_len(name)).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn owned_capture() {
    let count = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        let cloned = client.clone();
        let moved = map(&names, 8, async move |name| cloned.get(name.len()).await).unwrap().await.len();
        moved + map(names, 8, async |name| client.get(name.len()).await).unwrap().await.len()
    });
    assert_eq!(count, 4);
}

#[test]
fn borrowed_captures() {
    let total = spawned(|| async {
        let (names, client, total) = (names(), Client("abc".into()), Mutex::new(0));
        let results = map(&names, 8, async |name| {
            *total.lock().unwrap() += client.get(name.len()).await?;
            Ok::<_, Fault>(())
        });
        assert!(results.unwrap().await.iter().all(Result::is_ok));
        total.into_inner().unwrap()
    });
    assert_eq!(total, 12);
}

#[test]
fn settings_change_nothing() {
    let count = spawned(|| async {
        let names = names();
        let token = regatta::CancelToken::new();
        let mapped = map(&names, 8, async |name| try_len(name).await).unwrap();
        let second = std::time::Duration::from_secs(60);
        mapped.timeout(second).task_timeout(second).grace(second).cancel_on(&token).await.len()
    });
    assert_eq!(count, 2);
}

#[test]
fn nested() {
    let total = spawned(|| async {
        let names = names();
        let outer = map_ok(&names, 2, async |name| {
            let inner = map(name.chars(), 2, async |letter| try_io(name.find(letter).unwrap_or(9)).await);
            inner.unwrap().await.into_iter().map(Result::unwrap).sum::<usize>()
        });
        outer.unwrap().await.into_iter().map(Result::unwrap).sum::<usize>()
    });
    assert_eq!(total, 3);
}
