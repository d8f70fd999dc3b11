//! The type of the jobs is named where a queue begins.

use regatta::Queue;

fn main() {
    let (queue, _results, mut engine) =
        Queue::builder().workers(2).unwrap().build(async |job, _ctx| Ok::<_, String>(job.len())).unwrap();
    queue.try_push("ann").unwrap();
    drop(engine.run());
}
