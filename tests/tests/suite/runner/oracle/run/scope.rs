//! A program as a `scope`.

use super::configure;
use super::face::{Value, act, added, outside};
use super::job::Job;
use super::site::Site;
use super::{tick, time};
use crate::runner::oracle::outcome::{Completion, Outcome, Who};
use crate::runner::oracle::program::{BodyStep, Kind, Program};
use crate::runner::support::how;
use futures::stream::{FuturesUnordered, StreamExt};
use regatta::{Local, Scope, Threads};
use regatta_tests::Sim;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The body, and the run of it. Once for each mode: what is boxed for threads must be `Send`.
macro_rules! bodies {
    ($body:ident, $Mode:ident) => {
        async fn $body(
            site: Arc<Site>,
            scope: Scope<'static, usize, Value, String, $Mode>,
        ) -> Result<bool, bool> {
            for step in site.program.body.clone() {
                match step {
                    BodyStep::Sleep(pause) => {
                        site.clock.sleep_until(site.clock.now() + time(pause)).await;
                    }
                    BodyStep::Do(what) => act(&site, &scope, Who::Body, what),
                    BodyStep::WhenFree(plan) => {
                        let key = site.program.plans[plan].key;
                        let job = Job::new(&site, Some(scope.clone()), plan, 1);
                        let spawned = scope.spawn_when_free(key, job).await;
                        site.note(Who::Body, added(plan, spawned));
                    }
                    BodyStep::Read => {
                        read(&site, scope.next().await);
                    }
                    BodyStep::ReadAll => while read(&site, scope.next().await) {},
                    BodyStep::Return(true) => return Ok(true),
                    BodyStep::Return(false) => return Err(false),
                }
            }
            unreachable!("a body returns")
        }
    };
}

bodies!(body, Threads);
bodies!(body_local, Local);

/// Whether there was anything to read.
fn read(site: &Site, done: Option<(usize, Result<Value, regatta::TaskError<String>>)>) -> bool {
    let text = match &done {
        Some((key, result)) => format!("read {key}: {}", how(result)),
        None => "read nothing".into(),
    };
    site.note(Who::Body, text);
    done.is_some()
}

pub(in super::super) fn scope(sim: &Sim, program: &Program) -> Outcome {
    let site = Site::new(sim, program);
    let ended = Cell::new(None);
    let over = |returned: Result<bool, bool>| {
        site.assert_clean();
        ended.set(Some((returned.unwrap_or_else(|returned| returned), tick(site.clock.now()))));
    };
    let limit = program.limit.expect("a scope has one");
    if program.kind == Kind::Scope {
        let here = site.clone();
        let run = regatta::scope(limit, |scope| {
            sim.spawn("outside", outside(here.clone(), scope.clone()));
            body(here, scope)
        });
        let run = configure!(run.expect("it is not zero"), sim, &site);
        over(sim.run(run).unwrap_or_else(|deadlock| panic!("{deadlock}")));
    } else {
        let here = site.clone();
        // Each is polled only when it is woken itself.
        let mut both = FuturesUnordered::<Pin<Box<dyn Future<Output = ()> + '_>>>::new();
        let run = regatta::scope_local(limit, |scope| {
            both.push(Box::pin(outside(here.clone(), scope.clone())));
            body_local(here, scope)
        });
        let run = configure!(run.expect("it is not zero"), sim, &site);
        both.push(Box::pin(async { over(run.await) }));
        sim.run(async { while both.next().await.is_some() {} })
            .unwrap_or_else(|deadlock| panic!("{deadlock}"));
    }
    let afterwards = sim.sleep(Duration::from_secs(60));
    sim.run(afterwards).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    let (returned, elapsed) = ended.get().expect("it has ended");
    Outcome {
        tasks: Vec::new(),
        completion: Completion::default(),
        stopped: format!("{:?}", Some(returned)),
        elapsed,
        notes: site.notes(),
    }
}
