//! A program, run for real in the simulator.

mod face;
mod job;
mod lag;
mod lazy;
mod runner;
mod scope;
mod site;

pub(super) use lazy::{for_each, for_each_of, map};
pub(super) use runner::runner;
pub(super) use scope::scope;
pub(super) use site::Site;

use super::program::{Stop, Tick, time};
use regatta::{CancelToken, StopOn, Time};
use regatta_tests::{ManualClock, Sim};
use std::time::Duration;

fn instant(ticks: Tick) -> Time {
    ManualClock::START + time(ticks)
}

fn ticks(span: Duration) -> Tick {
    u64::try_from(span.as_micros()).expect("small")
}

fn tick(at: Time) -> Tick {
    ticks(at.since(ManualClock::START))
}

fn rule(stop: Stop) -> StopOn {
    match stop {
        Stop::Never => StopOn::Never,
        Stop::FirstError => StopOn::FirstError,
        Stop::Failures(count) => StopOn::failures(count).expect("it is not zero"),
        Stop::FirstOk => StopOn::FirstOk,
    }
}

/// The token of a run, and a task that cancels it in time.
fn token(sim: &Sim, site: &Site) -> CancelToken {
    let token = site.token.clone();
    match site.program.cancel {
        None => {}
        Some(0) => token.cancel(),
        Some(at) => {
            let (sleep, token) = (sim.sleep(time(at)), token.clone());
            sim.spawn("canceller", async move {
                sleep.await;
                token.cancel();
            });
        }
    }
    token
}

/// Gives a driver what all drivers can be given.
macro_rules! configure {
    ($driver:expr, $sim:expr, $site:expr) => {{
        let site: &crate::runner::oracle::run::Site = $site;
        let program = &site.program;
        let mut driver = $driver
            .clock($sim.clock())
            .stop_on(super::rule(program.stop))
            .cancel_on(&super::token($sim, site))
            .grace(super::time(program.grace));
        if let Some(timeout) = program.timeout {
            driver = driver.timeout(super::time(timeout));
        }
        if let Some(deadline) = program.deadline {
            driver = driver.deadline(super::instant(deadline));
        }
        if let Some(timeout) = program.task_timeout {
            driver = driver.task_timeout(super::time(timeout));
        }
        driver
    }};
}

use configure;
