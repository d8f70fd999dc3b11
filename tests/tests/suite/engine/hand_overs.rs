//! Where one side hands over to another: a task that goes, what it held, its driver; a driver and its body; a poll and
//! the start after it; a composed strategy whose last member refuses.

use super::batch::Batch;
use super::driving::Hand;
use super::inbox::Inbox;
use super::strategies::{Concurrency, Spacing, Tok};
use super::toy::{Act, Last, Ledger, Plan};
use super::{at_most, ms};
use regatta_core::{BoxFuture, Limiter, Outcome, Readiness, Request, Strategy, Time};
use regatta_engine::{Admission, End, Engine, Job, Next, OnExecutor, Retrying, Source};
use regatta_tests::{ManualClock, World, on_every_executor};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Never ready; looks around when it is dropped.
struct LastLook<L: FnMut()>(L);

impl<L: FnMut() + Unpin> Future for LastLook<L> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl<L: FnMut()> Drop for LastLook<L> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A source of one task.
struct One<F>(Option<F>);

impl<F: Future<Output = ()>> Source for One<F> {
    type Task = F;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, F> {
        let Some(task) = self.0.take() else { return Next::Done };
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("there is room for one") };
        Next::Start(Job::new(0, task), admitted)
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
        Outcome::Cancelled
    }
}

/// An executor's tasks, to be polled and dropped by hand.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Kept {
    fn push(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[test]
fn what_a_spawned_task_held_is_free_only_after_the_task_is_gone() {
    let clock = ManualClock::new();
    let (kept, seen) = (Kept::default(), Arc::new(AtomicUsize::new(usize::MAX)));
    let limiter = Limiter::with_clock(Concurrency::new(1), clock.shared());
    let task = LastLook({
        let (limiter, seen) = (limiter.clone(), seen.clone());
        move || seen.store(limiter.issued(), Ordering::SeqCst)
    });
    let source = OnExecutor::new(One(Some(task)), {
        let kept = kept.clone();
        move |task| kept.push(task)
    });
    let mut engine = Engine::new(source, limiter.clone()).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    drop(engine);
    assert_eq!(limiter.issued(), 1, "the task is still there");
    drop(kept.take());
    assert_eq!((seen.load(Ordering::SeqCst), limiter.issued()), (1, 0));
}

#[test]
fn a_driver_hears_of_the_end_of_a_spawned_task_only_after_the_task_is_gone() {
    let clock = ManualClock::new();
    let (kept, hand) = (Kept::default(), Arc::new(Hand::new()));
    let early = Arc::new(AtomicUsize::new(0));
    let task = LastLook({
        let (hand, early) = (hand.clone(), early.clone());
        move || {
            early.fetch_add(1 + usize::from(hand.woken()), Ordering::SeqCst);
        }
    });
    let source = OnExecutor::new(One(Some(task)), {
        let kept = kept.clone();
        move |task| kept.push(task)
    });
    let mut engine = Engine::new(source, ()).clock(clock.shared());
    assert!(hand.settle(&mut engine).is_pending());
    drop(kept.take());
    assert_eq!(early.load(Ordering::SeqCst), 1, "dropped once, and the driver was not woken yet");
    assert!(hand.woken());
    assert!(hand.settle(&mut engine).is_ready());
}

#[test]
fn a_task_that_its_executor_keeps_and_refuses_never_runs() {
    let clock = ManualClock::new();
    let (ledger, kept) = (Ledger::new(&clock), Kept::default());
    let source = OnExecutor::new(Batch::new(&ledger, [Plan::ready(), Plan::hang()]), {
        let kept = kept.clone();
        move |task| {
            kept.push(task);
            resume_unwind(Box::new("kept, and refused"));
        }
    });
    let mut engine = Engine::new(source, ()).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(ledger.ends().len(), 2);
    for mut task in kept.take() {
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    assert_eq!(ledger.polls(), 0);
    ledger.assert_all_dropped();
}

/// Says that it is ready, and then somebody else was faster: as a shared strategy does.
struct TooSlow;

impl Strategy for TooSlow {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Err(Readiness::OnChange)
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn all_or_nothing_is_taken_of_a_composed_strategy() {
    fn refused<S: Strategy>(mut strategy: S) {
        assert_eq!(strategy.start(Time::ZERO, &Request::new()).err(), Some(Readiness::OnChange));
    }
    let members = [(); 4].map(|()| Concurrency::new(1));
    let heard = members.each_ref().map(|member| member.heard.clone());
    let [a, b, c, d] = members;
    refused((a, TooSlow));
    refused((TooSlow, b));
    refused((c, d, TooSlow));
    assert_eq!(heard.each_ref().map(|heard| heard.in_flight()), [0; 4]);
    let members = [(); 2].map(|()| Concurrency::new(1));
    let heard = members.each_ref().map(|member| member.heard.clone());
    let [a, b] = members.map(|member| Box::new(member) as Box<dyn Strategy<Token = Tok>>);
    refused(vec![a, b, Box::new(TooSlowToo)]);
    assert_eq!(heard.each_ref().map(|heard| heard.in_flight()), [0; 2]);
}

/// The same with the tokens of others, for a list.
struct TooSlowToo;

impl Strategy for TooSlowToo {
    type Token = Tok;

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<Self::Token, Readiness> {
        Err(Readiness::OnChange)
    }

    fn finish(&mut self, _: Self::Token, _: Time, _: Outcome) {}
}

#[test]
fn delayed_work_of_one_time_comes_out_first_in_first_out() {
    let (mut delayed, due) = (Retrying::new(), Time::from_nanos(5));
    for n in 0..20 {
        delayed.push(due, n);
    }
    let out: Vec<_> = std::iter::from_fn(|| delayed.pop_due(due)).collect();
    assert_eq!(out, (0..20).collect::<Vec<_>>());
}

/// A start that is recorded too early lets the next one come too early.
#[test]
fn the_gap_between_starts_is_kept_after_a_woken_task_that_took_time() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    ledger.limit(at_most(1));
    let slow = Plan::of([Act::Sleep(ms(10)), Act::Compute(ms(10))], Last::Ok);
    let batch = Batch::new(&ledger, [slow, Plan::ready(), Plan::ready()]);
    let engine = Engine::new(batch, Spacing::new(ms(4))).limit(at_most(1));
    let (mut engine, hand, start) = (engine.clock(clock.shared()), Hand::new(), clock.now());
    while hand.settle(&mut engine).is_pending() {
        clock.advance_to_next();
    }
    let born: Vec<_> = ledger.born().into_iter().map(|(_, at)| at.since(start)).collect();
    assert_eq!(born, [ms(0), ms(20), ms(24)]);
}

on_every_executor! {
    async fn a_body_that_yields_again_and_again_gets_on(world: World) {
        let (inbox, mail) = Inbox::new(&Ledger::new(&world.clock));
        let body = async {
            for _ in 0..5 {
                world.yield_now().await;
            }
            mail.close();
        };
        Engine::new(inbox, ()).clock(world.clock()).run_with(body).await;
    }
}
