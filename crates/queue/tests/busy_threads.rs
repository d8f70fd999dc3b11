//! Workers whose threads are busy: only real threads can be, and only a real clock goes on meanwhile.

use regatta_queue::{Options, Queue};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn a_worker_whose_thread_is_busy_does_not_hold_up_delayed_jobs() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .build(async move |job, _ctx| {
            if *job == 0 {
                let _ = blocked.lock().unwrap().recv();
            }
            Ok::<_, Infallible>(*job)
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        std::thread::spawn(move || futures::executor::block_on(task));
    });
    let (send, receive) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        while let Some(done) = futures::executor::block_on(results.next()) {
            send.send(*done.job).unwrap();
        }
    });
    // About the real clock: only real threads can be busy.
    let late = Duration::from_millis(100);
    std::thread::sleep(late / 4);
    queue.try_push_with(1, Options::new().delay(late)).unwrap();
    std::thread::sleep(late / 4);
    queue.try_push(0).unwrap();
    let first = receive.recv_timeout(Duration::from_secs(10));
    release.send(()).unwrap();
    queue.close();
    drop(futures::executor::block_on(handle));
    reader.join().unwrap();
    assert_eq!(first, Ok(1));
}

/// A job that blocks its thread hears of a stop by its token only, and has its grace from then on.
#[test]
fn a_stop_is_heard_although_no_worker_can_look() {
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .grace(Duration::from_secs(100))
        .build(async move |_, ctx: regatta_queue::Ctx<u32, bool, Infallible>| {
            let token = ctx.token();
            ctx.push(1).unwrap();
            for _ in 0..1000 {
                if token.is_cancelled() {
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(false)
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        std::thread::spawn(move || futures::executor::block_on(task));
    });
    queue.try_push(0).unwrap();
    // The second job says that the first one runs.
    while queue.stats().admitted < 2 {
        std::thread::yield_now();
    }
    queue.stop();
    drop(futures::executor::block_on(handle));
    assert!(matches!(results.try_next().unwrap().result, Ok(true)));
}
