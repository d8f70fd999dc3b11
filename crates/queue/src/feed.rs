//! `Feed`: pushes what an iterator or a stream gives, as fast as there are places.

use crate::Options;
use crate::errand::Errand;
use crate::hub::Hub;
use crate::ledger::{Ledger, Origin};
use crate::push::Wait;
use crate::watchers::Watching;
use futures_core::Stream;
use pin_project_lite::pin_project;
use regatta_core::Panic;
use regatta_engine::{contain, contain_drop};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// It takes a place before it pulls an item, so nothing is pulled that could not come in.
pub(crate) struct Feed<S, J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    items: Option<S>,
    wait: Wait,
    /// There is a place for the next item.
    has_place: bool,
    watching: Watching,
}

/// So many items are pulled in one poll; then others have their turn.
const BUDGET: usize = 128;

impl<S, J, R, E> Feed<S, J, R, E>
where
    S: Stream<Item = J> + Unpin,
{
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, items: S) -> Self {
        Self { hub, items: Some(items), wait: Wait::new(0), has_place: false, watching: Watching::default() }
    }

    /// Ready when there are no more items, or nobody takes any; with the panic of the items, if they ended in one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Panic>> {
        for _ in 0..BUDGET {
            match std::task::ready!(self.poll_item(cx)) {
                Ok(true) => {}
                ended => {
                    self.leave();
                    let items = self.items.take();
                    contain_drop(|| drop(items));
                    return Poll::Ready(ended.err());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One item; `false` if that was the last one.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Panic>> {
        let Some(items) = &mut self.items else { return Poll::Ready(Ok(false)) };
        if !self.has_place {
            if std::task::ready!(self.wait.poll(&self.hub, cx)).is_err() {
                return Poll::Ready(Ok(false));
            }
            self.has_place = true;
        }
        let item = match contain(|| Pin::new(items).poll_next(cx)) {
            Ok(Poll::Pending) => return self.watch(cx),
            Ok(Poll::Ready(None)) => return Poll::Ready(Ok(false)),
            Ok(Poll::Ready(Some(item))) => item,
            Err(panic) => return Poll::Ready(Err(panic)),
        };
        match self.hub.admit(Origin::Reserved, item, Options::new()) {
            Ok(_) => {
                self.has_place = false;
                Poll::Ready(Ok(true))
            }
            // The run has stopped since the place was taken: the item is among those that never ran, and the last one.
            Err(refused) => {
                let _ = self.hub.admit(Origin::Late, refused.job, Options::new());
                Poll::Ready(Ok(false))
            }
        }
    }
}

impl<S, J, R, E> Feed<S, J, R, E> {
    /// There is no item now, and a place for one: nobody else will tell when the run ends.
    #[cold]
    fn watch(&mut self, cx: &Context<'_>) -> Poll<Result<bool, Panic>> {
        let Self { hub, watching, .. } = self;
        let waker = cx.waker().clone();
        hub.with(|ledger| {
            let (answer, unused) = if ledger.is_through() {
                // There might have been more.
                ledger.course.left_over();
                (Poll::Ready(Ok(false)), Some(waker))
            } else {
                (Poll::Pending, ledger.watchers.watch(watching, waker))
            };
            ledger.errands.extend(unused.map(Errand::Forget));
            answer
        })
    }

    fn leave(&mut self) {
        self.wait.leave(&self.hub);
        if std::mem::take(&mut self.has_place) {
            self.hub.with(|ledger| ledger.give_back(Origin::Reserved));
        }
        let Self { hub, watching, .. } = self;
        if watching.is_watching() {
            hub.with(|ledger| {
                let waker = ledger.watchers.leave(watching);
                ledger.errands.extend(waker.map(Errand::Forget));
            });
        }
    }
}

impl<S, J, R, E> Drop for Feed<S, J, R, E> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// An iterator as a stream.
pub struct Items<It>(pub(crate) It);

impl<It> Unpin for Items<It> {}

impl<It: Iterator> Stream for Items<It> {
    type Item = It::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<It::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// A body that only feeds.
pub(crate) struct Feeding<S, J, R, E> {
    pub(crate) feed: Feed<S, J, R, E>,
}

impl<S, J, R, E> Unpin for Feeding<S, J, R, E> {}

impl<S, J, R, E> Future for Feeding<S, J, R, E>
where
    S: Stream<Item = J> + Unpin,
{
    type Output = Option<Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.feed.poll(cx)
    }
}

pin_project! {
    /// A body that feeds, and another one that reads.
    pub(crate) struct Both<S, J, R, E, B, T> {
        feed: Option<Feed<S, J, R, E>>,
        #[pin]
        body: B,
        output: Option<T>,
        fed: Option<Panic>,
        hub: Arc<Hub<J, R, E>>,
    }
}

impl<S, J, R, E, B, T> Both<S, J, R, E, B, T> {
    pub(crate) fn new(feed: Feed<S, J, R, E>, body: B, hub: Arc<Hub<J, R, E>>) -> Self {
        Self { feed: Some(feed), body, output: None, fed: None, hub }
    }
}

impl<S, J, R, E, B, T> Future for Both<S, J, R, E, B, T>
where
    S: Stream<Item = J> + Unpin,
    B: Future<Output = T>,
{
    type Output = (T, Option<Panic>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(feed) = this.feed
            && let Poll::Ready(panic) = feed.poll(cx)
        {
            *this.fed = panic;
            *this.feed = None;
            this.hub.with(Ledger::close);
        }
        if this.output.is_none() {
            let output = std::task::ready!(this.body.poll(cx));
            *this.output = Some(output);
            if this.feed.is_some() {
                // Nobody reads any more.
                let now = this.hub.now();
                this.hub.with(|ledger| ledger.stop(now));
            }
        }
        // Once the run stops, the feed gets no places and ends.
        if this.feed.is_some() {
            return Poll::Pending;
        }
        match this.output.take() {
            Some(output) => Poll::Ready((output, this.fed.take())),
            None => Poll::Pending,
        }
    }
}
