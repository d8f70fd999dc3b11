//! Keys: a duplicate is refused and handed back, a key is free again after its task's end.

use super::{done, read_all};
use crate::runner::support::{Fault, after, secs};
use regatta::{AddError, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A key whose `Debug` panics.
#[derive(PartialEq, Eq, Hash)]
struct Shy(u8);

impl fmt::Debug for Shy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("do not look at me")
    }
}

impl fmt::Display for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shy {}", self.0)
    }
}

on_every_executor! {
    async fn a_duplicate_is_refused_and_the_first_untouched(world: World) {
        let probe = Probe::new();
        let read = scope(1, async |s| {
            s.spawn("a", after(&world, secs(2), Ok(1))).unwrap();
            s.spawn("b", after(&world, secs(1), Ok(2))).unwrap();
            for key in ["a", "b"] {
                let expected = AddError::Duplicate { key: format!("{key:?}") };
                assert_eq!(s.spawn(key, probe.also(after(&world, secs(1), Ok(9)))), Err(expected.clone()));
                assert_eq!(s.spawn_ok(key, probe.also(async { 9 })), Err(expected.clone()));
                assert_eq!(s.spawn_with(key, |_| probe.also(async { Ok(9) })), Err(expected));
            }
            assert_eq!((probe.polls(), probe.drops()), (0, 6));
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["a: ok 1", "b: ok 2"]);
    }

    async fn try_spawn_hands_key_and_task_back(world: World) {
        let value = scope(2, async |s| {
            s.spawn(String::from("a"), after(&world, secs(1), Ok(1))).unwrap();
            let (key, task, why) = s.try_spawn(String::from("a"), async { Ok::<_, Fault>(7) }).unwrap_err();
            assert_eq!(why.to_string(), r#"a task with the key "a" was added before; give this one another key"#);
            assert!(s.try_spawn(key + "2", async { Ok(2) }).is_ok());
            assert_eq!(s.next().await.unwrap().0, "a2");
            s.stop();
            world.sleep(secs(2)).await;
            let (key, late, why) = s.try_spawn("b".into(), async { Ok::<_, Fault>(1) }).unwrap_err();
            assert_eq!((key.as_str(), why), ("b", AddError::Closed));
            done(task.await.unwrap() + late.await.unwrap())
        });
        assert_eq!(value.unwrap().clock(world.clock()).grace(secs(5)).await, Ok(8));
    }

    async fn a_key_is_free_while_its_result_is_unread(world: World) {
        let read = scope(1, async |s| {
            for round in 0..3 {
                s.spawn("a", after(&world, secs(1), Ok(round))).unwrap();
                world.sleep(secs(2)).await;
            }
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["a: ok 0", "a: ok 1", "a: ok 2"]);
    }

    async fn a_task_spawns_its_successor_under_another_key_only(world: World) {
        let read = scope(1, async |s| {
            s.spawn_with("a", async |s| match s.spawn("a", async { Ok("child") }) {
                Err(AddError::Duplicate { .. }) => Ok("refused"),
                _ => Err("the key is taken until its task has ended"),
            })
            .unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), [r#"a: ok "refused""#]);
    }

    async fn a_key_whose_debug_panics(world: World) {
        let read = scope(1, async |s| {
            s.spawn(Shy(1), after(&world, secs(1), Ok(1))).unwrap();
            let refused = catch_unwind(AssertUnwindSafe(|| s.spawn(Shy(1), async { Ok(2) })));
            assert!(refused.is_err(), "the panic is the caller's");
            s.spawn(Shy(2), after(&world, secs(1), Ok(2))).unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["shy 1: ok 1", "shy 2: ok 2"]);
    }
}
