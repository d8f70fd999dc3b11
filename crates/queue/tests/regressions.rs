//! What once went wrong with queues, each as the story of what a user saw.

use regatta_core::{
    Class, Discipline, Outcome, Readiness, Rejection, Request, Retry, Strategy, TaskError, Time,
};
use regatta_engine::StopReason;
use regatta_queue::{Options, Queue, Refusal, Results};
use regatta_sim::Sim;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_nanos(1);
const SEEDS: u64 = 20;

/// The first job asks for its own end and ends by itself; the second one pushes a third, which gets the first one's slot.
#[test]
fn an_order_for_a_job_that_has_ended_does_not_end_the_next_one_in_its_slot() {
    for spawned in [false, true] {
        let sim = Sim::new(0);
        let (queue, mut results, mut engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .clock(sim.clock())
            .build({
                let clock = sim.clock();
                move |job: Arc<u32>, ctx: regatta_queue::Ctx<u32, u32, Infallible>| {
                    let clock = clock.clone();
                    async move {
                        match *job {
                            1 => assert!(ctx.queue().cancel(ctx.id())),
                            2 => drop(ctx.push(3).unwrap()),
                            _ => clock.sleep_until(clock.now() + SECOND).await,
                        }
                        Ok(*job)
                    }
                }
            })
            .unwrap();
        queue.try_push(1).unwrap();
        queue.try_push(2).unwrap();
        queue.close();
        sim.run(async {
            if spawned {
                drop(engine.spawn_on(sim.executor()).await);
            } else {
                drop(engine.run().await);
            }
        })
        .unwrap();
        let third = results.drain().into_iter().find(|done| *done.job == 3).unwrap();
        assert!(third.is_ok(), "spawned: {spawned}, {third:?}");
    }
}
