//! `for_each` inside a spawned task: tasks, function, items and body borrow.

use super::{Client, names, spawned, try_io, try_len};
use crate::runner::support::Fault;
use regatta::for_each;

/// Runs the shape and tells how many results its body has read.
macro_rules! read {
    ($items:expr, $task:expr) => {{
        let mut seen = Vec::new();
        let each = for_each($items, 8, $task, async |mut done| {
            while let Some(result) = done.next().await {
                tokio::task::yield_now().await;
                seen.push(result.unwrap());
            }
        });
        each.unwrap().await;
        seen.len()
    }};
}

#[test]
fn owned() {
    let count = spawned(|| async {
        let base = 1;
        read!(vec![1, 2], async |n| try_io(n + base).await)
    });
    assert_eq!(count, 2);
}

#[test]
fn fn_item_ref() {
    let count = spawned(|| async {
        let names = names();
        read!(&names, try_len)
    });
    assert_eq!(count, 2);
}

#[test]
fn async_closure_ref() {
    let count = spawned(|| async {
        let (names, base) = (names(), 1);
        read!(&names, async |name| try_io(name.len() + base).await)
    });
    assert_eq!(count, 2);
}

#[test]
fn closure_ref() {
    let count = spawned(|| async {
        let names = names();
        read!(&names, |name| async move { try_io(name.len()).await })
    });
    assert_eq!(count, 2);
}

#[test]
fn result_ref() {
    let count = spawned(|| async {
        let names = names();
        read!(&names, |name| async move {
            try_io(name.len()).await?;
            Ok::<_, Fault>(name)
        })
    });
    assert_eq!(count, 2);
}

#[test]
fn iter_map() {
    let count = spawned(|| async {
        let names = names();
        read!(names.iter().map(|name| name.len()), try_io)
    });
    assert_eq!(count, 2);
}

#[test]
fn iter_map_ref() {
    let count = spawned(|| async {
        let names = names();
        read!(names.iter().filter(|name| !name.is_empty()).enumerate(), |(_, name)| try_len(name))
    });
    assert_eq!(count, 2);
}

#[test]
fn owned_capture() {
    let count = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        read!(&names, async move |name| client.get(name.len()).await)
    });
    assert_eq!(count, 2);
}

/// What the body writes to is borrowed mutably, and can be used afterwards.
#[test]
fn c_mut() {
    let seen = spawned(|| async {
        let mut seen = vec![];
        let each = for_each([1, 2], 2, try_io, async |mut done| {
            while let Some(result) = done.next().await {
                tokio::task::yield_now().await;
                seen.push(result.unwrap());
            }
        });
        each.unwrap().await;
        seen
    });
    assert_eq!(seen, [1, 2]);
}

/// Items, a capture of the function, and the results borrow.
#[test]
fn c_ref() {
    let text = spawned(|| async {
        let (names, base, mut seen) = (names(), 1, vec![]);
        let keep = async |name| {
            let name: &String = name;
            try_io(base).await?;
            Ok::<_, Fault>(name)
        };
        let each = for_each(&names, 2, keep, async |mut done| {
            while let Some(result) = done.next().await {
                tokio::task::yield_now().await;
                seen.push(result.unwrap());
            }
        });
        each.unwrap().await;
        seen.into_iter().map(String::as_str).collect::<String>()
    });
    assert_eq!(text, "annbob");
}

/// The iterator has closures of its own.
#[test]
fn c_iter() {
    let seen = spawned(|| async {
        let (names, mut seen) = (names(), vec![]);
        let items = names.iter().map(|name| name.len()).enumerate();
        let each = for_each(
            items,
            2,
            async |(i, n)| try_io(n + i).await,
            async |mut done| {
                while let Some(result) = done.next_indexed().await {
                    tokio::task::yield_now().await;
                    seen.push(result.1.unwrap());
                }
            },
        );
        each.unwrap().await;
        seen
    });
    assert_eq!(seen, [3, 4]);
}

#[test]
fn nested() {
    let total = spawned(|| async {
        let (names, mut total) = (names(), 0);
        let inner = async |name: &String| {
            let mut count = 0;
            let each = for_each(
                name.chars(),
                2,
                async |_| try_io(name.len()).await,
                async |mut done| {
                    while let Some(result) = done.next().await {
                        count += result.unwrap();
                    }
                },
            );
            each.unwrap().await;
            Ok::<_, Fault>(count)
        };
        let each = for_each(&names, 2, inner, async |mut done| {
            while let Some(result) = done.next().await {
                total += result.unwrap();
            }
        });
        each.unwrap().await;
        total
    });
    assert_eq!(total, 18);
}
