//! The handler of every program: it does what the job's plan says, and sees who runs beside it.

use super::met::Met;
use super::program::{Place, Rule, Script, Tick};
use super::site::{Attempt, How, Job, Site};
use regatta::Class;
use regatta::queue::{Ctx, JobState, Options, Refusal, Results, Stats};
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Context = Ctx<usize, usize, String>;

pub(super) fn handle(
    site: Arc<Site>,
    job: Arc<usize>,
    ctx: Context,
) -> Pin<Box<dyn Future<Output = Result<usize, String>> + Send>> {
    let plan = *job;
    let mut alive = begun(&site, plan, &ctx);
    if site.program.plans[plan].script == Script::PanicsEarly {
        alive.how = How::Panicked;
        drop(alive);
        resume_unwind(Box::new("early"));
    }
    Box::pin(async move {
        let (script, time) = (site.program.plans[plan].script.clone(), site.program.plans[plan].time);
        if let Script::Pushes(children) = &script
            && ctx.attempt() == 1
            && time % 2 == 1
        {
            push_all(&site, &ctx, children);
        }
        if time > 0 {
            site.sleep(time).await;
        }
        site.look();
        let fails = |why: &str| Err(format!("{why} {}", ctx.attempt()));
        let result = match script {
            Script::Ok => Ok(plan),
            Script::Fails(times) if ctx.attempt() > times => Ok(plan),
            Script::Fails(_) | Script::FailsAlways => fails("not yet"),
            Script::Panics | Script::PanicsEarly => {
                alive.how = How::Panicked;
                drop(alive);
                resume_unwind(Box::new("late"));
            }
            Script::Hangs => std::future::pending().await,
            Script::Listens => {
                ctx.cancelled().await;
                fails("told")
            }
            Script::Pushes(children) => {
                if ctx.attempt() == 1 && time % 2 == 0 {
                    push_all(&site, &ctx, &children);
                }
                Ok(plan)
            }
        };
        alive.how = match &result {
            Ok(_) => How::Ok,
            Err(error) => How::Failed(error.clone()),
        };
        drop(alive);
        result
    })
}

pub(super) fn options(site: &Site, plan: usize) -> Options {
    let plan = &site.program.plans[plan];
    let mut options = Options::new().priority(plan.priority);
    if let Some(class) = plan.class {
        options = options.class(Class::from_u64(class));
    }
    if let Some((key, policy)) = plan.key {
        options = options.key(key).on_duplicate(policy);
    }
    if plan.delay > 0 {
        options = options.delay(Duration::from_millis(plan.delay));
    }
    options
}

/// A handler's own pushes never wait, and may exceed the capacity by as much as was said.
fn push_all(site: &Arc<Site>, ctx: &Context, children: &[usize]) {
    for &child in children {
        let before = site.look();
        let program = &site.program;
        let waiting = before.pending + before.delayed + site.places_held();
        let met = Met::look(site, child);
        let pushed = ctx.push_with(child, options(site, child)).map_err(|error| error.why);
        let after = site.look();
        site.note(format!("job {child} is pushed by a handler: {pushed:?}"));
        let excess = waiting.checked_sub(site.facts().capacity);
        if let Some(verdict) = met.verdict(site, child, pushed, false, true) {
            match verdict {
                Err(Refusal::Grown) => {
                    let is_so =
                        excess.is_some_and(|excess| program.growth.is_some_and(|most| excess >= most));
                    site.demand(is_so, || format!("job {child} could have come in: {before:?}"));
                }
                Ok(()) => {
                    let is_so = excess.is_none_or(|excess| program.growth.is_none_or(|most| excess < most));
                    site.demand(is_so, || format!("job {child} is one too many: {before:?}"));
                    let grown = before.grown + usize::from(excess.is_some());
                    site.demand(after.grown == grown, || format!("grown: {before:?} {after:?}"));
                }
                Err(why) => site.demand(false, || format!("job {child} is told {why}")),
            }
        }
    }
}

/// An attempt, as long as its future is there.
struct Alive {
    site: Arc<Site>,
    plan: usize,
    how: How,
}

impl Drop for Alive {
    fn drop(&mut self) {
        let now = self.site.now();
        self.site.note(format!("job {} ends: {:?}", self.plan, self.how));
        let mut facts = self.site.facts();
        facts.alive -= 1;
        if let Some(attempt) = facts.jobs[self.plan].attempts.last_mut() {
            attempt.ended = Some((now, std::mem::replace(&mut self.how, How::Dropped)));
        }
    }
}

fn begun(site: &Arc<Site>, plan: usize, ctx: &Context) -> Alive {
    let (now, stats) = (site.now(), site.look());
    site.note(format!("job {plan} starts, attempt {}", ctx.attempt()));
    let ids: Vec<_> =
        site.facts().jobs.iter().enumerate().filter_map(|(plan, job)| Some((plan, job.id?))).collect();
    let queue = site.queue();
    let waiting: Vec<usize> = ids
        .into_iter()
        .filter(|(_, id)| queue.state(*id) == Some(JobState::Pending))
        .map(|(plan, _)| plan)
        .collect();
    let state = queue.state(ctx.id());
    site.demand(state == Some(JobState::Running), || format!("job {plan} starts and is {state:?}"));
    let mut facts = site.facts();
    facts.alive += 1;
    let (running, most, is_paused) = (facts.alive, facts.workers, facts.is_paused);
    let job = &mut facts.jobs[plan];
    let (id, last, admitted) = (job.id, job.attempts.last().cloned(), job.admitted);
    job.attempts.push(Attempt { started: now, ended: None });
    let attempts = job.attempts.len();
    let class = site.program.plans[plan].class;
    facts.starts.push((now, class));
    let (of_class, unticketed) = beside(site, &facts.jobs, class);
    let (is_gone, job) = (facts.is_reader_gone, &facts.jobs[plan]);
    let passed = waiting.into_iter().find(|other| is_passed(site, job, plan, &facts.jobs[*other], *other));
    drop(facts);

    site.demand(id == Some(ctx.id()), || format!("job {plan} is {id:?}, not {}", ctx.id()));
    site.demand(running <= most, || format!("{running} run, and {most} may"));
    site.demand(!is_paused, || format!("job {plan} starts in a pause"));
    site.demand(attempts == ctx.attempt() as usize, || format!("job {plan}: {} attempts", ctx.attempt()));
    site.demand(attempts <= site.program.retries as usize + 1, || format!("job {plan} starts once more"));
    site.demand(passed.is_none(), || format!("job {plan} passes job {passed:?}"));
    if let (Some(limit), Some(_)) = (site.program.class_limit, class) {
        site.demand(of_class <= limit, || format!("{of_class} of a class run"));
    }
    if let (Results::Bounded(places), false) = (site.program.results, is_gone) {
        let needed = stats.unread + unticketed;
        let owes = unticketed > 0 && !site.facts().jobs[plan].has_ticket;
        site.demand(!owes || needed <= places, || format!("{needed} results need places: {stats:?}"));
    }
    if let Some(most) = site.program.max_failures {
        let failures = stats.failed + stats.panicked + stats.timed_out + stats.rejected;
        site.demand(failures < most, || format!("job {plan} starts after {failures} failures"));
    }
    let due = admitted + site.program.plans[plan].delay;
    let due = last.as_ref().map_or(due, |last| match &last.ended {
        Some((ended, _)) => ended + site.program.pause,
        None => Tick::MAX,
    });
    site.demand(now >= due, || format!("job {plan} starts before {due}"));
    let failure = last.map(|last| last.ended.map(|(_, how)| how));
    check_error(site, plan, ctx, failure.flatten());
    Alive { site: site.clone(), plan, how: How::Dropped }
}

fn check_error(site: &Site, plan: usize, ctx: &Context, before: Option<How>) {
    let told = ctx.last_error().map(ToString::to_string);
    let is_so = match (&before, &told) {
        (None, None) => true,
        (Some(How::Failed(error)), Some(told)) => told.contains(error.as_str()),
        (Some(How::Dropped), Some(told)) => told.contains("timed out") || told.contains("time"),
        _ => false,
    };
    site.demand(is_so, || format!("job {plan} had {before:?} and is told {told:?}"));
}

/// How many run of this class, and how many whose results will need a place.
fn beside(site: &Site, jobs: &[Job], class: Option<u64>) -> (usize, usize) {
    let alive = |job: &Job| job.attempts.last().is_some_and(|attempt| attempt.ended.is_none());
    let running = || jobs.iter().enumerate().filter(|(_, job)| alive(job));
    let of_class = running().filter(|(plan, _)| site.program.plans[*plan].class == class).count();
    // On an executor, the result of one that was cancelled may have been read before it is gone.
    let is_told = |job: &Job| job.is_cancelled && site.program.place == Place::Spawned;
    (of_class, running().filter(|(_, job)| !job.has_ticket && !is_told(job)).count())
}

/// Whether this one goes before another that should have been first.
fn is_passed(site: &Site, job: &Job, plan: usize, other: &Job, other_plan: usize) -> bool {
    let plans = &site.program.plans;
    let is_alike = site.program.class_limit.is_none() && !matches!(site.program.rule, Rule::Keyed(..));
    let is_alike = is_alike || plans[plan].class == plans[other_plan].class;
    if !is_alike || (job.has_ticket && !other.has_ticket) {
        // What holds the other one back may not concern this one.
        return false;
    }
    site.rank(other) < site.rank(job)
}

impl Site {
    /// Places that somebody has and has not used.
    pub(super) fn places_held(&self) -> usize {
        let facts = self.facts();
        facts.held + facts.let_in
    }

    /// Whether somebody has asked for it, or a rule may have.
    pub(super) fn may_have_stopped(&self) -> bool {
        let asked = self.facts().is_stop_asked;
        asked || self.program.max_failures.is_some() || self.program.idle_timeout.is_some()
    }

    /// Whether somebody has asked for it, or there were too many failures.
    pub(super) fn is_stopping(&self, stats: &Stats) -> bool {
        let failures = stats.failed + stats.panicked + stats.timed_out + stats.rejected;
        let since = self.facts().busy;
        let idle = self.program.idle_timeout;
        let is_idle = stats.unsettled() == 0 && idle.is_some_and(|idle| self.now() >= since + idle);
        is_idle
            || self.facts().is_stop_asked
            || self.program.max_failures.is_some_and(|most| failures >= most)
    }
}
