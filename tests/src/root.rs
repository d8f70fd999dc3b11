//! `Root`: the story on a real executor, and the hand that moves its clock.

use crate::Watchdog;
use crate::tracked::Busy;
use futures::task::AtomicWaker;
use regatta_sim::ManualClock;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// More polls than this while time stands still, and nothing will ever come of it.
const POLLS_MAX: u64 = 20_000_000;

/// Runs a story; when it waits and no spawned task can go on either, moves the clock to the next timer.
pub(crate) struct Root<F> {
    story: Pin<Box<F>>,
    clock: ManualClock,
    busy: Arc<Busy>,
    woken: Arc<Woken>,
    watchdog: Watchdog,
    /// How many polls there had been when the time last moved.
    polls_before: u64,
}

/// Whether the story was woken since its last poll.
struct Woken {
    flag: AtomicBool,
    executor: AtomicWaker,
}

impl<F: Future<Output = ()>> Root<F> {
    pub(crate) fn new(story: F, clock: ManualClock, busy: Arc<Busy>) -> Self {
        let woken = Arc::new(Woken { flag: AtomicBool::new(true), executor: AtomicWaker::new() });
        Self { story: Box::pin(story), clock, busy, woken, watchdog: Watchdog::new(), polls_before: 0 }
    }

    /// Nothing can go on now: lets time pass.
    fn let_time_pass(&mut self) {
        if self.clock.advance_to_next().is_none() {
            panic!(
                "deadlock: the story waits, no spawned task can go on, and no timer is set; {:?}",
                self.clock
            );
        }
        self.polls_before = self.busy.count_poll();
    }
}

impl<F: Future<Output = ()>> Future for Root<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.woken.executor.register(cx.waker());
        this.busy.register(cx.waker());
        this.watchdog.progress();
        let polls = this.busy.count_poll() - this.polls_before;
        assert!(polls < POLLS_MAX, "livelock: {polls} polls while time stood still");
        if this.woken.flag.swap(false, Ordering::SeqCst) {
            let waker = Waker::from(this.woken.clone());
            if this.story.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                return Poll::Ready(());
            }
        }
        if let Some(panic) = this.busy.take_panic() {
            panic.resume();
        }
        // The order counts: what a task does before it becomes idle is seen by the second question.
        if this.busy.is_idle() && !this.woken.flag.load(Ordering::SeqCst) {
            // A panic of a task that became idle a moment ago is seen in the next poll.
            match this.busy.take_panic() {
                Some(panic) => panic.resume(),
                None => this.let_time_pass(),
            }
        }
        if this.busy.is_idle() && !this.woken.flag.load(Ordering::SeqCst) {
            // A timer whose sleeper has moved on: look again.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<F> Unpin for Root<F> {}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.flag.store(true, Ordering::SeqCst);
        self.executor.wake();
    }
}
