use super::*;
use crate::laws::{self, Apart, Bound};
use crate::waiting::{Line, Woken, kick, taken};
use crate::world::World;
use regatta_core::Limiter;
use std::sync::Arc;

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn paused_until(time: u64) -> Pausable {
    let pausable = Pausable::new();
    pausable.pause_until(at(time));
    pausable
}

fn ready(pausable: &Pausable, now: u64) -> Readiness {
    pausable.ready(at(now), &Request::new())
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Outside, |random| Apart {
        strategy: paused_until([0, random.u64(..200), u64::MAX][random.usize(..3)]),
        copy: |pausable| paused_until(pausable.paused_until().unwrap_or_default().as_nanos()),
    });
}

/// Apart from what is changed from outside, the named time is the earliest.
#[test]
fn smoke() {
    let mut pausable = Pausable::default();
    assert_eq!((ready(&pausable, 0), pausable.paused_until()), (Readiness::Ready, None));
    pausable.pause_until(at(10));
    assert_eq!(pausable.paused_until(), Some(at(10)));
    assert_eq!([9, 10].map(|now| ready(&pausable, now)), [Readiness::NotBefore(at(10)), Readiness::Ready]);
    assert_eq!(pausable.start(at(9), &Request::new()), Err(Readiness::NotBefore(at(10))));
    pausable.start(at(10), &Request::new()).expect("the pause is over");
    pausable.finish((), at(10), Outcome::Unused);
    assert_eq!(ready(&pausable, 9), Readiness::NotBefore(at(10)), "what ends resumes nothing");
    pausable.resume();
    assert_eq!((ready(&pausable, 0), pausable.paused_until()), (Readiness::Ready, None));
}

#[test]
fn a_pause_without_end_waits_to_be_resumed() {
    let pausable = Pausable::new();
    pausable.pause();
    assert_eq!([0, u64::MAX].map(|now| ready(&pausable, now)), [Readiness::OnChange; 2]);
    assert_eq!(pausable.paused_until(), Some(Time::MAX));
    pausable.resume();
    assert_eq!(ready(&pausable, 0), Readiness::Ready);
}

#[test]
fn a_pause_never_cuts_another_one_short() {
    let pausable = paused_until(100);
    pausable.pause_until(at(50));
    assert_eq!(ready(&pausable, 50), Readiness::NotBefore(at(100)));
    pausable.pause();
    pausable.pause_until(at(200));
    assert_eq!(ready(&pausable, 200), Readiness::OnChange);
    pausable.resume_by(at(300));
    assert_eq!(ready(&pausable, 200), Readiness::NotBefore(at(300)));
    pausable.resume_by(at(400));
    assert_eq!(ready(&pausable, 200), Readiness::NotBefore(at(300)), "only earlier, never later");
}

#[test]
fn only_an_earlier_end_kicks_all_in_the_order_of_attaching() {
    let (pausable, woken) = (Pausable::new(), Woken::default());
    let mut clones = [pausable.clone(), pausable.clone()];
    clones[1].attach(kick(1, &woken));
    clones[0].attach(kick(0, &woken));
    pausable.resume();
    pausable.pause_until(at(10));
    pausable.pause_until(at(20));
    pausable.resume_by(at(20));
    pausable.resume_by(at(30));
    pausable.pause();
    assert_eq!(taken(&woken), [], "no news for those who wait");
    pausable.resume_by(at(15));
    assert_eq!(taken(&woken), [1, 0]);
    clones[0].resume();
    assert_eq!(taken(&woken), [1, 0]);
}

#[test]
fn it_explains_itself_and_needs_no_clock() {
    let pausable = paused_until(9);
    let mut reasons = Vec::new();
    pausable.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("pausable".to_owned(), Readiness::NotBefore(at(9)))]);
    assert!(!pausable.timed());
    assert_eq!([8, 9].map(|now| pausable.rest(at(now))), [Readiness::NotBefore(at(9)), Readiness::Ready]);
    assert_eq!(format!("{:?}", Pausable::new()), "Pausable { paused_until: None }");
    assert_ne!(pausable, Pausable::new());
}

/// O9: whoever waits is let in when the pause is over, be it by time or by hand, in order.
#[test]
fn oracle_everybody_wakes_on_resuming_in_order() {
    for count in [1, 30, 31, 200] {
        for by_hand in [true, false] {
            let (pausable, clock) = (paused_until(100), World::default());
            let limiter = Limiter::with_clock(pausable.clone(), Arc::new(clock.clone()));
            let mut line = Line::of(&limiter, count);
            // Longer: whoever comes at the former end is told the new one.
            pausable.pause_until(at(200));
            clock.set(100);
            assert!((0..count).all(|number| line.poll(number).is_none()));
            taken(&line.woken);
            if by_hand {
                pausable.resume();
                assert_eq!(taken(&line.woken), (0..count).collect::<Vec<_>>());
            } else {
                clock.set(200);
            }
            // The one at the head has the timer; it lets all others in.
            let permits: Vec<_> = (0..count).map(|number| line.poll(number).unwrap().unwrap()).collect();
            assert_eq!((limiter.issued(), limiter.waiting()), (permits.len(), 0));
        }
    }
}

/// O9: against the plain list of pauses since the last resume, and of the ends that were set.
#[test]
fn oracle_nothing_starts_while_paused_and_nobody_is_forgotten() {
    laws::oracle("pausable", |random| {
        let (pausable, woken) = (Pausable::new(), Woken::default());
        let mut engine = pausable.clone();
        engine.attach(kick(0, &woken));
        let (mut now, mut pauses, mut told) = (Time::ZERO, Vec::<Time>::new(), None);
        for _ in 0..200 {
            now = laws::later(now, random);
            let time = laws::later(now, random);
            match random.u8(..12) {
                0..3 => {
                    pausable.pause_until(time);
                    pauses.push(time);
                }
                3 => {
                    pausable.pause();
                    pauses.push(Time::MAX);
                }
                4 => {
                    pausable.resume();
                    pauses.clear();
                }
                5 => {
                    pausable.resume_by(time);
                    pauses.iter_mut().for_each(|end| *end = (*end).min(time));
                }
                _ => {}
            }
            let end = pauses.iter().copied().max().filter(|end| *end > Time::ZERO);
            assert_eq!(pausable.paused_until(), end);
            let expected = match end {
                Some(Time::MAX) => Readiness::OnChange,
                Some(end) if end > now => Readiness::NotBefore(end),
                Some(_) | None => Readiness::Ready,
            };
            // Whoever waits asks again when it is kicked, or at the time that it was told.
            if !taken(&woken).is_empty() {
                told = None;
            }
            match (told, expected) {
                (Some(Readiness::OnChange), Readiness::NotBefore(_) | Readiness::Ready) => {
                    panic!("nobody says that the pause ends")
                }
                (Some(Readiness::NotBefore(told)), Readiness::NotBefore(end)) => assert!(told <= end),
                (Some(Readiness::NotBefore(told)), Readiness::Ready) => assert!(told <= now),
                _ => {}
            }
            let started = engine.start(now, &laws::request(random));
            assert_eq!(started.err().unwrap_or(Readiness::Ready), expected);
            told = Some(expected).filter(|expected| !expected.is_ready());
        }
    });
}
