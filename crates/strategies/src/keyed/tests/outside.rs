//! What is changed from outside, who is kicked, and who stands in which line.

use super::*;
use crate::Gate;
use crate::waiting::{Line, Woken, kick, taken};
use crate::world::World;
use std::sync::Arc;

#[test]
fn every_class_kicks_the_latest_owner_only() {
    let (mut keyed, woken) = (Keyed::with(|_| Gate::closed()), Woken::default());
    let early = Gate::closed();
    keyed.set(class(1), early.clone());
    keyed.attach(kick(8, &woken));
    keyed.attach(kick(9, &woken));
    assert_eq!(taken(&woken), []);
    early.open();
    assert_eq!(taken(&woken), [9], "known before it was attached");
    keyed.update(class(2), |gate| gate.open()).unwrap();
    assert_eq!(taken(&woken), [9], "and later");
    keyed.set(class(2), Gate::new());
    assert_eq!(taken(&woken), [9], "a new strategy is news");
    let mut clone = keyed.clone();
    clone.attach(kick(7, &woken));
    keyed.get(class(2)).unwrap().close();
    keyed.get(class(2)).unwrap().open();
    let mut both = taken(&woken);
    both.sort_unstable();
    assert_eq!(both, [7, 9]);
}

/// A gate that all classes share, as its clones do: new classes attach to it, forgotten ones let go.
#[test]
fn classes_that_come_and_go_leave_nothing_at_a_shared_gate() {
    let gate = Gate::new();
    let mut keyed = Keyed::new((gate.clone(), concurrency(1))).capacity(10).unwrap();
    for number in 0..1_000 {
        let token = started(&mut keyed, 0, of(number));
        keyed.finish(token, NOW, [Outcome::Success, Outcome::Unused][number as usize % 2]);
    }
    assert!(
        gate.attached() <= 12,
        "ten classes, those without one, and the latest forgotten: {}",
        gate.attached()
    );
    gate.close();
    assert_eq!(keyed.ready(NOW, &of(1_000)), Readiness::OnChange);
    drop(keyed);
    assert_eq!(gate.attached(), 0);
}

/// All places are taken by closed gates; one of them is opened by somebody else.
#[test]
fn a_class_that_comes_to_rest_from_outside_makes_room() {
    let (mut keyed, woken) = (Keyed::with(|_| Gate::new()).capacity(2).unwrap(), Woken::default());
    keyed.attach(kick(0, &woken));
    let gates = [1, 2].map(|number| keyed.update(class(number), |gate| gate.clone()).unwrap());
    gates.iter().for_each(Gate::close);
    assert_eq!(keyed.ready(NOW, &of(3)), Readiness::OnChange);
    assert_eq!(keyed.ready(NOW, &of(3)), Readiness::OnChange);
    gates[1].open();
    assert_eq!(taken(&woken), [0]);
    let _token = started(&mut keyed, 0, of(3));
    assert_eq!([1, 2, 3].map(|number| keyed.get(class(number)).is_some()), [true, false, true]);
}

#[test]
fn a_gate_that_opens_before_anybody_waits_for_it_is_not_missed() {
    let (gate, woken) = (Gate::closed(), Woken::default());
    let inner = gate.clone();
    // Only the classes have the gate, so that nobody who is known before hears of it.
    let mut keyed = Keyed::with(move |class| class.map(|_| inner.clone()));
    keyed.attach(kick(0, &woken));
    assert_eq!(keyed.ready(NOW, &of(1)), Readiness::OnChange);
    gate.open();
    assert_eq!(taken(&woken), []);
    keyed.park(NOW, &of(1));
    assert_eq!(taken(&woken), [0], "ask again");
    gate.close();
    keyed.park(NOW, &of(2));
    assert_eq!(taken(&woken), []);
    gate.open();
    assert_eq!(taken(&woken), [0, 0], "both classes are known, and one of them waits");
}

/// Each class has a limiter, which others use, too.
#[test]
fn an_engine_waits_in_the_line_of_one_class_at_a_time() {
    let limiters = [1, 1, 1].map(|max| Limiter::new(concurrency(max)));
    let own = limiters.clone();
    let mut keyed = Keyed::with(move |class| own[class.map_or(0, Class::as_u64) as usize].clone());
    let woken = Woken::default();
    keyed.attach(kick(0, &woken));
    let permits = [1, 2].map(|number| limiters[number].try_acquire().unwrap());
    let waiting = || [0, 1, 2].map(|number| limiters[number].waiting());
    keyed.park(NOW, &of(1));
    keyed.park(NOW, &of(1));
    assert_eq!(waiting(), [0, 1, 0]);
    keyed.park(NOW, &of(2));
    assert_eq!(waiting(), [0, 0, 1]);
    keyed.unpark();
    keyed.unpark();
    assert_eq!(waiting(), [0, 0, 0]);
    keyed.park(NOW, &of(1));
    assert_eq!(taken(&woken), []);
    drop(permits);
    assert_eq!(taken(&woken), [0]);
    let token = started(&mut keyed, 0, of(1));
    assert_eq!(waiting(), [0, 0, 0]);
    let hold = keyed.hold(&token);
    keyed.finish(token, NOW, Outcome::Success);
    assert_eq!(limiters[1].issued(), 1, "held");
    drop(hold);
    assert_eq!(limiters[1].issued(), 0);
    // A class that is set while an engine waits in its line.
    let permit = limiters[1].try_acquire().unwrap();
    keyed.park(NOW, &of(1));
    keyed.set(class(1), limiters[2].clone());
    assert_eq!(waiting(), [0, 0, 0]);
    keyed.unpark();
    drop(permit);
}

/// Whoever waits in a limiter's line for a place gets it when another class comes to rest, however many there are.
#[test]
fn everybody_in_line_gets_a_place_in_order() {
    for count in [1, 30, 31, 200] {
        let clock = World::default();
        let limiter = Limiter::with_clock(singles(1), Arc::new(clock.clone()));
        limiter.update(|keyed| keyed.set(None, concurrency(1)));
        let mut permit = limiter.try_acquire().unwrap();
        let mut line = Line::of(&limiter, count);
        for number in 0..count {
            drop(permit);
            assert_eq!(taken(&line.woken), [number]);
            permit = line.poll(number).unwrap().unwrap();
        }
        assert_eq!((limiter.issued(), limiter.waiting()), (1, 0));
    }
    for count in [1, 30, 31, 200] {
        let limiter = Limiter::new(Keyed::new(Gate::new()).capacity(2).unwrap());
        let gate = limiter.peek(|keyed| keyed.get(None).unwrap().clone());
        gate.close();
        let mut line = Line::of(&limiter, count);
        gate.open();
        assert_eq!(taken(&line.woken), (0..count).collect::<Vec<_>>());
        assert!((0..count).all(|number| line.poll(number).is_some_and(|answer| answer.is_ok())));
    }
}

/// The gate that an update puts into a class was attached to nobody before.
#[test]
fn a_gate_that_an_update_puts_into_a_class_wakes_those_who_wait() {
    let (gate, woken) = (Gate::closed(), Woken::default());
    let mut keyed = Keyed::with(|_| None::<Gate>);
    keyed.attach(kick(0, &woken));
    keyed.update(class(1), |place| *place = Some(gate.clone())).unwrap();
    assert_eq!(keyed.ready(NOW, &of(1)), Readiness::OnChange);
    keyed.park(NOW, &of(1));
    gate.open();
    assert_eq!(taken(&woken), [0]);
}

/// Without a place nobody hears of the gate, so it is the place that is waited for first.
#[test]
fn a_class_without_a_place_and_behind_a_gate_is_not_forgotten() {
    let gate = Gate::closed();
    let inner = gate.clone();
    let make = move |class: Option<Class>| {
        let own = class.filter(|class| *class == Class::from_u64(2));
        (own.map(|_| inner.clone()), spacing(10))
    };
    let mut keyed = Keyed::with(make).capacity(1).unwrap();
    let _token = started(&mut keyed, 0, of(1));
    let woken = Woken::default();
    keyed.attach(kick(0, &woken));
    assert_eq!(keyed.ready(at(1), &of(2)), Readiness::NotBefore(at(10)));
    assert_eq!(keyed.start(at(1), &of(2)).unwrap_err(), Readiness::NotBefore(at(10)));
    keyed.park(at(1), &of(2));
    assert_eq!(keyed.ready(at(10), &of(2)), Readiness::OnChange);
    keyed.park(at(10), &of(2));
    assert_eq!(taken(&woken), []);
    gate.open();
    assert_eq!(taken(&woken), [0]);
    let _token = started(&mut keyed, 10, of(2));
}
