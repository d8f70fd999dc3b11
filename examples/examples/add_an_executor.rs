//! No executor at all: a game loop that polls a run once per frame, if something has happened.
//!
//! Notice that the run is a plain future. The loop keeps a waker that sets a flag, and most frames cost it one load.

use regatta::{Clock, Runner, SystemClock};
use std::pin::pin;
use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering::SeqCst};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

/// Something has happened since the last frame.
struct News(AtomicBool);

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

fn main() {
    let mut runner = Runner::<_, _, std::io::Error>::new();
    for ms in [10, 40, 80] {
        let loading = SystemClock.sleep_until(SystemClock.now() + Duration::from_millis(ms));
        runner.add_ok(ms, loading).expect("the keys differ");
    }
    let mut run = pin!(runner.run());
    let news = Arc::new(News(AtomicBool::new(true)));
    let waker = news.clone().into();
    for frame in 1.. {
        println!("frame {frame}");
        if news.0.swap(false, SeqCst)
            && let Poll::Ready(report) = run.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return println!("{report}");
        }
        std::thread::sleep(Duration::from_millis(16));
    }
}
