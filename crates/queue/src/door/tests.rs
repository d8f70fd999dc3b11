use super::*;
use regatta_sim::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell::default());
    (bell.clone(), Waker::from(bell))
}

#[test]
fn the_most_urgent_goes_first_then_who_came_first() {
    let mut door = Door::default();
    let guests = [0, 5, 0, 5, -1].map(|priority| door.join(priority, Waker::noop().clone()));
    let mut order = Vec::new();
    while let Some(_waker) = door.let_in() {
        let (number, guest) =
            guests.iter().enumerate().find(|(_, guest)| door.enter(**guest)).expect("somebody was let in");
        order.push(number);
        assert!(!door.enter(*guest), "a guest comes in once");
    }
    assert_eq!(order, [1, 3, 0, 2, 4]);
    assert!(door.is_empty());
}

#[test]
fn the_last_waker_counts_and_the_others_are_handed_back() {
    let mut door = Door::default();
    let ((first, one), (second, two)) = (bell(), bell());
    let guest = door.join(0, one);
    assert!(door.wait(guest, two).unwrap().is_some_and(|old| old.will_wake(&Waker::from(first.clone()))));
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
    door.let_in().expect("it waits").wake();
    assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
    assert_eq!(Arc::strong_count(&second), 1, "who was let in leaves no waker");
    assert!(door.wait(guest, Waker::noop().clone()).is_err(), "it doesn't stand in line any more");
    assert!(door.enter(guest));
}

#[test]
fn whoever_leaves_takes_his_waker_along() {
    let mut door = Door::default();
    let (bell, waker) = bell();
    let guest = door.join(0, waker);
    drop(door.leave(guest).expect("it had one"));
    assert_eq!((Arc::strong_count(&bell), door.len()), (1, 0));
    assert!(door.leave(guest).is_none() && !door.enter(guest));
}

#[test]
fn those_who_were_let_in_are_not_sent_away() {
    let mut door = Door::default();
    let (first, second) = (door.join(0, Waker::noop().clone()), door.join(0, Waker::noop().clone()));
    door.let_in();
    assert_eq!(door.clear().count(), 1);
    assert!(door.enter(first), "its place waits for it");
    assert!(!door.enter(second) && door.wait(second, Waker::noop().clone()).is_err());
}

/// Against a list that is sorted anew each time.
#[test]
fn random_guests() {
    for seed in 0..crate::order::seeds() {
        let mut random = Rng::with_seed(seed);
        let (mut door, mut line, mut inside) =
            (Door::default(), Vec::<(i32, usize, Guest)>::new(), Vec::new());
        for came in 0..200 {
            match random.u8(..6) {
                0..=2 => {
                    let priority = random.i32(-2..=2);
                    line.push((-priority, came, door.join(priority, Waker::noop().clone())));
                }
                3 => {
                    line.sort_unstable_by_key(|(priority, came, _)| (*priority, *came));
                    assert_eq!(door.let_in().is_some(), !line.is_empty(), "seed {seed}");
                    inside.extend((!line.is_empty()).then(|| line.remove(0).2));
                }
                4 if !line.is_empty() => {
                    let (_, _, guest) = line.swap_remove(random.usize(..line.len()));
                    assert!(!door.enter(guest), "seed {seed}: it still stands in line");
                    assert!(door.leave(guest).is_some(), "seed {seed}");
                }
                _ if !inside.is_empty() => {
                    let guest = inside.swap_remove(random.usize(..inside.len()));
                    assert!(door.enter(guest) && !door.enter(guest), "seed {seed}");
                }
                _ => {}
            }
            assert_eq!((door.len(), door.is_empty()), (line.len(), line.is_empty()), "seed {seed}");
        }
    }
}
