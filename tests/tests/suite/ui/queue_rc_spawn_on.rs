//! Handlers that run on an executor are `Send`; in place they need not be.

use regatta::Queue;
use std::rc::Rc;

fn main() {
    let (_queue, _results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .build(async |job, _ctx| {
            let held = Rc::new(*job);
            smol::future::yield_now().await;
            Ok::<_, String>(*held)
        })
        .unwrap();
    drop(engine.spawn_on(|task| smol::spawn(task).detach()));
}
