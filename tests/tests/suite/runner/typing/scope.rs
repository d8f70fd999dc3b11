//! `scope` inside a spawned task: tasks, items, keys and results that borrow; and when its parts are `Send`.

use super::send::{Ask, NotSend, ask};
use super::{Client, io, len, names, spawned, try_io, try_len};
use crate::runner::support::Fault;
use regatta::{AddError, Local, NextDone, Scope, ScopeRun, SpawnWhenFree, map_ok, scope, scope_local};
use std::error::Error;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Mutex;

/// Reads all values and adds them up.
async fn sum<K>(s: Scope<'_, K, usize, Fault>) -> Result<usize, Fault> {
    let mut sum = 0;
    while let Some((_, result)) = s.next().await {
        sum += result.unwrap();
    }
    Ok(sum)
}

#[test]
fn owned() {
    let total = spawned(|| async {
        let (base, client) = (1, Client("abc".into()));
        let run = scope(2, async |s| {
            for n in [1, 2] {
                let client = client.clone();
                s.spawn(n, async move { client.get(n + base).await }).unwrap();
            }
            s.spawn_ok(3, io(base)).unwrap();
            s.spawn(4, try_io(base)).unwrap();
            sum(s).await
        });
        run.unwrap().await
    });
    assert_eq!(total, Ok(5 + 6 + 2));
}

#[test]
fn fn_item_ref() {
    let total = spawned(|| async {
        let (names, extra) = (names(), String::from("extra"));
        let run = scope(8, async |s| {
            for name in &names {
                s.spawn(name, try_len(name)).unwrap();
            }
            s.spawn_ok(&extra, len(&extra)).unwrap();
            sum(s).await
        });
        run.unwrap().await
    });
    assert_eq!(total, Ok(11));
}

#[test]
fn borrowed_captures() {
    let total = spawned(|| async {
        let (names, client, total) = (names(), Client("abc".into()), Mutex::new(0));
        let run = scope(8, async |s| {
            for name in &names {
                s.spawn(name.as_str(), async {
                    *total.lock().unwrap() += client.get(name.len()).await?;
                    Ok::<_, Fault>(1)
                })
                .unwrap();
            }
            sum(s).await
        });
        run.unwrap().await.unwrap();
        total.into_inner().unwrap()
    });
    assert_eq!(total, 12);
}

#[test]
fn closure_ref() {
    let total = spawned(|| async {
        let (names, base) = (names(), 1);
        let (names, base) = (&names, &base);
        let run = scope(8, |s| async move {
            for name in names {
                s.spawn(name, async move { try_io(name.len() + *base).await }).unwrap();
            }
            sum(s).await
        });
        run.unwrap().await
    });
    assert_eq!(total, Ok(8));
}

#[test]
fn result_ref() {
    let text = spawned(|| async {
        let names = names();
        let run = scope(1, async |s| {
            for (key, name) in names.iter().enumerate() {
                s.spawn(key, async move {
                    io(1).await;
                    Ok::<_, Fault>(name)
                })
                .unwrap();
            }
            let mut text = String::new();
            while let Some((_, name)) = s.next().await {
                text += name.unwrap();
            }
            Ok::<_, Fault>(text)
        });
        run.unwrap().await.unwrap()
    });
    assert_eq!(text, "annbob");
}

#[test]
fn iter_map_ref() {
    let total = spawned(|| async {
        let names = names();
        let run = scope(8, async |s| {
            for (key, task) in names.iter().filter(|name| !name.is_empty()).map(try_len).enumerate() {
                s.spawn(key, task).unwrap();
            }
            for (key, n) in names.iter().map(String::len).enumerate() {
                s.spawn_when_free(key + 10, try_io(n)).await.unwrap();
            }
            sum(s).await
        });
        run.unwrap().await
    });
    assert_eq!(total, Ok(12));
}

#[test]
fn a_body_changes_what_it_borrows() {
    let seen = spawned(|| async {
        let (names, mut seen) = (names(), Vec::new());
        let run = scope(1, async |s| {
            for name in &names {
                s.spawn(name, try_len(name)).unwrap();
            }
            while let Some((name, result)) = s.next().await {
                io(1).await;
                seen.push((name.clone(), result.unwrap()));
            }
            Ok::<_, Fault>(())
        });
        run.unwrap().await.unwrap();
        seen
    });
    assert_eq!(seen, [("ann".to_owned(), 3), ("bob".to_owned(), 3)]);
}

#[test]
fn nested_spawned() {
    let total = spawned(|| async {
        let (data, total) = (vec![1, 2, 3], Mutex::new(0));
        let run = scope(4, async |s| {
            for d in &data {
                let (inner, total) = (s.clone(), &total);
                s.spawn(*d, async move {
                    let child = async move {
                        *total.lock().unwrap() += *d * 10;
                        try_io(*d).await
                    };
                    inner.spawn(*d * 10, child).map_err(|_| "refused")?;
                    try_io(*d).await
                })
                .unwrap();
            }
            Ok::<_, Fault>(())
        });
        run.unwrap().await.unwrap();
        let run = scope(4, async |s| {
            s.spawn_with(1, async |s| {
                s.spawn(2, try_io(data[0])).map_err(|_| "refused")?;
                try_io(data[1]).await
            })
            .unwrap();
            sum(s).await
        });
        total.into_inner().unwrap() + run.unwrap().await.unwrap()
    });
    assert_eq!(total, 60 + 3);
}

#[test]
fn question_marks() {
    async fn total(data: &[usize]) -> Result<usize, Box<dyn Error + Send + Sync>> {
        let run = scope(4, async |s| {
            for d in data {
                s.spawn(*d, try_io(*d))?;
            }
            s.spawn_when_free(9, try_io("5".parse()?)).await?;
            let mut sum = 0;
            while let Some((_, result)) = s.next().await {
                sum += result?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(sum)
        });
        run?.await
    }
    assert_eq!(spawned(|| async { total(&[1, 2]).await.unwrap() }), 8);
}

#[test]
fn nested() {
    let total = spawned(|| async {
        let names = names();
        let run = scope(2, async |outer| {
            for name in &names {
                outer
                    .spawn(name, async move {
                        let inner = scope(2, async |s| {
                            for (key, letter) in name.chars().enumerate() {
                                s.spawn(key, async move { try_io(name.find(letter).unwrap_or(9)).await })
                                    .unwrap();
                            }
                            sum(s).await
                        });
                        let squares = map_ok(name.chars(), 2, async |_| name.len()).unwrap().await.len();
                        Ok(inner.unwrap().await? + squares)
                    })
                    .unwrap();
            }
            sum(outer).await
        });
        run.unwrap().await
    });
    // "ann": 0 + 1 + 1; "bob": 0 + 1 + 0; and three letters each.
    assert_eq!(total, Ok(3 + 6));
}

#[test]
fn tasks_of_a_static_scope_go_through_a_named_type() {
    struct Server {
        scope: Scope<'static, String, (), Fault>,
    }
    let run = scope(1, async |s| {
        let server = Server { scope: s };
        server.scope.spawn("a".into(), async { Ok(()) })?;
        Ok::<_, AddError>(server.scope.next().await.is_some())
    });
    assert!(smol::block_on(run.unwrap()).unwrap());
}

async fn reads(s: Scope<'static, u8, usize, Fault>) -> Result<(), Fault> {
    s.next().await;
    s.spawn_when_free(1, try_io(1)).await.map_err(|_| "refused")
}

async fn holds_rc(s: Scope<'static, u8, usize, Fault>) -> Result<(), Fault> {
    let held = Rc::new(1);
    s.next().await;
    drop(held);
    Ok(())
}

async fn reads_locally(s: Scope<'static, u8, usize, Fault, Local>) -> Result<(), Fault> {
    s.next().await;
    Ok(())
}

/// The bodies stand outside: what an `async` block holds, the compiler knows only after it has answered all questions
/// about the function around it.
#[test]
fn a_scope_is_send_if_its_tasks_and_its_body_are() {
    assert!(ask(&scope(1, reads).unwrap()).is_send());
    assert!(!ask(&scope(1, holds_rc).unwrap()).is_send(), "the body holds an `Rc`");
    assert!(!ask(&scope_local(1, reads_locally).unwrap()).is_send(), "its tasks need not be `Send`");
}

#[test]
fn handles_and_waits_are_send_as_keys_and_values_are() {
    type Cell = std::cell::Cell<u8>;
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn fixed<T: 'static>() {}
    send::<Scope<'_, Cell, Cell, Cell>>();
    sync::<Scope<'_, Cell, Cell, Cell>>();
    fixed::<Scope<'static, u8, u8, Fault>>();
    fixed::<Scope<'static, u8, u8, Fault, Local>>();
    send::<NextDone<'_, '_, Cell, Cell, Cell>>();
    sync::<NextDone<'_, '_, Cell, Cell, Cell>>();
    fixed::<NextDone<'static, 'static, u8, u8, Fault>>();
    send::<SpawnWhenFree<'_, '_, Cell, Cell, Cell>>();
    fixed::<SpawnWhenFree<'static, 'static, u8, u8, Fault>>();
    send::<ScopeRun<'_, Cell, Cell, Cell, std::future::Ready<Result<Cell, Fault>>, Cell, Fault>>();
    fixed::<ScopeRun<'static, u8, u8, Fault, std::future::Ready<Result<u8, Fault>>, u8, Fault>>();
    assert!(!Ask::<Scope<'_, Rc<u8>, u8, Fault>>(PhantomData).is_send(), "keys go through it");
    assert!(!Ask::<Scope<'_, u8, Rc<u8>, Fault>>(PhantomData).is_send(), "values go through it");
    assert!(!Ask::<Scope<'_, u8, u8, Rc<u8>>>(PhantomData).is_send(), "errors go through it");
    assert!(!Ask::<Scope<'_, u8, u8, Fault, Local>>(PhantomData).is_send());
    assert!(!Ask::<NextDone<'_, '_, u8, u8, Fault, Local>>(PhantomData).is_send());
    assert!(!Ask::<SpawnWhenFree<'_, '_, u8, u8, Fault, Local>>(PhantomData).is_send());
}
