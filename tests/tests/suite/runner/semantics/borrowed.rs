//! Tasks run in place, so they may borrow.

use crate::runner::support::{Fault, after, hows, secs};
use regatta::{Runner, for_each, map, map_ok};
use regatta_tests::{World, on_every_executor};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;

on_every_executor! {
    async fn tasks_borrow_what_lives_longer_than_the_run(world: World) {
        let names = vec![String::from("ann"), String::from("bob")];
        let total = Mutex::new(0);
        let mut runner = Runner::new().clock(world.clock());
        for name in &names {
            let (total, world) = (&total, &world);
            runner
                .add(name.as_str(), async move {
                    after(world, secs(1), Ok(())).await?;
                    *total.lock().unwrap() += name.len();
                    Ok::<_, Fault>(&name[..1])
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert_eq!(
            report.ok().map(|(key, value)| (*key, *value)).collect::<Vec<_>>(),
            [("ann", "a"), ("bob", "b")]
        );
        assert_eq!(*total.lock().unwrap(), 6);
    }

    async fn one_task_may_borrow_mutably(world: World) {
        let mut log = Vec::new();
        let mut runner = Runner::new().clock(world.clock());
        runner
            .add("writer", async {
                for n in 0..3 {
                    after(&world, secs(1), Ok(())).await?;
                    log.push(n);
                }
                Ok::<_, Fault>(())
            })
            .unwrap();
        assert!(runner.run().await.is_ok());
        assert_eq!(log, [0, 1, 2]);
    }

    async fn a_map_needs_neither_send_nor_static(world: World) {
        let (counter, names) = (Rc::new(Cell::new(0)), [String::from("a"), String::from("bb")]);
        let mapped = map(&names, 2, async |name| {
            after(&world, secs(1), Ok::<_, Fault>(())).await?;
            counter.set(counter.get() + name.len());
            Ok::<_, Fault>(name.as_str())
        });
        assert_eq!(hows(&mapped.unwrap().clock(world.clock()).await), [r#"ok "a""#, r#"ok "bb""#]);
        assert_eq!(counter.get(), 3);
    }

    async fn body_and_tasks_of_a_for_each_share_what_they_borrow(world: World) {
        let open = RefCell::new(Vec::new());
        let mut seen = Vec::new();
        let tasks = async |n: u64| {
            open.borrow_mut().push(n);
            after(&world, secs(n), Ok::<_, Fault>(n)).await
        };
        let each = for_each([2, 1, 3], 2, tasks, async |mut done| {
            while let Some(result) = done.next().await {
                let n = result.unwrap();
                open.borrow_mut().retain(|other| *other != n);
                seen.push(n);
            }
        });
        each.unwrap().clock(world.clock()).await;
        assert_eq!((seen, open.into_inner()), (vec![1, 2, 3], vec![]));
    }

    async fn drivers_run_inside_drivers(world: World) {
        let rows = [vec![1_u64, 2], vec![3], vec![]];
        let sums = map_ok(&rows, 2, async |row| {
            let inner = map(row, 2, async |n| after(&world, secs(*n), Ok(*n)).await);
            let results = inner.unwrap().clock(world.clock()).await;
            results.into_iter().map(Result::unwrap).sum::<u64>()
        });
        let sums = sums.unwrap().clock(world.clock()).await;
        assert_eq!(sums.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [3, 3, 0]);
    }
}
