//! `Job`: an attempt of a plan as a future. Written by hand, since an async fn that spawns itself has no type.

use super::face::{Hand, Value, act};
use super::site::Site;
use crate::runner::oracle::outcome::Who;
use crate::runner::oracle::program::{End, Step, time};
use regatta::{Cancelled, Ctx, Sleep};
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(super) struct Job<H: Hand> {
    site: Arc<Site>,
    hand: Option<H>,
    plan: usize,
    number: u32,
    steps: Vec<Step>,
    at: usize,
    sleep: Option<Sleep>,
    has_yielded: bool,
    told: Option<Cancelled>,
    has_begun: bool,
    has_ended: bool,
}

impl<H: Hand> Job<H> {
    pub(super) fn new(site: &Arc<Site>, hand: Option<H>, plan: usize, number: u32) -> Self {
        site.made();
        let steps = site.program.plans[plan].attempt(number).steps();
        Self {
            site: site.clone(),
            hand,
            plan,
            number,
            steps,
            at: 0,
            sleep: None,
            has_yielded: false,
            told: None,
            has_begun: false,
            has_ended: false,
        }
    }

    /// The same from a factory, which may panic.
    pub(super) fn born(site: &Arc<Site>, hand: Option<H>, plan: usize, number: u32) -> Self {
        if site.program.plans[plan].attempt(number).stillborn {
            overboard();
        }
        Self::new(site, hand, plan, number)
    }

    pub(super) fn with_ctx(site: &Arc<Site>, hand: Option<H>, plan: usize, ctx: &Ctx) -> Self {
        let mut job = Self::born(site, hand, plan, ctx.attempt());
        let listens = site.program.plans[plan].attempt(ctx.attempt()).clean_up.is_some();
        job.told = listens.then(|| ctx.cancelled());
        job
    }

    fn note(&self, text: &str) {
        self.site.note(Who::Task(self.plan), text.into());
    }

    fn end(&mut self, end: End) -> Poll<Result<Value, String>> {
        if end != End::Hang {
            self.has_ended = true;
            self.note("ended");
        }
        match end {
            End::Ok => Poll::Ready(Ok((self.plan, self.number))),
            End::Err => Poll::Ready(Err(format!("attempt {}", self.number))),
            End::Panic => overboard(),
            End::Hang => Poll::Pending,
        }
    }
}

/// Panics without the message on the screen.
fn overboard() -> ! {
    resume_unwind(Box::new("overboard"))
}

impl<H: Hand> Future for Job<H> {
    type Output = Result<Value, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !std::mem::replace(&mut this.has_begun, true) {
            this.site.begun();
            this.note("started");
        }
        loop {
            let polled = match this.steps[this.at] {
                Step::Yield if !std::mem::replace(&mut this.has_yielded, true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Yield => Poll::Ready(()),
                Step::Sleep(pause) => {
                    let clock = &this.site.clock;
                    let sleep =
                        this.sleep.get_or_insert_with(|| clock.sleep_until(clock.now() + time(pause)));
                    Pin::new(sleep).poll(cx)
                }
                Step::Do(what) => {
                    let hand = this.hand.as_ref().expect("who acts has a handle");
                    act(&this.site, hand, Who::Task(this.plan), what);
                    Poll::Ready(())
                }
                Step::End(end) => match this.end(end) {
                    Poll::Pending => Poll::Pending,
                    ready @ Poll::Ready(_) => return ready,
                },
            };
            if polled.is_ready() {
                (this.at, this.sleep, this.has_yielded) = (this.at + 1, None, false);
                continue;
            }
            let Some(told) = &mut this.told else { return Poll::Pending };
            if Pin::new(told).poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.told = None;
            this.steps = this.site.program.plans[this.plan].attempt(this.number).last_steps();
            (this.at, this.sleep) = (0, None);
        }
    }
}

impl<H: Hand> Drop for Job<H> {
    fn drop(&mut self) {
        self.site.gone();
        if !self.has_begun {
            return;
        }
        self.site.ended();
        if !self.has_ended {
            self.note("dropped");
        }
        let panics = self.site.program.plans[self.plan].attempt(self.number).panics_in_drop;
        if panics && !std::thread::panicking() {
            overboard();
        }
    }
}
