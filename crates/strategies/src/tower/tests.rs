use super::*;
use crate::world::{World, both};
use crate::{Concurrency, Spacing};
use ::tower::util::{BoxCloneService, BoxService};
use ::tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use regatta_core::{Readiness, Rejection, Time};
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tower_service::Service;

type Response = Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send>>;

/// Admits everything until it has heard of so many failures, like a breaker; and writes down what it hears.
#[derive(Clone)]
struct Trips {
    failures_max: usize,
    heard: Arc<Mutex<Vec<(u32, Outcome)>>>,
}

impl Trips {
    fn after(failures_max: usize) -> Self {
        Self { failures_max, heard: Arc::default() }
    }

    fn heard(&self) -> Vec<Outcome> {
        self.heard.lock().unwrap().iter().map(|(_, outcome)| *outcome).collect()
    }
}

impl Strategy for Trips {
    type Token = u32;

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        let failures = self.heard().into_iter().filter(|outcome| *outcome == Outcome::Failure).count();
        if failures < self.failures_max { Readiness::Ready } else { Rejection::Open.into() }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<u32, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(request.cost),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, cost: u32, _: Time, outcome: Outcome) {
        self.heard.lock().unwrap().push((cost, outcome));
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// 7 is a failure, 8 never answers, 9 panics; others come back at once.
async fn answer(body: u32) -> Result<u32, &'static str> {
    match body {
        7 => Err("seven"),
        8 => pending().await,
        9 => panic!("nine"),
        _ => Ok(body),
    }
}

#[test]
fn smoke() {
    let strategy = Trips::after(9);
    let mut service = LimitLayer::new(Limiter::new(strategy.clone())).layer(service_fn(answer));
    smol::block_on(async {
        assert_eq!(service.ready().await.unwrap().call(3).await, Ok(3));
        assert_eq!(service.call(7).await, Err(LimitError::Inner("seven")));
    });
    assert_eq!(strategy.heard(), [Outcome::Success, Outcome::Failure]);
}

/// A permit that was reserved in the readiness query was lost when the caller went away without a call.
#[test]
fn readiness_takes_nothing() {
    let limiter = Limiter::new(Concurrency::new(1).unwrap());
    let mut services: Vec<_> =
        (0..5).map(|_| LimitLayer::new(limiter.clone()).layer(service_fn(answer))).collect();
    for service in &mut services {
        for _ in 0..3 {
            assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        }
    }
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
    drop(services.split_off(1));
    let unpolled = services[0].call(1);
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
    assert_eq!(smol::block_on(services[0].call(2)), Ok(2));
    drop(unpolled);
}

#[test]
fn a_call_that_is_dropped_gives_everything_back_wherever_it_is() {
    let strategy = Trips::after(9);
    let limiter = Limiter::new((strategy.clone(), Concurrency::new(1).unwrap()));
    let mut service = LimitLayer::new(limiter.clone()).layer(service_fn(answer));
    let [mut called, mut granted, mut in_line] = [8; 3].map(|body| Box::pin(service.call(body)));
    for call in [&mut called, &mut granted, &mut in_line] {
        assert!(poll(call.as_mut()).is_pending());
    }
    assert_eq!((limiter.issued(), limiter.waiting()), (1, 2));
    drop(called);
    assert_eq!(strategy.heard(), [Outcome::Cancelled]);
    assert_eq!((limiter.issued(), limiter.waiting()), (1, 1), "the next one is granted");
    drop(granted);
    assert_eq!(strategy.heard()[1..], [Outcome::Unused], "and had not seen it");
    assert!(poll(in_line.as_mut()).is_pending());
    drop(in_line);
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
    assert_eq!(smol::block_on(service.call(1)), Ok(1));
}

/// Each clone has to be asked before it is called, and is ready only when somebody says so.
struct Shy {
    open: Arc<AtomicUsize>,
    was_ready: bool,
}

impl Clone for Shy {
    fn clone(&self) -> Self {
        Self { open: self.open.clone(), was_ready: false }
    }
}

impl Service<u32> for Shy {
    type Response = u32;
    type Error = &'static str;
    type Future = Response;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        match self.open.load(SeqCst) {
            0 => Poll::Pending,
            1 => {
                self.was_ready = true;
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Err("out of order")),
        }
    }

    fn call(&mut self, body: u32) -> Response {
        assert!(self.was_ready, "called before it was ready");
        Box::pin(ready(Ok(body)))
    }
}

#[test]
fn the_inner_service_is_driven_ready_before_it_is_called() {
    let strategy = Trips::after(9);
    let open = Arc::new(AtomicUsize::new(0));
    let shy = Shy { open: open.clone(), was_ready: false };
    let mut service = LimitLayer::new(Limiter::new(strategy.clone())).layer(shy);
    let mut call = Box::pin(service.call(5));
    assert!(poll(call.as_mut()).is_pending());
    open.store(1, SeqCst);
    assert_eq!(poll(call.as_mut()), Poll::Ready(Ok(5)));

    open.store(0, SeqCst);
    let mut dropped = Box::pin(service.call(5));
    assert!(poll(dropped.as_mut()).is_pending());
    drop(dropped);

    open.store(2, SeqCst);
    assert_eq!(smol::block_on(service.call(5)), Err(LimitError::Inner("out of order")));
    assert_eq!(strategy.heard(), [Outcome::Success, Outcome::Unused, Outcome::Failure]);
}

#[test]
fn a_breaker_sees_the_failures_and_then_refuses() {
    let strategy = Trips::after(2);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let inner = service_fn(move |body| {
        counted.fetch_add(1, SeqCst);
        answer(body)
    });
    let service = LimitLayer::new(Limiter::new(strategy)).layer(inner);
    for body in [1, 7, 2, 7] {
        let _ = smol::block_on(service.clone().oneshot(body));
    }
    let refused = smol::block_on(service.oneshot(1));
    assert_eq!(refused, Err(LimitError::Rejected(Rejection::Open)));
    assert_eq!(calls.load(SeqCst), 4, "a refused call is not made");
}

#[test]
fn calls_say_what_they_cost_and_results_how_they_count() {
    let strategy = Trips::after(9);
    let layer = LimitLayer::new(Limiter::new(strategy.clone()))
        .classify(|result: &Result<u32, &str>| match result {
            Ok(_) => Outcome::Neutral,
            Err(_) => Outcome::Overload,
        })
        .request(|body: &u32| Request::new().cost(body * 10));
    let mut service = layer.clone().layer(service_fn(answer));
    let _ = smol::block_on(service.call(3));
    let _ = smol::block_on(service.call(7));
    assert_eq!(*strategy.heard.lock().unwrap(), [(30, Outcome::Neutral), (70, Outcome::Overload)]);
}

#[test]
fn panics_inside_count_as_cancelled() {
    let strategy = Trips::after(9);
    let limiter = Limiter::new(strategy.clone());
    let mut while_polled = LimitLayer::new(limiter.clone()).layer(service_fn(answer));
    let call = while_polled.call(9);
    catch_unwind(AssertUnwindSafe(|| smol::block_on(call))).unwrap_err();
    let refuse = |_: u32| -> std::future::Ready<Result<u32, Infallible>> { panic!("in call") };
    let mut while_called = LimitLayer::new(limiter.clone()).layer(service_fn(refuse));
    let call = while_called.call(1);
    catch_unwind(AssertUnwindSafe(|| smol::block_on(call))).unwrap_err();
    assert_eq!(strategy.heard(), [Outcome::Cancelled; 2]);
    assert_eq!(limiter.issued(), 0);
}

#[test]
fn who_waits_too_long_is_refused() {
    let millis = Duration::from_millis;
    let world = World::default();
    let limiter = Limiter::with_clock(Spacing::new(millis(100)).unwrap(), world.clock());
    let layer = LimitLayer::new(limiter);
    let call = |wait_max: Option<u64>| {
        let layer = wait_max.map_or(layer.clone(), |longest| layer.clone().wait_max(millis(longest)));
        world.run(layer.layer(service_fn(answer)).oneshot(1))
    };
    assert_eq!(call(Some(0)), Ok(1), "it needn't wait");
    for wait_max in [0, 99] {
        assert_eq!(call(Some(wait_max)), Err(LimitError::Rejected(Rejection::TooLate)));
        assert_eq!(world.millis(), 0, "and that is known at once");
    }
    assert_eq!(call(Some(101)), Ok(1));
    assert_eq!(world.millis(), 100);
    assert_eq!(call(None), Ok(1));
    assert_eq!(world.millis(), 200);
}

#[test]
fn a_call_waits_in_line_only_until_its_time_is_up() {
    let world = World::default();
    let limiter = Limiter::with_clock(Concurrency::new(1).unwrap(), world.clock());
    let layer = LimitLayer::new(limiter.clone()).wait_max(Duration::from_millis(30));
    let mut service = layer.layer(service_fn(answer));
    let permit = limiter.try_acquire().unwrap();
    let other = async {
        world.sleep(Duration::from_millis(50)).await;
        permit.complete(Outcome::Success);
    };
    let (refused, ()) = world.run(both(
        async {
            let refused = service.call(1).await;
            (refused, world.millis())
        },
        other,
    ));
    assert_eq!(refused, (Err(LimitError::Rejected(Rejection::TooLate)), 30));
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
}

/// A stack as programs have them: boxed, cloned, with boxed errors.
async fn stack_keeps_its_limit() {
    let limiter = Limiter::new(Concurrency::new(3).unwrap());
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let inner = service_fn(move |body: u32| {
        let (running, most) = (running.clone(), most.clone());
        async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            for _ in 0..body % 5 {
                yield_now().await;
            }
            running.fetch_sub(1, SeqCst);
            if body.is_multiple_of(7) { Err(BoxError::from("seven")) } else { Ok(body) }
        }
    });
    let service: BoxCloneService<u32, u32, BoxError> = ServiceBuilder::new()
        .boxed_clone()
        .map_err(|error: LimitError<BoxError>| -> BoxError { error.into() })
        .layer(LimitLayer::new(limiter.clone()))
        .service(inner);
    let calls = (0..200).map(|body| service.clone().oneshot(body));
    let results = futures::future::join_all(calls).await;
    for (body, result) in (0..).zip(results) {
        match result {
            Ok(value) => assert_eq!(value, body),
            Err(error) => assert_eq!((body % 7, error.to_string().as_str()), (0, "seven")),
        }
    }
    assert_eq!(seen.load(SeqCst), 3, "as many as may, and no more");
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn a_stack_keeps_its_limit_on_every_executor() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(stack_keeps_its_limit());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async { tokio::spawn(stack_keeps_its_limit()).await.unwrap() });
    smol::block_on(smol::spawn(stack_keeps_its_limit()));
}

#[test]
fn it_is_spawned_call_by_call_and_boxed_without_clone() {
    let limiter = Limiter::new(Concurrency::new(2).unwrap());
    let service = LimitLayer::new(limiter).layer(service_fn(answer));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let sum = runtime.block_on(async {
        let calls: Vec<_> = (10..20).map(|body| tokio::spawn(service.clone().oneshot(body))).collect();
        let mut boxed = BoxService::new(service);
        let mut sum = boxed.ready().await.unwrap().call(5).await.unwrap();
        for call in calls {
            sum += call.await.unwrap().unwrap();
        }
        sum
    });
    assert_eq!(sum, 150);
}

#[test]
fn errors_say_who_failed() {
    let rejected: LimitError<BoxError> = LimitError::Rejected(Rejection::TooLate);
    assert_eq!(rejected.to_string(), "rejected: it could not be admitted before its deadline");
    let boxed: BoxError = LimitError::Inner(BoxError::from("seven")).into();
    assert_eq!(boxed.to_string(), "seven");
}

/// A service that is never ready.
#[derive(Clone)]
struct Busy;

impl Service<()> for Busy {
    type Response = ();
    type Error = &'static str;
    type Future = std::future::Ready<Result<(), &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("it is not ready")
    }
}

#[test]
fn a_call_that_was_dropped_before_it_was_made_used_up_the_rate() {
    let limiter = Limiter::new(crate::Gcra::new(1, Duration::from_secs(3600)).unwrap());
    let mut call = Box::pin(LimitLayer::new(limiter.clone()).layer(Busy).call(()));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(limiter.try_acquire().is_err(), "it holds the only permit of this hour");
    drop(call);
    assert!(limiter.try_acquire().is_ok());
}
