use super::*;
use crate::laws::{self, Bound};

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        let periods = [1, 2, random.u64(3..90), u64::MAX];
        let period = Duration::from_nanos(periods[random.usize(..periods.len())]);
        Gcra::new(random.u32(1..9), period).unwrap().burst(random.u32(1..6)).unwrap()
    });
}
