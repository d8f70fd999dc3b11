//! Queues of futures.

use super::{Client, Fault, io, names, spawned};
use regatta::queue::{Options, Queue, Refusal};

#[test]
fn tasks_that_borrow() {
    let total = spawned(|| async {
        let (names, client, base) = (names(), Client("abc".into()), 1);
        let (tasks, mut results, mut engine) =
            Queue::of_tasks().workers(2).unwrap().capacity(1).unwrap().build_tasks().unwrap();
        let (total, finished) = engine
            .run_with(async {
                for name in &names {
                    tasks.push_task(async { client.get(name.len() + base).await }).await?;
                }
                tasks.push_task(io(base)).await?;
                let cloned = client.clone();
                let moved = tasks.submit_task(async move { cloned.get(1).await }).await?;
                let named = async { Ok::<_, Fault>(names[0].len()) };
                let named = tasks.submit_task_with(named, Options::new().metadata("named")).await?.await;
                assert_eq!(named.metadata(), Some(&"named"));
                Ok::<_, Refusal>(moved.await.result.unwrap() + named.result.unwrap())
            })
            .await;
        assert_eq!(finished.stats.ok, 5);
        total.unwrap() + results.drain().into_iter().map(|done| done.result.unwrap()).sum::<usize>()
    });
    assert_eq!(total, 7 + 14 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_own_what_they_have_go_to_an_executor() {
    let (tasks, _results, engine) = Queue::of_tasks().workers(2).unwrap().build_tasks().unwrap();
    let handle = engine.spawn_on(|task| {
        tokio::spawn(task);
    });
    let client = Client("abc".into());
    let ticket = tasks.submit_task(async move { client.get(1).await }).await.unwrap();
    assert_eq!(ticket.await.result.unwrap(), 4);
    tasks.close();
    assert_eq!(handle.await.stats.ok, 1);
}
