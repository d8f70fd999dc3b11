//! Handles that outlive their scope, and tasks that hold one: nothing leaks, nobody hangs.

use super::{done, settle};
use crate::runner::support::{Fault, after, secs};
use futures::future::{Either, select};
use regatta::{AddError, Scope, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};

type Handle = Scope<'static, u32, (), Fault>;

/// A scope of `'static` tasks that gives its handle away and goes on until `end` comes.
fn given_away<F: Future<Output = ()>>(
    slot: &Arc<Mutex<Option<Handle>>>,
    tasks: usize,
    probe: &Probe,
    end: F,
) -> impl Future<Output = Result<(), Fault>> + use<F> {
    let (slot, probe) = (slot.clone(), probe.clone());
    let body = move |s: Handle| {
        for key in 0..tasks as u32 {
            // Each task holds a handle of its own scope.
            let held = s.clone();
            let task = async move {
                let _held = held;
                pending().await
            };
            s.spawn(key, probe.also(task)).unwrap();
        }
        *slot.lock().unwrap() = Some(s);
        async move {
            end.await;
            Err("over")
        }
    };
    scope(2, body).unwrap()
}

async fn check_closed(s: &Handle, probe: &Probe) {
    assert!(s.is_closed() && s.next().await.is_none());
    assert_eq!((s.running(), s.waiting(), s.cancel(&1)), (0, 0, false));
    let before = probe.drops();
    assert_eq!(s.spawn(1, probe.also(pending())), Err(AddError::Closed));
    assert_eq!(s.spawn_ok(1, probe.also(pending())), Err(AddError::Closed));
    assert_eq!(s.spawn_with(1, |_| probe.also(pending())), Err(AddError::Closed));
    assert_eq!(s.spawn_when_free(1, probe.also(pending())).await, Err(AddError::Closed));
    assert_eq!(probe.drops(), before + 4);
    assert!(matches!(s.try_spawn(1, pending()), Err((1, _, AddError::Closed))));
    s.stop();
    s.set_unlimited();
    s.set_limit(3).unwrap();
    assert_eq!(AddError::Closed.to_string(), "the run has ended, or is stopping, and takes no more tasks");
    assert_eq!(format!("{s:?}"), "Scope { running: 0, waiting: 0, .. }");
}

on_every_executor! {
    async fn a_handle_kept_after_the_end_is_closed(world: World) {
        let (slot, probe) = (Arc::default(), Probe::new());
        let ended = given_away(&slot, 5, &probe, world.sleep(secs(1))).await;
        assert_eq!((ended, probe.wrapped(), probe.alive()), (Err("over"), 5, 0));
        let s = slot.lock().unwrap().take().unwrap();
        check_closed(&s, &probe).await;
    }

    async fn a_handle_of_a_dropped_scope_is_closed(world: World) {
        for limit in [0, 1] {
            let (slot, probe) = (Arc::default(), Probe::new());
            let mut run = Box::pin(given_away(&slot, 5, &probe, pending()));
            for _ in 0..limit {
                assert!(futures::poll!(&mut run).is_pending());
            }
            drop(run);
            assert_eq!((probe.wrapped(), probe.alive()), (5, 0), "tasks that hold handles go too");
            let s = slot.lock().unwrap().take().unwrap();
            check_closed(&s, &probe).await;
        }
        settle(&world).await;
    }

    async fn those_who_wait_outside_are_woken_at_the_end(world: World) {
        for drops in [false, true] {
            let (slot, probe) = (Arc::default(), Probe::new());
            let mut run = Box::pin(given_away(&slot, 5, &probe, world.sleep(secs(5))));
            assert!(futures::poll!(&mut run).is_pending());
            let outside = Arc::new(Mutex::new(Vec::new()));
            for n in 0..40 {
                let (s, told) = (slot.lock().unwrap().clone().unwrap(), outside.clone());
                world.spawn(async move {
                    let text = if n % 2 == 0 {
                        format!("{:?}", s.spawn_when_free(100 + n, pending()).await)
                    } else {
                        // Those that end with the scope are results too, as long as it is there.
                        while s.next().await.is_some() {}
                        "None".into()
                    };
                    told.lock().unwrap().push(text);
                });
            }
            let run = match select(run, world.sleep(secs(1))).await {
                Either::Right(((), run)) => run,
                Either::Left(_) => panic!("it takes 5 s"),
            };
            assert_eq!(outside.lock().unwrap().len(), 0);
            if drops {
                drop(run);
            } else {
                run.await.unwrap_err();
            }
            settle(&world).await;
            let told = outside.lock().unwrap();
            let refused = told.iter().filter(|text| *text == "Err(Closed)").count();
            assert_eq!((told.len(), refused), (40, 20));
            assert_eq!(probe.alive(), 0);
        }
    }

    async fn a_handle_from_outside_adds_while_the_scope_goes_on(world: World) {
        let (slot, probe, start) = (Arc::new(Mutex::new(None)), Probe::new(), world.now());
        let (outside, kept) = (world.clone(), slot.clone());
        world.spawn(async move {
            outside.sleep(secs(1)).await;
            let s: Handle = kept.lock().unwrap().take().unwrap();
            let inner = outside.clone();
            s.spawn(1, async move { after(&inner, secs(5), Ok(())).await }).unwrap();
        });
        let run = scope(1, async |s: Handle| {
            *slot.lock().unwrap() = Some(s.clone());
            s.spawn(0, probe.also(pending())).unwrap();
            world.sleep(secs(2)).await;
            s.cancel(&0);
            done(())
        });
        run.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(world.now().since(start), secs(7), "it was joined");
    }

    async fn a_handle_returned_by_the_body(world: World) {
        let run = scope(1, async |s: Scope<'_, u8, (), Fault>| {
            s.spawn(1, after(&world, secs(1), Ok(()))).unwrap();
            let mut read = pin!(s.next());
            assert!(futures::poll!(&mut read).is_pending());
            done(s.clone())
        });
        let s = run.unwrap().clock(world.clock()).await.unwrap();
        assert!(s.is_closed() && s.next().await.is_none(), "what nobody had read is dropped");
    }
}
