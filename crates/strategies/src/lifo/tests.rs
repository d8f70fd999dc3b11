use super::*;
use crate::laws;
use std::collections::BTreeMap;

#[test]
fn smoke() {
    let mut keys: Vec<_> = (0..4).map(|seq| Lifo.enqueued(Time::ZERO, seq, &Request::new())).collect();
    keys.sort();
    assert_eq!(keys, [3, 2, 1, 0].map(Reverse));
}

#[test]
fn urgency_changes_nothing() {
    let request = Request::new().priority(9);
    let key = Lifo.enqueued(Time::MAX, 7, &request);
    assert_eq!(key, Lifo.enqueued(Time::ZERO, 7, &Request::new()));
    assert_eq!(Lifo.raised(&key, Time::ZERO, 7, &request), key);
}

/// O8: against a stack.
#[test]
fn oracle_the_last_one_goes_first() {
    laws::oracle("lifo", |random| {
        let (mut waiting, mut stack) = (BTreeMap::new(), Vec::new());
        for seq in 0..200 {
            if random.u8(..3) > 0 {
                waiting
                    .insert(Lifo.enqueued(laws::later(Time::ZERO, random), seq, &laws::request(random)), seq);
                stack.push(seq);
            } else {
                assert_eq!(waiting.pop_first().map(|(_, seq)| seq), stack.pop());
            }
        }
    });
}
