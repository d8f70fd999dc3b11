//! A key that is taken already: others abort the task that has it.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, ends, secs};
use regatta::{AddError, Backoff, BlockingRunner, Runner, Scope, scope};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};

fn taken() -> AddError {
    AddError::Duplicate { key: "\"a\"".into() }
}

on_every_executor! {
    async fn a_duplicate_replaced_the_old_task_before_the_run(world: World) {
        let (old, new) = (Probe::new(), Probe::new());
        let other = || new.also(owned(&world, secs(1), Ok(2)));
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner.add("a", old.also(owned(&world, secs(1), Ok(1)))).unwrap();
        assert_eq!(runner.add("a", other()).unwrap_err().key, "\"a\"");
        assert!(runner.add_retry("a", Backoff::constant(secs(1)), other).is_err());
        assert!(runner.add_with("a", |_| other()).is_err());
        assert_eq!(handle.add("a", other()), Err(taken()));
        let (key, task) = runner.try_add("a", other()).unwrap_err();
        runner.try_add(if key == "a" { "b" } else { "?" }, task).unwrap();
        assert_eq!(old.drops(), 0);
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 2"]);
        assert_eq!((old.ended(), new.ended()), (1, 1));
    }

    async fn a_duplicate_replaced_the_old_task_while_it_ran(world: World) {
        let (old, new) = (Probe::new(), Probe::new());
        let mut runner = Runner::new().clock(world.clock());
        let (handle, inner, refused) = (runner.handle(), world.clone(), new.clone());
        runner.add("a", old.also(owned(&world, secs(5), Ok(1)))).unwrap();
        runner
            .add("b", async move {
                inner.sleep(secs(1)).await;
                assert_eq!(handle.add("a", refused.also(owned(&inner, secs(1), Ok(2)))), Err(taken()));
                let handed_back = handle.try_add("a", refused.also(owned(&inner, secs(1), Ok(2))));
                let (key, task, why) = handed_back.unwrap_err();
                assert_eq!((key, why), ("a", taken()));
                handle.try_add("c", task).map_err(|(_, _, why)| why).unwrap();
                Ok::<_, Fault>(0)
            })
            .unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 0", "ok 2"]);
        assert_eq!((old.ended(), new.ended(), new.drops()), (1, 1, 2));
    }

    async fn a_duplicate_replaced_the_old_task_of_a_scope(world: World) {
        let (old, new) = (Probe::new(), Probe::new());
        let (first, second, inner) = (old.clone(), new.clone(), world.clone());
        let body = |s: Scope<'static, &'static str, u8, Fault>| async move {
            s.spawn("a", first.also(owned(&inner, secs(2), Ok(1))))?;
            inner.sleep(secs(1)).await;
            assert_eq!(s.spawn("a", second.also(owned(&inner, secs(1), Ok(2)))), Err(taken()));
            let late = s.spawn_when_free("a", second.also(owned(&inner, secs(1), Ok(2))));
            assert_eq!(late.await, Err(taken()));
            let (key, result) = s.next().await.expect("the old one goes on");
            assert_eq!((key, result.unwrap()), ("a", 1));
            Ok::<_, AddError>(())
        };
        scope(2, body).unwrap().clock(world.clock()).await.unwrap();
        assert_eq!((old.ended(), new.polls(), new.drops()), (1, 0, 2));
    }
}

#[test]
fn a_duplicate_replaced_the_old_closure() {
    let mut runner = BlockingRunner::new();
    runner.add("a", || Ok::<u8, Fault>(1)).unwrap();
    assert_eq!(runner.add("a", || Ok(2)).unwrap_err().key, "\"a\"");
    assert!(runner.add_with("a", |_| Ok(2)).is_err());
    assert!(runner.add_retry("a", Backoff::constant(secs(1)), |_| Ok(2)).is_err());
    assert_eq!(ends(&runner.run()), ["ok 1"]);
}
