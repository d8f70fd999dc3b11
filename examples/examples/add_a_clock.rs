//! A clock of your own: two methods. This one runs ten times faster than the world.
//!
//! Notice that the runner's timeout is 5 s, that the report says 5 s, and that half a second has passed.

use regatta::{Clock, Runner, Sleep, SystemClock, Time};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct TenTimesFaster;

impl Clock for TenTimesFaster {
    fn now(&self) -> Time {
        Time::from_nanos(SystemClock.now().as_nanos().saturating_mul(10))
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        // Rounded up: a timer must not end before its time.
        SystemClock.sleep_until(Time::from_nanos(time.as_nanos().div_ceil(10)))
    }
}

fn main() {
    let start = Instant::now();
    let mut runner = Runner::new().clock(Arc::new(TenTimesFaster)).timeout(Duration::from_secs(5));
    runner.add("endless", pending::<Result<(), Infallible>>()).expect("the first key is free");
    let report = smol::block_on(runner.run());
    println!("{report}");
    assert!(report.timed_out() && start.elapsed() < Duration::from_secs(5));
    println!("in the world: {:.1?}", start.elapsed());
}
