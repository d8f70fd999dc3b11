//! `Met`: what a push finds under its key, and what it may be told because of that.

use super::site::Site;
use regatta::queue::{JobId, OnDuplicate, Refusal};

/// The job that had the key just before the push, and whether that was started.
pub(super) struct Met {
    policy: OnDuplicate,
    old: Option<(JobId, bool)>,
    admitted: usize,
}

impl Met {
    pub(super) fn look(site: &Site, plan: usize) -> Self {
        let queue = site.queue();
        let (policy, id) = match site.program.plans[plan].key {
            Some((key, policy)) => (policy, queue.find(key)),
            None => (OnDuplicate::Reject, None),
        };
        let facts = site.facts();
        let old = id.map(|id| {
            let plan = facts.plan(id);
            (id, plan.is_some_and(|plan| !facts.jobs[plan].attempts.is_empty()))
        });
        drop(facts);
        Self { policy, old, admitted: queue.stats().admitted }
    }

    /// Judges all that has to do with keys and with the end of the queue. What remains has to do with places: `Ok` for a
    /// newcomer, or why there is none.
    pub(super) fn verdict(
        self,
        site: &Site,
        plan: usize,
        told: Result<JobId, Refusal>,
        shares: bool,
        is_handler: bool,
    ) -> Option<Result<(), Refusal>> {
        let queue = site.queue();
        let has_ticket = site.facts().jobs[plan].has_ticket;
        match (told, self.old) {
            (Err(Refusal::Closed), _) => {
                site.demand(!is_handler && queue.is_closed(), || format!("job {plan}: it is not closed"));
            }
            (Err(Refusal::Stopped), _) => {
                site.demand(site.may_have_stopped(), || format!("job {plan}: it has not stopped"));
            }
            (Err(Refusal::Duplicate(id)), old) => {
                let refuses =
                    self.policy == OnDuplicate::Reject || self.policy == OnDuplicate::Join && has_ticket;
                let is_so = refuses && !shares && old.is_some_and(|(old, _)| old == id);
                site.demand(is_so, || format!("job {plan} meets {old:?} and is told {id}"));
            }
            (Ok(id), Some((old, _))) if shares || self.policy == OnDuplicate::Join => {
                site.demand(id == old, || format!("job {plan} joins {old} and is told {id}"));
                site.demand(shares || !has_ticket, || format!("job {plan} has a ticket for {old}"));
                site.facts().jobs[plan].joined = Some(id);
            }
            (Ok(id), Some((old, was_started))) => {
                let is_so = self.policy == OnDuplicate::Replace;
                site.demand(is_so, || format!("job {plan} has the key of {old}"));
                self.comes_in(site, plan, id, is_handler);
                if was_started {
                    return Some(Ok(()));
                }
                site.demand(queue.state(old).is_none(), || format!("job {plan} has replaced {old}"));
                let mut facts = site.facts();
                let plan_of_old = facts.plan(old);
                // It has the place of the other one.
                let is_grown = plan_of_old.is_some_and(|old| facts.jobs[old].is_grown);
                facts.jobs[plan].is_grown |= is_grown;
                if let Some(old) = plan_of_old {
                    facts.jobs[old].is_cancelled = true;
                }
            }
            (Ok(id), None) => {
                self.comes_in(site, plan, id, is_handler);
                return Some(Ok(()));
            }
            (Err(why), _) => return Some(Err(why)),
        }
        None
    }

    fn comes_in(&self, site: &Site, plan: usize, id: JobId, is_handler: bool) {
        let now = site.now();
        let mut facts = site.facts();
        let job = &mut facts.jobs[plan];
        let is_twice = job.id.is_some();
        (job.id, job.admitted, job.is_grown) = (Some(id), now, is_handler);
        drop(facts);
        site.demand(!is_twice, || format!("job {plan} comes in twice"));
        let number = usize::try_from(id.number()).expect("few");
        site.demand(number == self.admitted, || format!("job {plan} is {id} after {}", self.admitted));
    }
}
