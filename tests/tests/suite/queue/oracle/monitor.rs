//! `monitor`: looks at a queue when everybody waits, and demands that nobody waits in vain.

use super::program::{Place, Rule};
use super::site::{Job, Site, instant};
use regatta::queue::{JobState, Results, Stats};
use std::sync::Arc;
use std::time::Duration;

/// Between two ticks nothing happens: whatever could go on has done so.
pub(super) async fn monitor(site: Arc<Site>) {
    site.clock.sleep_until(instant(0) + Duration::from_micros(500)).await;
    loop {
        if site.facts().is_over {
            return;
        }
        look(&site);
        // Later it is only waited for somebody to stop the run.
        let ticks = if site.now() > 2 * site.program.horizon { 100 } else { 1 };
        site.sleep(ticks).await;
    }
}

fn look(site: &Site) {
    let (queue, stats) = (site.queue(), site.look());
    let ids: Vec<_> = site.facts().jobs.iter().map(|job| job.id).collect();
    let states: Vec<_> = ids.into_iter().map(|id| queue.state(id?)).collect();
    let is_ending = site.is_stopping(&stats) || site.program.idle_timeout.is_some() && stats.unsettled() == 0;
    let facts = site.facts();
    let mut wrong = Vec::new();
    let mut demand = |is_so: bool, what: &str| {
        if !is_so {
            wrong.push(format!("{what}: {stats:?}"));
        }
    };
    demand(stats.running + stats.stopping == facts.alive, "not so many run");
    demand(stats.blocked == facts.line.len(), "not so many stand before the door");
    if !is_ending {
        demand(facts.let_in == 0, "somebody was let in and doesn't come");
        let waiting = stats.pending + stats.delayed + facts.held;
        demand(stats.blocked == 0 || waiting >= facts.capacity, "somebody waits before a free place");
    }
    demand(stats.unread == 0 || !facts.is_reading, "a reader waits beside results");
    for (plan, state) in states.iter().enumerate() {
        let job = &facts.jobs[plan];
        let due = match job.attempts.last() {
            None => job.admitted + site.program.plans[plan].delay,
            Some(last) => last.ended.as_ref().map_or(0, |(ended, _)| ended + site.program.pause),
        };
        let is_due = due <= site.now();
        demand(
            *state != Some(JobState::Delayed) || !is_due || is_ending,
            "a job is due and still waits for its time",
        );
        demand(*state != Some(JobState::Pending) || is_due, "a job is not due and doesn't wait for its time");
        let is_free =
            *state == Some(JobState::Pending) && !is_ending && may_start(site, &facts, &stats, plan);
        if is_free {
            demand(false, &format!("job {plan} waits for nothing"));
        }
    }
    drop(facts);
    for what in wrong {
        site.demand(false, || what);
    }
}

/// Whether nothing holds this job back.
fn may_start(site: &Site, facts: &super::site::Facts, stats: &Stats, plan: usize) -> bool {
    let program = &site.program;
    let class = program.plans[plan].class;
    let is_alive = |job: &Job| job.attempts.last().is_some_and(|attempt| attempt.ended.is_none());
    let alive = || facts.jobs.iter().enumerate().filter(|(_, job)| is_alive(job));
    let of_class = alive().filter(|(plan, _)| program.plans[*plan].class == class).count();
    let owed = alive().filter(|(_, job)| !job.has_ticket).count();
    let has_slot = match (program.class_limit, class) {
        (Some(limit), Some(_)) => of_class < limit,
        _ => true,
    };
    let has_room = match program.results {
        Results::Bounded(places) => {
            facts.jobs[plan].has_ticket || facts.is_reader_gone || stats.unread + owed < places
        }
        _ => true,
    };
    let is_admitted = match program.rule {
        Rule::None => true,
        Rule::Concurrency(most) => facts.alive < most,
        Rule::Gate => site.gate.is_open(),
        Rule::Rate(count, span) => recent(site, facts, span, |_| true) < count as usize,
        // Workers on an executor stand in one line for the strategy, also behind those of another class.
        Rule::Keyed(..) if program.place == Place::Spawned => false,
        Rule::Keyed(count, span) => recent(site, facts, span, |other| other == class) < count as usize,
    };
    facts.alive < facts.workers && !facts.is_paused && has_slot && has_room && is_admitted
}

/// How many starts count at this time.
fn recent(site: &Site, facts: &super::site::Facts, span: u64, counts: impl Fn(Option<u64>) -> bool) -> usize {
    facts.starts.iter().filter(|(at, class)| at + span > site.now() && counts(*class)).count()
}
