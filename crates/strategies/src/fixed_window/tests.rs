use super::*;
use crate::laws::{self, Bound};

#[test]
fn the_laws_hold() {
    for align in [Align::Origin, Align::FirstStart] {
        laws::hold(Bound::Exact, |random| {
            let windows = [1, 2, random.u64(3..30), u64::MAX];
            let window = Duration::from_nanos(windows[random.usize(..windows.len())]);
            FixedWindow::new(random.u32(1..9), window).unwrap().align(align)
        });
    }
}
