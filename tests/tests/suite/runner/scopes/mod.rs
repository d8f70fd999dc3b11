//! `scope`: a body that spawns tasks while others run, and reads their results.

mod after;
mod any_poll;
mod cancels;
mod closing;
mod drops;
mod ends;
mod foreign;
mod keys;
mod kicks;
mod limits;
mod line;
mod line_drops;
mod local;
mod reading;
mod smoke;
mod snooze;
mod stops;
mod strategies;

use crate::runner::support::{Fault, how, millis};
use regatta::Scope;
use regatta_tests::World;
use std::fmt::{Debug, Display};

/// What most bodies return.
fn done<R>(value: R) -> Result<R, Fault> {
    Ok(value)
}

/// Lets the driver do what it was asked to.
async fn settle(world: &World) {
    world.sleep(millis(1)).await;
}

/// Reads until nothing more can come: each key, and how its task ended.
async fn read_all<K: Display, T: Debug>(scope: &Scope<'_, K, T, Fault>) -> Vec<String> {
    let mut read = Vec::new();
    while let Some((key, result)) = scope.next().await {
        read.push(format!("{key}: {}", how(&result)));
    }
    read
}
