//! `Hand`: a handle of a run, whichever it is.

use super::job::Job;
use super::site::Site;
use crate::runner::oracle::outcome::Who;
use crate::runner::oracle::program::{Act, Made, time};
use regatta::{AddError, Backoff, Handle, Local, Scope, Threads};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a task returns: its plan, and which attempt it was.
pub(super) type Value = (usize, u32);

/// How a program changes its run while it goes on.
pub(super) trait Hand: Clone + Unpin + Sized {
    fn add(&self, site: &Arc<Site>, plan: usize) -> Result<(), AddError>;
    fn cancel(&self, key: usize) -> bool;
    fn limit(&self, limit: Option<usize>);
    fn stop(&self);
    fn look(&self) -> String;
}

/// Does it, and notes what came of it.
pub(super) fn act<H: Hand>(site: &Arc<Site>, hand: &H, who: Who, act: Act) {
    let answer = match act {
        Act::Add(plan) => added(plan, hand.add(site, plan)),
        Act::Cancel(key) => format!("cancel {key}: {}", hand.cancel(key)),
        Act::Limit(limit) => {
            site.set_limit(limit);
            hand.limit(limit);
            format!("limit {limit:?}")
        }
        Act::Stop => {
            hand.stop();
            "stop".into()
        }
        Act::Token => {
            site.token.cancel();
            "token".into()
        }
        Act::Look => hand.look(),
    };
    site.note(who, answer);
}

pub(super) fn added(plan: usize, added: Result<(), AddError>) -> String {
    let how = match added {
        Ok(()) => "ok",
        Err(AddError::Duplicate { .. }) => "duplicate",
        Err(AddError::Closed) => "closed",
        Err(other) => panic!("{other}"),
    };
    format!("add {plan}: {how}")
}

/// What somebody outside does.
pub(super) async fn outside<H: Hand>(site: Arc<Site>, hand: H) {
    for (at, what) in site.program.outside.clone() {
        site.clock.sleep_until(super::instant(at)).await;
        act(&site, &hand, Who::Outside, what);
    }
    // Nothing of the run is kept alive by those who could change it.
    drop(hand);
    site.clock.sleep_until(site.clock.now() + time(1)).await;
}

/// A face of which there is no handle.
#[derive(Clone)]
pub(super) enum NoHand {}

impl Hand for NoHand {
    fn add(&self, _: &Arc<Site>, _: usize) -> Result<(), AddError> {
        match *self {}
    }

    fn cancel(&self, _: usize) -> bool {
        match *self {}
    }

    fn limit(&self, _: Option<usize>) {
        match *self {}
    }

    fn stop(&self) {
        match *self {}
    }

    fn look(&self) -> String {
        match *self {}
    }
}

/// Once for each mode: what is boxed for threads must be `Send`.
macro_rules! hands {
    ($($Mode:ident),+) => {$(
        impl Hand for Handle<'static, usize, Value, String, $Mode> {
            fn add(&self, site: &Arc<Site>, plan: usize) -> Result<(), AddError> {
                let (here, hand, does) = (site.clone(), Some(self.clone()), &site.program.plans[plan]);
                let key = does.key;
                match does.made {
                    Made::Future if does.is_sound() => {
                        let job = Job::new(&here, hand, plan, 1);
                        self.add_ok(key, async move { job.await.expect("it is sound") })
                    }
                    Made::Future => {
                        self.try_add(key, Job::new(&here, hand, plan, 1)).map_err(|(back, _, why)| {
                            assert_eq!(back, key, "the key comes back");
                            why
                        })
                    }
                    Made::Once => self.add_with(key, move |ctx| Job::with_ctx(&here, hand, plan, &ctx)),
                    Made::Retried { with_ctx: true, pause, times } => {
                        let retry = Backoff::constant(time(pause)).times(times);
                        self.add_retry_with(key, retry, move |ctx| Job::with_ctx(&here, hand, plan, &ctx))
                    }
                    Made::Retried { with_ctx: false, pause, times } => {
                        let retry = Backoff::constant(time(pause)).times(times);
                        let attempts = Arc::new(AtomicU32::new(0));
                        self.add_retry(key, retry, move || {
                            let number = attempts.fetch_add(1, Ordering::SeqCst) + 1;
                            Job::born(&here, hand, plan, number)
                        })
                    }
                }
            }

            fn cancel(&self, key: usize) -> bool {
                Handle::cancel(self, &key)
            }

            fn limit(&self, limit: Option<usize>) {
                match limit {
                    Some(limit) => self.set_limit(limit).expect("it is not zero"),
                    None => self.set_unlimited(),
                }
            }

            fn stop(&self) {
                Handle::stop(self);
            }

            fn look(&self) -> String {
                let now = self.progress();
                assert_eq!(now.total(), now.waiting + now.running + now.retrying + now.ended());
                format!("look: {} {} {} {} {}", now.waiting, now.running, now.retrying, now.ok, now.not_ok)
            }
        }

        impl Hand for Scope<'static, usize, Value, String, $Mode> {
            fn add(&self, site: &Arc<Site>, plan: usize) -> Result<(), AddError> {
                let key = site.program.plans[plan].key;
                // Both ways to give a task a handle of its own.
                if plan % 2 == 0 {
                    self.spawn(key, Job::new(site, Some(self.clone()), plan, 1))
                } else {
                    self.spawn_with(key, |hand| Job::new(site, Some(hand), plan, 1))
                }
            }

            fn cancel(&self, key: usize) -> bool {
                Scope::cancel(self, &key)
            }

            fn limit(&self, limit: Option<usize>) {
                match limit {
                    Some(limit) => self.set_limit(limit).expect("it is not zero"),
                    None => self.set_unlimited(),
                }
            }

            fn stop(&self) {
                Scope::stop(self);
            }

            fn look(&self) -> String {
                format!("look: {} {} {}", self.waiting(), self.running(), self.is_closed())
            }
        }
    )+};
}

hands!(Threads, Local);
