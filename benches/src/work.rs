//! The work of `runner` and `queue`: nothing, so that all the time is overhead.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::task::Poll;

/// A kind of task. All are one async function that could wait, as real ones could; the compiler can't tell them apart.
pub(crate) trait Kind: 'static {
    const NAME: &'static str;
    const YIELDS: u32;

    fn task(key: u64) -> impl Future<Output = Result<u64, ()>> + Send + 'static {
        task(key, black_box(Self::YIELDS))
    }
}

/// Ready at its first poll.
pub(crate) struct Ready;

impl Kind for Ready {
    const NAME: &'static str = "ready";
    const YIELDS: u32 = 0;
}

/// Wakes itself, and is ready at its second poll.
pub(crate) struct Yield1;

impl Kind for Yield1 {
    const NAME: &'static str = "yield1";
    const YIELDS: u32 = 1;
}

async fn task(key: u64, yields: u32) -> Result<u64, ()> {
    for _ in 0..yields {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    Ok(key)
}
