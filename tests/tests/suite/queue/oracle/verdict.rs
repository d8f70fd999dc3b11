//! What must be so once a run is over.

use super::program::{Place, Program, Script, Tick};
use super::site::{Ended, How, Job, Site};
use regatta::queue::{Finished, Results, StopReason};
use regatta::{NotStarted, TaskError};

/// Each job that was admitted has one end, which is that of its attempts.
pub(super) fn check(site: &Site, finished: Finished<usize>) {
    let Finished { stop, stats, leftover, .. } = finished;
    // On an executor, what was stopped may be gone a moment later than the run.
    let rest = site.queue().stats().unsettled();
    site.demand(stats.unsettled() == stats.stopping && rest == 0, || format!("jobs have no end: {stats:?}"));
    let program = &site.program;
    let ids: Vec<_> = leftover.iter().map(|left| left.id).collect();
    site.demand(ids.is_sorted(), || format!("{ids:?} are left over, not in order"));
    let admitted = site.facts().jobs.iter().filter(|job| job.id.is_some()).count();
    site.demand(admitted == stats.admitted, || format!("{admitted} came in: {stats:?}"));
    for left in &leftover {
        let mut facts = site.facts();
        let job = &mut facts.jobs[*left.job];
        job.left_over += 1;
        let is_so = job.id == Some(left.id) && job.attempts.is_empty();
        drop(facts);
        site.demand(is_so, || format!("job {} is left over", left.job));
    }
    let failures = stats.failed + stats.panicked + stats.timed_out + stats.rejected;
    let is_met = program.max_failures.is_some_and(|most| failures >= most);
    let asked = site.facts().is_stop_asked;
    let is_so = match stop {
        StopReason::Completed => leftover.is_empty(),
        StopReason::StopRule => is_met,
        StopReason::Idle => program.idle_timeout.is_some(),
        StopReason::Cancelled => asked,
        _ => false,
    };
    site.demand(is_so, || format!("it ends as {stop}: {stats:?}"));
    let jobs = std::mem::take(&mut site.facts().jobs);
    let cut_short = jobs
        .iter()
        .filter(|job| job.id.is_some() && !job.is_cancelled)
        .flat_map(|job| job.read.iter().chain(&job.told));
    let cut_short = cut_short.filter(|done| matches!(done.result, Err(TaskError::Cancelled))).count();
    let is_so = cut_short == 0 || !matches!(stop, StopReason::Completed);
    site.demand(is_so, || format!("{cut_short} jobs were stopped by a run that ends as {stop}"));
    for (plan, job) in jobs.iter().enumerate() {
        check_job(site, &jobs, plan, job);
    }
    let starts = jobs.iter().map(|job| job.attempts.len()).sum::<usize>();
    let first = jobs.iter().filter(|job| !job.attempts.is_empty()).count();
    site.demand(stats.retries == starts - first, || format!("{} retries: {stats:?}", starts - first));
    site.assert_right();
}

fn check_job(site: &Site, jobs: &[Job], plan: usize, job: &Job) {
    let Some(id) = job.id else {
        let is_so = job.read.is_empty() && job.attempts.is_empty() && job.left_over == 0;
        site.demand(is_so, || format!("job {plan} never came in, and has an end"));
        if let Some(joined) = job.joined {
            let is_so = job.told.len() <= 1 && job.told.iter().all(|done| done.id == joined);
            site.demand(is_so, || format!("job {plan} has joined {joined} and is told {:?}", job.told));
            let is_told = job.has_ticket && !job.is_ticket_dropped;
            site.demand(!is_told || job.told.len() == 1, || {
                format!("job {plan} is told nothing of {joined}")
            });
            let own = jobs.iter().find(|other| other.id == Some(joined)).and_then(|other| other.told.first());
            if let (Some(own), Some(told)) = (own, job.told.first()) {
                let is_so = (own.attempts, own.is_ok()) == (told.attempts, told.is_ok());
                site.demand(is_so, || format!("{joined} ended as {own:?} and as {told:?}"));
            }
        }
        return;
    };
    let mut expected = (usize::from(!job.has_ticket), usize::from(job.has_ticket && !job.is_ticket_dropped));
    expected.0 *= usize::from(job.left_over == 0);
    let is_discarded = site.facts().is_reader_gone || site.program.results == Results::Discard;
    let found = (job.read.len(), job.told.len());
    let is_so = found.1 == expected.1 && job.left_over <= 1;
    let is_so = is_so && (found.0 == expected.0 || is_discarded && found.0 == 0);
    site.demand(is_so, || format!("job {plan} was read {}, told {} times", found.0, found.1));
    for done in job.read.iter().chain(&job.told) {
        site.demand(done.id == id && *done.job == plan, || format!("job {plan} is {id}: {done:?}"));
        if let Some(wrong) = misfit(site, plan, job, done) {
            site.demand(false, || format!("job {plan}: {wrong}: {done:?} after {:?}", job.attempts));
        }
    }
}

/// What doesn't fit between a job's attempts and its end.
fn misfit(site: &Site, plan: usize, job: &Job, done: &Ended) -> Option<&'static str> {
    let program = &site.program;
    let at = super::site::tick;
    if done.attempts as usize != job.attempts.len() {
        return Some("not so many attempts");
    }
    if at(done.queued()) != job.admitted {
        return Some("admitted at another time");
    }
    if done.started().map(at) != job.attempts.first().map(|attempt| attempt.started) {
        return Some("started at another time");
    }
    let ended = job.attempts.last().and_then(|last| last.ended.as_ref()).map(|(at, _)| *at);
    let ends = at(done.ended());
    if ended.is_some_and(|ended| ends < ended) || ends < job.admitted {
        return Some("ended too early");
    }
    let failed = done.errors().iter().zip(&job.attempts);
    if !failed.into_iter().all(|(failed, attempt)| {
        let fits = attempt
            .ended
            .as_ref()
            .is_some_and(|(ended, how)| at(failed.ended) == *ended && is_that(&failed.error, how));
        fits && at(failed.started) == attempt.started
    }) {
        return Some("another error of an earlier attempt");
    }
    let kept = done.errors().len();
    let last = job.attempts.last().and_then(|attempt| Some(&attempt.ended.as_ref()?.1));
    // It waited for its next attempt when it was cancelled.
    let is_between = kept == job.attempts.len();
    let fits = match (&done.result, last) {
        (Ok(value), Some(How::Ok)) => *value == plan && !is_between,
        (Err(TaskError::Failed(error)), Some(How::Failed(told))) => error == told && !is_between,
        (Err(TaskError::Panicked(_)), Some(How::Panicked)) => !is_between,
        (Err(TaskError::TimedOut { .. }), Some(How::Dropped)) => program.is_timed() && !is_between,
        (Err(TaskError::Cancelled), Some(_)) if is_between => job.is_cancelled,
        (Err(TaskError::Cancelled), Some(how)) => {
            // On an executor the outcome is fixed before its worker is polled, which may come to its own.
            let is_so = *how == How::Dropped || program.place == Place::Spawned;
            is_so && (job.is_cancelled || program.may_stop())
        }
        (Err(TaskError::NotStarted(NotStarted::Cancelled)), None) if job.is_cancelled => true,
        (Err(TaskError::NotStarted(_)), None) => program.may_stop() && job.left_over == 1,
        _ => false,
    };
    if !fits {
        return Some("another end");
    }
    if !is_between && kept + 1 != job.attempts.len().max(1) {
        return Some("an error is missing");
    }
    is_cut_short(program, plan, job, done)
}

/// Whether somebody gave it up although there was more to try, and nobody was there to do that.
fn is_cut_short(program: &Program, plan: usize, job: &Job, done: &Ended) -> Option<&'static str> {
    let attempts = Tick::from(done.attempts);
    let wanted = match &program.plans[plan].script {
        Script::Fails(times) => times.saturating_add(1).min(program.retries + 1),
        Script::FailsAlways => program.retries + 1,
        _ => return None,
    };
    let is_free = !job.is_cancelled && !program.cancels(plan) && !program.may_stop() && !program.is_timed();
    (is_free && attempts != Tick::from(wanted)).then_some("not tried as often as it should be")
}

fn is_that(error: &TaskError<String>, how: &How) -> bool {
    match (error, how) {
        (TaskError::Failed(error), How::Failed(told)) => error == told,
        (TaskError::TimedOut { .. }, How::Dropped) | (TaskError::Panicked(_), How::Panicked) => true,
        _ => false,
    }
}
