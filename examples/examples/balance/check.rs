//! What must hold in each phase, with a line for each deviation.

use super::counts::{HANGING, Kill, LIMIT, Phase, SERVERS, VICTIM};
use std::fmt;

/// What a phase should show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expect {
    /// Exact shares by weight among all.
    AllByWeight,
    /// Exact shares by weight among those that are left, and nothing for the victim.
    RestByWeight,
    /// The victim dies, and nothing is lost but what was in flight there.
    TheKill,
    /// The victim comes back, and nothing is lost.
    TheReturn,
}

pub(crate) fn deviations(phase: &Phase, expect: Expect) -> Vec<String> {
    let mut deviations = both_sides(phase);
    let mut deviates = |text: fmt::Arguments<'_>| deviations.push(format!("{}: {text}", phase.name));
    match expect {
        Expect::AllByWeight | Expect::RestByWeight => {
            for ((name, _), (counts, share)) in
                SERVERS.iter().zip(phase.counts.iter().zip(shares(phase, expect)))
            {
                if counts.answered != share {
                    deviates(format_args!(
                        "{name} answered {} requests, its share is {share}",
                        counts.answered
                    ));
                }
            }
        }
        Expect::TheKill | Expect::TheReturn => {}
    }
    for ((name, _), counts) in SERVERS.iter().zip(&phase.counts) {
        let most = match (expect, phase.kill) {
            (Expect::TheKill, Kill::Done { in_flight }) if *name == VICTIM => in_flight,
            _ => 0,
        };
        if counts.lost > most {
            deviates(format_args!("{} were lost at {name}, and at most {most} could be", counts.lost));
        }
        if counts.unsent > 0 && (expect, *name) != (Expect::TheKill, VICTIM) {
            deviates(format_args!("{} could not be sent to {name}, which was there", counts.unsent));
        }
    }
    if expect == Expect::TheKill {
        match phase.kill {
            Kill::Done { in_flight } if (HANGING..=LIMIT as u64).contains(&in_flight) => {}
            other => deviates(format_args!("{VICTIM} was not killed as it should have been: {other:?}")),
        }
    }
    deviations
}

/// How much each server should get.
fn shares(phase: &Phase, expect: Expect) -> impl Iterator<Item = u64> {
    let weight = move |(name, weight): &(&str, u32)| match expect {
        Expect::RestByWeight if *name == VICTIM => 0,
        _ => u64::from(*weight),
    };
    let total: u64 = SERVERS.iter().map(weight).sum();
    let requests = phase.requests;
    SERVERS.iter().map(move |server| requests * weight(server) / total)
}

/// Where router, client and servers contradict each other.
fn both_sides(phase: &Phase) -> Vec<String> {
    let mut deviations = Vec::new();
    let mut deviates = |text: fmt::Arguments<'_>| deviations.push(format!("{}: {text}", phase.name));
    for ((name, _), counts) in SERVERS.iter().zip(&phase.counts) {
        if counts.started != counts.answered + counts.lost + counts.unsent {
            let (started, answered) = (counts.started, counts.answered);
            let (lost, unsent) = (counts.lost, counts.unsent);
            deviates(format_args!(
                "{started} went to {name}, {answered} came back, {lost} were lost and {unsent} not sent"
            ));
        }
        if counts.log.answers != counts.answered {
            let (sent, got) = (counts.log.answers, counts.answered);
            deviates(format_args!("{name} sent {sent} answers, and {got} arrived"));
        }
        if !(counts.log.answers..=counts.answered + counts.lost).contains(&counts.log.requests) {
            deviates(format_args!("{name} saw {} requests: {counts:?}", counts.log.requests));
        }
        if counts.in_flight > 0 {
            deviates(format_args!("{} are still in flight at {name}", counts.in_flight));
        }
    }
    let answered: u64 = phase.counts.iter().map(|counts| counts.answered).sum();
    let lost: u64 = phase.counts.iter().map(|counts| counts.lost).sum();
    if answered + lost != phase.requests {
        deviates(format_args!("{} requests had {answered} answers, and {lost} were lost", phase.requests));
    }
    deviations
}
