//! What runs on an executor owns what it has: its run goes on when this function has returned.

use regatta::Queue;

fn main() {
    let base = 1;
    let (_queue, _results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .build(async |job, _ctx| Ok::<_, String>(*job + base))
        .unwrap();
    drop(engine.spawn_on(|task| smol::spawn(task).detach()));
}
