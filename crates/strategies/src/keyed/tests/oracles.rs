//! O9: against a plain map of strategies, one per class, that forgets nobody.

use super::*;
use fastrand::Rng;
use regatta_core::Class;
use std::collections::BTreeMap;
use std::fmt::Debug;

type Plain<S> = BTreeMap<Option<Class>, S>;

/// A token of each side, with its class.
type Pair<T> = (Option<Class>, KeyedToken<T>, T);

/// Runs a random history on both sides, whose classes must answer alike.
fn compare<S>(random: &mut Rng, capacity: usize, classes: u64, monotone: bool, make: impl Fn() -> S)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let mut keyed = Keyed::new(make()).capacity(capacity).unwrap();
    let mut plain: Plain<S> = BTreeMap::from([(None, make())]);
    let mut tokens: Vec<Pair<S::Token>> = Vec::new();
    let (mut now, mut forgotten, mut full) = (NOW, 0, 0);
    if random.bool() {
        let vip = class(random.u64(..classes));
        keyed.set(vip, make());
        plain.insert(Some(vip), make());
    }
    let kept = keyed.classes();
    for _ in 0..300 {
        now = if monotone { now + Duration::from_nanos(random.u64(..6)) } else { laws::later(now, random) };
        let mut request = Request::new().cost(random.u32(..4));
        if random.u8(..8) > 0 {
            request = request.class(class(random.u64(..classes)));
        }
        match random.u8(..10) {
            0..4 if !tokens.is_empty() => {
                let (class, token, theirs) = tokens.swap_remove(random.usize(..tokens.len()));
                let outcome = laws::outcome(random);
                keyed.finish(token, now, outcome);
                plain.get_mut(&class).unwrap().finish(theirs, now, outcome);
            }
            4 if !tokens.is_empty() => {
                let index = random.usize(..tokens.len());
                let (class, token, theirs) = &mut tokens[index];
                let actual = random.u32(..4);
                // What a forgotten class had in flight was free, and stays so.
                if keyed.get(*class).is_some() && keyed.live(token.place, token.number).is_some() {
                    keyed.reconcile(token, now, actual);
                    plain.get_mut(class).unwrap().reconcile(theirs, now, actual);
                }
            }
            _ => {
                let known: Vec<_> =
                    plain.keys().copied().filter(|class| keyed.get(*class).is_some()).collect();
                let counted = keyed.classes() - kept;
                let own = plain.entry(request.class).or_insert_with(&make).ready(now, &request);
                let expected = if keyed.get(request.class).is_some() || counted < capacity {
                    own
                } else {
                    let rests = keyed.index.values().filter(|place| !keyed.slots[**place].is_kept);
                    let rests = rests.map(|place| plain[&keyed.slots[*place].class].rest(now));
                    full += 1;
                    rests.min().unwrap_or(Readiness::OnChange).and(own)
                };
                assert_eq!(keyed.ready(now, &request), expected, "asked for {request:?}");
                match keyed.start(now, &request) {
                    Ok(token) => {
                        assert!(expected.is_ready());
                        let theirs = plain.get_mut(&request.class).unwrap().start(now, &request);
                        let Ok(theirs) = theirs else { panic!("alone it would have been refused") };
                        tokens.push((request.class, token, theirs));
                    }
                    Err(refusal) => assert_eq!(refusal, expected),
                }
                for class in known.into_iter().filter(|class| keyed.get(*class).is_none()) {
                    forgotten += 1;
                    assert!(plain[&class].rest(now).is_ready(), "forgotten while it limits");
                }
            }
        }
        assert!(keyed.classes() <= capacity + kept, "more than it may remember");
        assert!(keyed.slots.len() <= capacity + kept + 1);
        for (class, alone) in &plain {
            let mut request = Request::new();
            request.class = *class;
            if keyed.get(*class).is_some() {
                assert_eq!(
                    keyed.ready(now, &request),
                    alone.ready(now, &request),
                    "{class:?} is not as if alone"
                );
            }
        }
    }
    assert!(capacity as u64 >= classes || full > 0 && (forgotten > 0 || full > 10), "nothing was tried");
}

#[test]
fn oracle_each_class_is_as_if_alone() {
    laws::oracle("keyed concurrency", |random| {
        let max = random.usize(3..6);
        compare(random, 9, 9, false, || concurrency(max));
    });
    laws::oracle("keyed spacing", |random| {
        let (gap, measure) = (random.u64(1..60), [Measure::Start, Measure::Finish][random.usize(..2)]);
        compare(random, 9, 9, false, || spacing(gap).from(measure));
    });
}

/// With more classes than places: nobody who limits is forgotten, and whoever is doesn't notice.
#[test]
fn oracle_nobody_is_forgotten_while_it_limits() {
    laws::oracle("keyed concurrency when full", |random| {
        let (max, capacity) = (random.usize(3..6), random.usize(1..6));
        compare(random, capacity, 12, true, || concurrency(max));
    });
    laws::oracle("keyed spacing when full", |random| {
        let (gap, capacity) = (random.u64(5..60), random.usize(1..6));
        let measure = [Measure::Start, Measure::Finish][random.usize(..2)];
        compare(random, capacity, 12, true, || spacing(gap).from(measure));
    });
}
