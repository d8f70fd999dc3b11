//! Who comes in: capacity, the door, keys that are taken.

use super::{Joined, Ledger, NoteKind, Phase, Replies, RunState};
use crate::done::About;
use crate::errand::Errand;
use crate::options::Start;
use crate::{JobId, JobState, Key, OnDuplicate, Options, Refusal};
use regatta_core::{NotStarted, Request, TaskError, Time};
use std::sync::Arc;

/// Who pushes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// Anybody: there must be a place.
    Outside,
    /// Somebody who has reserved a place.
    Reserved,
    /// A handler, which may not wait and so may exceed the capacity.
    Handler,
    /// It comes too late, and is to be handed back with the others that never ran.
    Late,
}

/// A job at the door.
pub(crate) struct Admission<J, R, E> {
    /// Until it is admitted.
    job: Option<Arc<J>>,
    pub(crate) options: Options,
    /// Who waits for its result.
    pub(crate) replies: Option<Box<Replies<J, R, E>>>,
}

impl<J, R, E> Admission<J, R, E> {
    #[inline]
    pub(crate) fn new(job: J, options: Options) -> Self {
        Self { job: Some(Arc::new(job)), options, replies: None }
    }

    /// The job, after a refusal.
    pub(crate) fn take_job(&mut self) -> J {
        self.job.take().and_then(Arc::into_inner).expect("a job that was refused is nobody else's")
    }
}

impl<J, R, E> Ledger<J, R, E> {
    /// How many hold a place.
    #[inline]
    fn waiting(&self) -> usize {
        self.stats.pending + self.stats.delayed + self.reserved + self.claimed
    }

    /// Takes a job in, or says why not and leaves it where it is. `None` for the job's new home means that another
    /// one with its key stands for it.
    #[inline]
    pub(crate) fn admit(
        &mut self,
        now: Time,
        origin: Origin,
        asked: &mut Admission<J, R, E>,
    ) -> Result<JobId, Refusal> {
        self.check_open(origin)?;
        if asked.options.rare.is_some() {
            return self.admit_named(now, origin, asked);
        }
        self.check_place(origin)?;
        Ok(self.insert(now, origin, asked, None))
    }

    /// The same for a job that may have a key.
    #[inline(never)]
    fn admit_named(
        &mut self,
        now: Time,
        origin: Origin,
        asked: &mut Admission<J, R, E>,
    ) -> Result<JobId, Refusal> {
        let (key, policy) = asked.options.take_key();
        let replaced = match key.as_ref().and_then(|key| self.names.get(key)) {
            Some(&slot) => match self.meet(slot, policy, asked) {
                Meeting::Refused(id) => {
                    asked.options.rare.get_or_insert_default().key = key;
                    return Err(Refusal::Duplicate(id));
                }
                Meeting::Joined(id) => {
                    self.give_back(origin);
                    return Ok(id);
                }
                Meeting::Replaces => Some(slot),
                Meeting::Beside => None,
            },
            None => None,
        };
        if replaced.is_none()
            && let Err(refusal) = self.check_place(origin)
        {
            if key.is_some() {
                asked.options.rare.get_or_insert_default().key = key;
            }
            return Err(refusal);
        }
        if let Some(slot) = replaced {
            // The place of the one that goes is for the one that comes, not for those at the door.
            self.reserved += 1;
            self.settle(slot, now, Err(TaskError::NotStarted(NotStarted::Cancelled)));
            self.reserved -= 1;
        }
        let id = self.insert(now, origin, asked, key);
        if replaced.is_some() {
            // It may have had one already.
            self.serve_door();
        }
        Ok(id)
    }

    #[inline]
    pub(crate) fn check_open(&self, origin: Origin) -> Result<(), Refusal> {
        match origin {
            Origin::Handler
                if self.state == RunState::Running && self.course.is_open() && !self.is_through() =>
            {
                Ok(())
            }
            Origin::Handler => Err(Refusal::Stopped),
            Origin::Late => Ok(()),
            Origin::Outside | Origin::Reserved if self.closed => Err(Refusal::Closed),
            Origin::Outside | Origin::Reserved if self.state == RunState::Over || !self.course.is_open() => {
                Err(Refusal::Stopped)
            }
            Origin::Outside | Origin::Reserved => Ok(()),
        }
    }

    #[inline]
    fn check_place(&mut self, origin: Origin) -> Result<(), Refusal> {
        let is_full = self.waiting() >= self.rules.capacity;
        match origin {
            Origin::Reserved | Origin::Late => Ok(()),
            Origin::Outside if is_full || !self.door.is_empty() => Err(self.full()),
            Origin::Outside => Ok(()),
            Origin::Handler if !is_full => Ok(()),
            Origin::Handler => self.grow(),
        }
    }

    /// A handler pushes into a full queue. Its own job has given its place away, although that may not be booked yet.
    fn grow(&mut self) -> Result<(), Refusal> {
        let waiting = self.waiting() - self.claimed;
        if waiting >= self.rules.capacity {
            if waiting - self.rules.capacity >= self.rules.growth {
                return Err(Refusal::Grown);
            }
            self.stats.grown += 1;
        }
        Ok(())
    }

    /// Why there is no place, to somebody who could wait for one.
    pub(crate) fn full(&self) -> Refusal {
        if self.state == RunState::Running { Refusal::Full } else { Refusal::NotRunning }
    }

    /// Takes a place for somebody who will push.
    pub(crate) fn reserve(&mut self) -> Result<(), Refusal> {
        self.check_open(Origin::Outside)?;
        self.check_place(Origin::Outside)?;
        self.reserved += 1;
        Ok(())
    }

    /// A reserved place is not used.
    pub(crate) fn give_back(&mut self, origin: Origin) {
        if origin == Origin::Reserved {
            self.reserved -= 1;
            self.serve_door();
        }
    }

    /// Hands free places to those who wait for one.
    #[inline]
    pub(crate) fn serve_door(&mut self) {
        while !self.door.is_empty() && self.waiting() < self.rules.capacity {
            self.reserved += 1;
            self.errands.extend(self.door.let_in().map(Errand::Wake));
        }
    }

    /// Nobody will be let in any more.
    pub(crate) fn empty_door(&mut self) {
        self.errands.extend(self.door.clear().map(Errand::Wake));
    }

    fn meet(&mut self, slot: usize, policy: OnDuplicate, asked: &mut Admission<J, R, E>) -> Meeting {
        let entry = &mut self.entries[slot];
        let id = entry.id(slot);
        if let Some(replies) = &mut asked.replies
            && let Some(copy) = replies.join
            && let Some(sender) = replies.first.take()
        {
            entry.rare().replies.get_or_insert_default().joined.push(Joined { sender, copy });
            return Meeting::Joined(id);
        }
        match policy {
            // A ticket can't share a result that it doesn't know how to copy.
            OnDuplicate::Join if asked.replies.is_none() => Meeting::Joined(id),
            OnDuplicate::Reject | OnDuplicate::Join => Meeting::Refused(id),
            OnDuplicate::Replace if entry.attempts == 0 => Meeting::Replaces,
            OnDuplicate::Replace => Meeting::Beside,
        }
    }

    #[inline]
    fn insert(
        &mut self,
        now: Time,
        origin: Origin,
        asked: &mut Admission<J, R, E>,
        key: Option<Key>,
    ) -> JobId {
        let seq = self.seq;
        let slot = self.entries.next();
        let request = asked.options.request;
        let due = match asked.options.rare.as_ref().map(|rare| rare.start) {
            None | Some(Start::Now) => now,
            Some(Start::After(delay)) => now + delay,
            Some(Start::At(time)) => time,
        };
        let phase = if due > now { Phase::Delayed } else { Phase::Pending };
        // The order may be anybody's code: if it panics, nothing has changed.
        if phase == Phase::Delayed {
            self.waits.push(slot, due, Time::MAX);
        } else {
            self.line.enqueue(now, seq, slot, &request);
        }
        let job = asked.job.take().expect("a future is not polled after it has ended");
        let replies = asked.replies.take();
        if origin == Origin::Reserved {
            self.reserved -= 1;
        }
        if request.class.is_some() {
            (self.has_classes, self.has_shelves) = (true, true);
        }
        let metadata = asked.options.rare.as_mut().and_then(|rare| rare.metadata.take());
        let about = (key.is_some() || metadata.is_some())
            .then(|| Box::new(About { key: key.clone(), metadata, errors: Vec::new() }));
        let entry = self.entries.occupy();
        entry.job = Some(job);
        entry.seq = seq;
        entry.request = request;
        entry.phase = phase;
        entry.attempts = 0;
        (entry.queued, entry.first, entry.started) = (now, now, now);
        entry.owes = replies.is_none();
        if about.is_some() {
            entry.about = about;
        }
        if replies.is_some() {
            entry.rare().replies = replies;
        }
        self.seq += 1;
        self.stats.admitted += 1;
        *self.count(phase) += 1;
        if let Some(key) = key {
            self.names.insert(key, slot);
        }
        self.idle_since = None;
        if self.heard {
            self.note(slot, now, NoteKind::Queued);
        }
        self.call_one();
        JobId::new(seq, slot)
    }

    /// The job with this id, if it has no end yet.
    pub(crate) fn slot(&self, id: JobId) -> Option<usize> {
        let slot = id.slot as usize;
        self.entries.get(slot).filter(|entry| entry.seq == id.seq).map(|_| slot)
    }

    pub(crate) fn find(&self, key: &Key) -> Option<JobId> {
        self.names.get(key).map(|slot| self.entries[*slot].id(*slot))
    }

    pub(crate) fn state_of(&self, id: JobId) -> Option<JobState> {
        self.slot(id).map(|slot| self.entries[slot].state())
    }

    /// A job is more urgent from now on. Whether it still waits for its end.
    pub(crate) fn raise(&mut self, id: JobId, priority: i32) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let entry = &mut self.entries[slot];
        if entry.request.priority < priority {
            entry.request = entry.request.priority(priority);
            let (request, queued, seq): (Request, _, _) = (entry.request, entry.queued, entry.seq);
            self.line.raise(slot, queued, seq, &request);
        }
        true
    }
}

/// What becomes of a job whose key is taken.
enum Meeting {
    Refused(JobId),
    Joined(JobId),
    /// It comes in for the other one.
    Replaces,
    /// It comes in beside the other one.
    Beside,
}
