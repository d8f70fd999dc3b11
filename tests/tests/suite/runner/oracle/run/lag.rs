//! An executor that takes its time: a task that was woken is polled so much later.

use super::super::program::Tick;
use super::time;
use regatta::{BoxFuture, Clock, Executor, Sleep};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The first poll comes at once.
pub(super) fn lagging<E: Executor>(executor: E, clock: Arc<dyn Clock>, lag: Tick) -> impl Executor {
    move |task| {
        let late = Late { task, clock: clock.clone(), lag, is_new: true, nap: None };
        if lag == 0 { executor.spawn(late.task) } else { executor.spawn(Box::pin(late)) }
    }
}

struct Late {
    task: BoxFuture<'static, ()>,
    clock: Arc<dyn Clock>,
    lag: Tick,
    is_new: bool,
    nap: Option<Sleep>,
}

impl Future for Late {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !std::mem::replace(&mut this.is_new, false) {
            let nap =
                this.nap.get_or_insert_with(|| this.clock.sleep_until(this.clock.now() + time(this.lag)));
            std::task::ready!(Pin::new(nap).poll(cx));
            this.nap = None;
        }
        this.task.as_mut().poll(cx)
    }
}
