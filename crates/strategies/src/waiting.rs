//! For tests: tasks that wait for a permit, kicks that write a list.

use regatta_core::{Kick, Limiter, Permit, Rejection, Strategy};
use std::future::Future;
use std::pin::Pin;
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
