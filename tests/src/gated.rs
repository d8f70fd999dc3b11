//! `Gated`: an executor that can be shut.

use regatta_core::{BoxFuture, Executor};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// An executor that stops polling its tasks while it is shut, like one that is overloaded: it can't drop them either.
#[derive(Clone, Debug)]
pub struct Gated<E> {
    inner: E,
    gate: Arc<Mutex<Gate>>,
}

#[derive(Default, Debug)]
struct Gate {
    shut: bool,
    waiting: Vec<Waker>,
}

impl<E: Executor> Gated<E> {
    /// Open.
    pub fn new(inner: E) -> Self {
        Self { inner, gate: Arc::default() }
    }

    /// From now on, nothing is polled.
    pub fn shut(&self) {
        self.gate.lock().unwrap().shut = true;
    }

    /// From now on, everything is polled again.
    pub fn open(&self) {
        let waiting = {
            let mut gate = self.gate.lock().unwrap();
            gate.shut = false;
            std::mem::take(&mut gate.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<E: Executor> Executor for Gated<E> {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.inner.spawn(Box::pin(Guarded { task, gate: self.gate.clone() }));
    }
}

struct Guarded {
    task: BoxFuture<'static, ()>,
    gate: Arc<Mutex<Gate>>,
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        {
            let mut gate = self.gate.lock().unwrap();
            if gate.shut {
                gate.waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.task.as_mut().poll(cx)
    }
}
