use super::*;
use crate::laws::{self, Apart, Bound};
use crate::waiting::{Line, Woken, kick, taken};
use crate::{Concurrency, Spacing};
use regatta_core::Limiter;
use std::time::Duration;

const NOW: Time = Time::ZERO;

fn ready(gate: &Gate) -> Readiness {
    gate.ready(NOW, &Request::new())
}

fn copy(gate: &Gate) -> Gate {
    if gate.is_open() { Gate::new() } else { Gate::closed() }
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Outside, |random| Apart {
        strategy: if random.bool() { Gate::new() } else { Gate::closed() },
        copy,
    });
}

#[test]
fn smoke() {
    let mut gate = Gate::default();
    assert!(gate.is_open());
    gate.start(NOW, &Request::new().cost(u32::MAX)).expect("open");
    gate.close();
    assert_eq!(ready(&gate), Readiness::OnChange);
    assert_eq!(gate.start(Time::MAX, &Request::new()), Err(Readiness::OnChange));
    gate.finish((), NOW, Outcome::Unused);
    assert!(!gate.is_open(), "what ends opens nothing");
    gate.open();
    assert_eq!(ready(&gate), Readiness::Ready);
}

#[test]
fn clones_are_one_gate() {
    let gate = Gate::closed();
    let clone = gate.clone();
    clone.open();
    assert!(gate.is_open());
    std::thread::spawn(move || clone.close()).join().unwrap();
    assert_eq!(ready(&gate), Readiness::OnChange);
}

#[test]
fn opening_kicks_all_in_the_order_of_attaching_and_only_when_it_was_closed() {
    let (gate, woken) = (Gate::new(), Woken::default());
    let mut clones: Vec<_> = (0..4).map(|_| gate.clone()).collect();
    for number in [2, 0, 3, 1] {
        clones[number].attach(kick(number, &woken));
    }
    gate.open();
    assert_eq!(taken(&woken), [], "it was open");
    gate.close();
    gate.close();
    assert_eq!(taken(&woken), [], "closing is no news to those who wait");
    clones[0].open();
    assert_eq!(taken(&woken), [2, 0, 3, 1]);
}

#[test]
fn a_clone_that_is_gone_or_attached_again_leaves_nothing_behind() {
    let (gate, woken) = (Gate::closed(), Woken::default());
    let (mut first, mut second) = (gate.clone(), gate.clone());
    first.attach(kick(1, &woken));
    second.attach(kick(2, &woken));
    for _ in 0..1_000 {
        first.attach(kick(3, &woken));
    }
    assert_eq!(gate.attached(), 2);
    let unattached = first.clone();
    drop(unattached);
    gate.open();
    assert_eq!(taken(&woken), [2, 3], "one kick each, the latest");
    gate.close();
    drop(second);
    assert_eq!(gate.attached(), 1);
    gate.open();
    assert_eq!(taken(&woken), [3]);
    drop(first);
    assert_eq!(gate.attached(), 0);
}

/// A kick may run the driver on the spot, which asks, attaches and lets go.
#[test]
fn kicks_run_outside_the_lock() {
    use std::sync::{Arc, Mutex};
    use std::task::{Wake, Waker};

    struct Nosy(Mutex<Option<Gate>>, Mutex<Vec<Readiness>>);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            let mut gate = self.0.lock().unwrap().take().expect("kicked twice");
            self.1.lock().unwrap().push(ready(&gate));
            gate.attach(Kick::none());
        }
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(gate) = self.0.lock().unwrap().as_mut() {
                gate.attach(Kick::none());
            }
        }
    }
    let gate = Gate::closed();
    let nosy = Arc::new(Nosy(Mutex::new(Some(gate.clone())), Mutex::default()));
    let mut attached = gate.clone();
    attached.attach(Kick::new(Waker::from(nosy.clone())));
    gate.open();
    assert_eq!(*nosy.1.lock().unwrap(), [Readiness::Ready]);
    *nosy.0.lock().unwrap() = Some(gate.clone());
    drop(nosy);
    // The last owner of the kick is the gate: letting go of it attaches again, to the same gate.
    attached.attach(Kick::none());
    assert_eq!(gate.attached(), 1);
}

#[test]
fn it_explains_itself_and_needs_no_clock() {
    let gate = Gate::closed();
    let mut reasons = Vec::new();
    gate.explain(NOW, &Request::new(), &mut reasons);
    assert_eq!(reasons, [("gate".to_owned(), Readiness::OnChange)]);
    assert!(!gate.timed());
    assert_eq!((gate.rest(NOW), Gate::new().rest(NOW)), (Readiness::OnChange, Readiness::Ready));
    assert_eq!(format!("{gate:?}"), "Gate { is_open: false }");
    assert_ne!(gate, Gate::new());
}

/// O9: whoever waits in a limiter's line is woken by the opening, in order, however many there are.
#[test]
fn oracle_everybody_wakes_on_opening_in_order() {
    for count in [1, 30, 31, 200] {
        let gate = Gate::closed();
        let limiter = Limiter::new((gate.clone(), Concurrency::new(1_000).unwrap()));
        let mut line = Line::of(&limiter, count);
        gate.open();
        assert_eq!(taken(&line.woken), (0..count).collect::<Vec<_>>());
        let permits: Vec<_> = (0..count).map(|number| line.poll(number).unwrap().unwrap()).collect();
        assert_eq!((limiter.issued(), limiter.waiting()), (count, 0));
        gate.close();
        drop(permits);
        assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange, "closed again");
    }
}

/// O9: the same for engines that each hold a clone, and for a gate that is opened inside a limiter's `update`.
#[test]
fn oracle_engines_are_kicked_on_opening_in_order() {
    for count in [1, 30, 31, 200] {
        let (gate, woken) = (Gate::closed(), Woken::default());
        let mut engines: Vec<_> =
            (0..count).map(|_| (Spacing::new(Duration::from_nanos(1)).unwrap(), gate.clone())).collect();
        for (number, engine) in engines.iter_mut().enumerate() {
            engine.attach(kick(number, &woken));
            assert_eq!(engine.ready(NOW, &Request::new()), Readiness::OnChange);
        }
        let limiter = Limiter::new(gate);
        let mut line = Line::of(&limiter, count);
        limiter.update(|gate| gate.open());
        assert_eq!(taken(&woken), (0..count).collect::<Vec<_>>());
        assert_eq!(taken(&line.woken), (0..count).collect::<Vec<_>>());
        assert!(engines.iter_mut().all(|engine| engine.start(NOW, &Request::new()).is_ok()));
        assert!((0..count).all(|number| line.poll(number).is_some_and(|answer| answer.is_ok())));
    }
}

/// O9: over random histories of several engines and clones, nothing starts while closed, and whoever was refused is
/// kicked before the gate would let it in.
#[test]
fn oracle_nothing_starts_while_closed_and_nobody_is_forgotten() {
    laws::oracle("gate", |random| {
        let (gate, woken) = (Gate::new(), Woken::default());
        let mut engines: Vec<_> = (0..random.usize(1..6)).map(|_| gate.clone()).collect();
        for (number, engine) in engines.iter_mut().enumerate() {
            engine.attach(kick(number, &woken));
        }
        let (mut is_open, mut waiting) = (true, vec![false; engines.len()]);
        for _ in 0..200 {
            let number = random.usize(..engines.len());
            match random.u8(..10) {
                0 | 1 => {
                    gate.open();
                    is_open = true;
                }
                2 | 3 => {
                    engines[number].close();
                    is_open = false;
                }
                4 => engines[number].attach(kick(number, &woken)),
                _ => {
                    let started = engines[number].start(laws::later(NOW, random), &laws::request(random));
                    assert_eq!(started.is_ok(), is_open);
                    waiting[number] = started.is_err();
                }
            }
            taken(&woken).into_iter().for_each(|number| waiting[number] = false);
            assert!(!is_open || waiting.iter().all(|waiting| !waiting), "somebody waits at an open gate");
            assert_eq!(gate.attached(), engines.len());
        }
    });
}

/// Threads that open and close while others wait for their kick: a kick that was missed would end this never.
#[test]
fn no_opening_is_missed_between_threads() {
    let gate = Gate::closed();
    let limiter = Limiter::new(gate.clone());
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let limiter = limiter.clone();
            std::thread::spawn(move || {
                for _ in 0..200 {
                    drop(smol::block_on(limiter.acquire()).expect("not closed for good"));
                }
            })
        })
        .collect();
    for _ in 0..500 {
        gate.open();
        gate.close();
        std::thread::yield_now();
    }
    gate.open();
    for thread in waiting {
        thread.join().unwrap();
    }
}

/// An update attaches what is there again, which must not send it to the back.
#[test]
fn an_update_keeps_the_order_of_attaching() {
    let (gate, woken) = (Gate::closed(), Woken::default());
    let mut limiters = [(); 2].map(|()| Limiter::new(gate.clone()));
    for (number, limiter) in limiters.iter_mut().enumerate() {
        limiter.attach(kick(number, &woken));
        limiter.park(Time::ZERO, &Request::new());
    }
    limiters[0].update(|_| {});
    assert_eq!(gate.attached(), 2);
    gate.open();
    assert_eq!(taken(&woken), [0, 1]);
}

struct Grumpy;

impl std::task::Wake for Grumpy {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("kicked");
    }
}

#[test]
fn a_kick_that_panics_keeps_nobody_else_asleep() {
    let (gate, woken) = (Gate::closed(), Woken::default());
    let mut clones = [(); 3].map(|()| gate.clone());
    clones[0].attach(kick(0, &woken));
    clones[1].attach(Kick::new(std::sync::Arc::new(Grumpy).into()));
    clones[2].attach(kick(2, &woken));
    let opening = std::panic::AssertUnwindSafe(|| gate.open());
    assert!(std::panic::catch_unwind(opening).is_err(), "it is heard");
    assert_eq!(taken(&woken), [0, 2]);
}
