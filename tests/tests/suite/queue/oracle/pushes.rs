//! `Watched`: a push, or another way in, that is watched from its first poll to its end.

use super::met::Met;
use super::site::{Jobs, Site};
use regatta::queue::{JobId, Place, Push, PushError, Refusal, Reserve, Stats, Submit, Ticket};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A way in.
pub(super) trait Way: Future + Unpin {
    /// Whether it shares the result of another job with its key.
    const SHARES: bool = false;

    fn told(output: &Self::Output) -> Result<Option<JobId>, Refusal>;
}

impl Way for Push<'_, usize, usize, String> {
    fn told(output: &Result<JobId, PushError<usize>>) -> Result<Option<JobId>, Refusal> {
        output.as_ref().map(|id| Some(*id)).map_err(|error| error.why)
    }
}

impl Way for Submit<'_, usize, usize, String> {
    fn told(
        output: &Result<Ticket<usize, usize, String>, PushError<usize>>,
    ) -> Result<Option<JobId>, Refusal> {
        output.as_ref().map(|ticket| Some(ticket.id())).map_err(|error| error.why)
    }
}

impl Way for Reserve<usize, usize, String> {
    fn told(output: &Result<Place<usize, usize, String>, Refusal>) -> Result<Option<JobId>, Refusal> {
        output.as_ref().map(|_| None).map_err(|why| *why)
    }
}

/// A submission that may join another.
pub(super) struct Joining<'q>(pub(super) Submit<'q, usize, usize, String>);

impl Future for Joining<'_> {
    type Output = Result<Ticket<usize, usize, String>, PushError<usize>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Way for Joining<'_> {
    const SHARES: bool = true;

    fn told(output: &Self::Output) -> Result<Option<JobId>, Refusal> {
        Submit::told(output)
    }
}

pub(super) struct Watched<W> {
    site: Arc<Site>,
    plan: Option<usize>,
    turn: Arc<Turn>,
    was_polled: bool,
    way: W,
}

impl<W: Way> Watched<W> {
    pub(super) fn new(site: &Arc<Site>, plan: Option<usize>, way: W) -> Self {
        let turn = Turn { site: site.clone(), place: Mutex::new(At::Outside), waker: Mutex::new(None) };
        Self { site: site.clone(), plan, turn: Arc::new(turn), was_polled: false, way }
    }
}

impl<W: Way> Future for Watched<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let this = &mut *self;
        let (site, plan) = (this.site.clone(), this.plan);
        let (before, held) = (site.look(), site.places_held());
        let met = plan.map(|plan| Met::look(&site, plan));
        *this.turn.waker.lock().unwrap() = Some(cx.waker().clone());
        let turn = Waker::from(this.turn.clone());
        let polled = Pin::new(&mut this.way).poll(&mut Context::from_waker(&turn));
        let is_first = !std::mem::replace(&mut this.was_polled, true);
        let Poll::Ready(output) = polled else {
            if is_first {
                let is_so = is_full(&site, &before, held);
                site.demand(is_so, || format!("job {plan:?} waits before an open door: {before:?}"));
                this.turn.join(plan.map_or(0, |plan| site.program.plans[plan].priority));
            }
            return Poll::Pending;
        };
        let was_let_in = this.turn.leave();
        let told = W::told(&output);
        site.note(format!("job {plan:?} is pushed: {told:?}"));
        let verdict = match (plan, met, told) {
            (Some(plan), Some(met), told) => {
                let told = told.map(|id| id.expect("a job that came in has an id"));
                met.verdict(&site, plan, told, W::SHARES, false)
            }
            (_, _, Ok(_)) => {
                site.facts().held += 1;
                Some(Ok(()))
            }
            (_, _, Err(why)) => {
                let is_so = match why {
                    Refusal::Closed => site.queue().is_closed(),
                    Refusal::Stopped => site.may_have_stopped(),
                    _ => false,
                };
                site.demand(is_so, || format!("a place is refused: {why}"));
                None
            }
        };
        match verdict {
            None => {}
            Some(Ok(())) => {
                let is_so = was_let_in || is_first && !is_full(&site, &before, held);
                site.demand(is_so, || format!("job {plan:?} passes the door: {before:?}"));
            }
            Some(Err(why)) => site.demand(false, || format!("job {plan:?} waited and is told {why}")),
        }
        check_places(&site);
        Poll::Ready(output)
    }
}

impl<W> Drop for Watched<W> {
    fn drop(&mut self) {
        // Before the push itself goes, and hands its place on.
        self.turn.leave();
    }
}

fn is_full(site: &Site, before: &Stats, held: usize) -> bool {
    let waiting = before.pending + before.delayed + held;
    waiting >= site.facts().capacity || before.blocked > 0
}

/// A push that doesn't wait.
pub(super) fn try_push(site: &Arc<Site>, plan: usize) {
    let (before, held, met) = (site.look(), site.places_held(), Met::look(site, plan));
    let told =
        site.queue().try_push_with(plan, super::handler::options(site, plan)).map_err(|error| error.why);
    site.note(format!("job {plan} is pushed at once: {told:?}"));
    match met.verdict(site, plan, told, false, false) {
        None => {}
        Some(Ok(())) => {
            let is_so = !is_full(site, &before, held);
            site.demand(is_so, || format!("job {plan} passes the door: {before:?}"));
        }
        Some(Err(why)) => {
            let is_so = why == Refusal::Full && is_full(site, &before, held);
            site.demand(is_so, || format!("job {plan} is told {why}: {before:?}"));
        }
    }
    check_places(site);
}

/// A job for a place that was reserved.
pub(super) fn fill(site: &Arc<Site>, place: Place<usize, usize, String>, plan: Option<usize>) {
    site.facts().held -= 1;
    let Some(plan) = plan else {
        site.note("a place is given back".into());
        return drop(place);
    };
    let met = Met::look(site, plan);
    let told = place.push_with(plan, super::handler::options(site, plan)).map_err(|error| error.why);
    site.note(format!("job {plan} takes its place: {told:?}"));
    if let Some(Err(why)) = met.verdict(site, plan, told, false, false) {
        site.demand(false, || format!("job {plan} has a place and is told {why}"));
    }
    check_places(site);
}

/// Those from outside that wait for their first start are never more than there are places.
pub(super) fn check_places(site: &Site) {
    site.look();
    let ids = |queue: &Jobs| {
        let facts = site.facts();
        let waits = facts.jobs.iter().filter(|job| !job.is_grown && job.attempts.is_empty());
        let ids: Vec<_> = waits.filter_map(|job| job.id).collect();
        drop(facts);
        ids.into_iter().filter(|id| queue.state(*id).is_some()).count()
    };
    let taken = ids(&site.queue()) + site.places_held();
    let most = site.facts().capacity_max;
    site.demand(taken <= most, || format!("{taken} places are taken of {most}"));
}

/// Where a push stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Outside,
    Line(i32, u64),
    LetIn,
    /// Let in or sent away: the run stops.
    Called,
}

/// Hears when a push that waits is called, and so knows who was let in.
struct Turn {
    site: Arc<Site>,
    place: Mutex<At>,
    waker: Mutex<Option<Waker>>,
}

impl Turn {
    fn join(&self, priority: i32) {
        let mut facts = self.site.facts();
        let guest = (priority, facts.guests);
        facts.guests += 1;
        facts.line.push(guest);
        *self.place.lock().unwrap() = At::Line(guest.0, guest.1);
    }

    /// Whether it was let in.
    fn leave(&self) -> bool {
        let place = std::mem::replace(&mut *self.place.lock().unwrap(), At::Outside);
        let mut facts = self.site.facts();
        match place {
            At::Outside | At::Called => {}
            At::Line(priority, number) => facts.line.retain(|guest| *guest != (priority, number)),
            At::LetIn => facts.let_in -= 1,
        }
        matches!(place, At::LetIn | At::Called)
    }

    fn is_called(&self) {
        let place = *self.place.lock().unwrap();
        let At::Line(priority, number) = place else { return };
        let (queue, stats) = (self.site.queue(), self.site.look());
        let is_sent_away = queue.is_closed() || stats.blocked == 0 && self.site.is_stopping(&stats);
        let mut facts = self.site.facts();
        let first =
            facts.line.iter().copied().max_by_key(|(priority, number)| (*priority, u64::MAX - number));
        facts.line.retain(|guest| *guest != (priority, number));
        facts.let_in += usize::from(!is_sent_away);
        drop(facts);
        *self.place.lock().unwrap() = if is_sent_away { At::Called } else { At::LetIn };
        let is_so = is_sent_away || first == Some((priority, number));
        self.site.demand(is_so, || format!("{:?} is let in before {first:?}", (priority, number)));
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.is_called();
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
