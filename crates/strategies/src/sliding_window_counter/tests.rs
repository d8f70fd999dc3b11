use super::*;
use crate::laws::{self, Bound};

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        let windows = [1, 2, random.u64(3..30), u64::MAX];
        let window = windows[random.usize(..windows.len())];
        let slots = random.u32(1..=window.min(12) as u32);
        SlidingWindowCounter::new(random.u32(1..9), Duration::from_nanos(window))
            .unwrap()
            .slots(slots)
            .unwrap()
    });
}
