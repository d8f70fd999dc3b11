//! Scopes whose tasks are cancelled one by one.

use crate::runner::support::{Fault, secs};
use regatta::{Scope, scope};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn the_graces_of_tasks_that_had_ended_woke_their_scope_one_by_one(world: World) {
        let inner = world.clone();
        let body = |s: Scope<'static, u64, (), Fault>| async move {
            for key in 0..500 {
                let world = inner.clone();
                let task = async move {
                    world.sleep(secs(2)).await;
                    Ok(())
                };
                s.spawn(key, task).unwrap();
                inner.sleep(secs(1)).await;
                assert!(s.cancel(&key));
                assert!(matches!(s.next().await, Some((_, Ok(())))), "it ends within its grace");
            }
            // The graces would all be over by the end of this.
            inner.sleep(secs(1_000_000)).await;
            Ok::<_, Fault>(())
        };
        let probe = Probe::new();
        let run = scope(1, body).unwrap().clock(world.clock()).grace(secs(10_000));
        let begun = world.now();
        probe.also(run).await.unwrap();
        assert_eq!(world.now().since(begun), secs(1_001_000));
        // A few polls for each task, and at the end one for each of the few graces that were not forgotten.
        assert!(probe.polls() < 500 * 4 + 100, "{}", probe.polls());
    }
}
