//! In place on one thread, nothing need be `Send`.

use super::{Fault, io, sum};
use regatta::queue::{Queue, map};
use std::cell::RefCell;
use std::rc::Rc;

#[tokio::test]
async fn jobs_handlers_bodies_and_results_may_hold_what_stays_on_its_thread() {
    let (log, shared) = (RefCell::new(Vec::new()), Rc::new(1));
    let (queue, mut results, mut engine) = Queue::<Rc<usize>>::builder()
        .workers(2)
        .unwrap()
        .build(async |job, _ctx| {
            let held = shared.clone();
            let length = io(**job).await?;
            log.borrow_mut().push(length);
            Ok::<_, Fault>(Rc::new(length + *held))
        })
        .unwrap();
    let mine = Rc::new(5);
    let (_, finished) = engine
        .run_with(async {
            let held = mine.clone();
            queue.push(mine.clone()).await.unwrap();
            queue.push(held).await.unwrap();
        })
        .await;
    assert_eq!(finished.stats.ok, 2);
    let values = results.drain().into_iter().map(|done| *done.result.unwrap()).sum::<usize>();
    assert_eq!((values, log.take()), (12, vec![5, 5]));
    drop((queue, results, engine));
    assert_eq!((Rc::strong_count(&mine), Rc::strong_count(&shared)), (1, 1));
}

#[tokio::test]
async fn items_may_too() {
    let (total, shared) = (Rc::new(RefCell::new(0)), Rc::new(1));
    let items = [1, 2].map(Rc::new);
    let done = map(items.clone(), 2, async |job, _ctx| {
        let held = shared.clone();
        let value = io(**job).await? + *held;
        *total.borrow_mut() += value;
        Ok::<_, Fault>(value)
    });
    assert_eq!((sum(done.unwrap().await), *total.borrow()), (5, 5));
    let cloned = total.clone();
    let each = Queue::<Rc<usize>>::builder().workers(2).unwrap().for_each(
        items,
        async move |job, _ctx| {
            *cloned.borrow_mut() += io(**job).await?;
            Ok::<_, Fault>(())
        },
        async |mut results| {
            let held = shared.clone();
            while results.next().await.is_some() {}
            *held
        },
    );
    assert_eq!((each.unwrap().await.0, *total.borrow()), (1, 8));
}
