//! A handler is cloned for each attempt, several of which run at once: it can't write to what it captures.

use regatta::Queue;

fn main() {
    let mut total = 0;
    let (_queue, _results, mut engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .build(async |job, _ctx| {
            total += *job;
            Ok::<_, String>(())
        })
        .unwrap();
    drop(engine.run());
}
