//! For tests: a clock that stands still until it is moved, tasks that wait for a permit, kicks that write a list.

use regatta_core::{Clock, Kick, Limiter, Permit, Rejection, Sleep, Strategy, Time};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Who was woken, in order.
pub(crate) type Woken = Arc<Mutex<Vec<usize>>>;

struct Writer(usize, Woken);

impl Wake for Writer {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// A waker that writes `number` into the list.
pub(crate) fn waker(number: usize, woken: &Woken) -> Waker {
    Waker::from(Arc::new(Writer(number, woken.clone())))
}

/// A kick that writes `number` into the list.
pub(crate) fn kick(number: usize, woken: &Woken) -> Kick {
    Kick::new(waker(number, woken))
}

/// What the list holds, which is empty afterwards.
pub(crate) fn taken(woken: &Woken) -> Vec<usize> {
    std::mem::take(&mut *woken.lock().unwrap())
}

/// A clock that a test moves. Whoever sleeps on it is not woken: the test polls.
#[derive(Clone, Default)]
pub(crate) struct Manual(Arc<AtomicU64>);

impl Manual {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        Sleep::new(Reached(self.clone(), time))
    }
}

struct Reached(Manual, Time);

impl Future for Reached {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.now() >= self.1 { Poll::Ready(()) } else { Poll::Pending }
    }
}

type Answer = Result<Permit, Rejection>;

/// Tasks in line for permits of one limiter, the first one first.
pub(crate) struct Line {
    tasks: Vec<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    pub(crate) woken: Woken,
}

impl Line {
    /// `count` tasks that have asked and wait.
    pub(crate) fn of<S>(limiter: &Limiter<S>, count: usize) -> Self
    where
        S: Strategy<Token: Send + 'static> + Send + 'static,
    {
        let mut line = Self { tasks: Vec::new(), woken: Woken::default() };
        for _ in 0..count {
            line.tasks.push(Box::pin(limiter.acquire()));
            assert!(line.poll(line.tasks.len() - 1).is_none(), "admitted at once");
        }
        line
    }

    /// Polls one task. Not to be called again after it was answered.
    pub(crate) fn poll(&mut self, number: usize) -> Option<Answer> {
        let waker = waker(number, &self.woken);
        match self.tasks[number].as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}
