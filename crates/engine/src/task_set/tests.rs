//! What a set of tasks promises, example by example, and then against a plain vector.

mod reference;

use super::*;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::thread;

/// A driver that counts how often it is woken.
#[derive(Default)]
struct Driver(AtomicUsize);

impl Wake for Driver {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Driver {
    fn registered_with<F, T>(set: &TaskSet<F, T>) -> Arc<Self> {
        let driver = Arc::new(Self::default());
        set.register(&Waker::from(driver.clone()));
        driver
    }

    fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A task that never ends, and hands its waker out.
fn parked(waker: &Rc<RefCell<Option<Waker>>>) -> impl Future<Output = u32> + use<> {
    let waker = waker.clone();
    poll_fn(move |cx| {
        *waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
}

fn wake(waker: &Rc<RefCell<Option<Waker>>>) {
    waker.borrow().as_ref().expect("it was polled").wake_by_ref();
}

/// The woken tasks of one round, in order, without polling them.
fn woken<F, T>(set: &mut TaskSet<F, T>) -> Vec<SlotId> {
    set.refill();
    std::iter::from_fn(|| set.next_woken()).collect()
}

fn output<T>(end: Option<(T, End<u32>)>) -> Option<(T, u32)> {
    match end {
        Some((tenant, End::Output(output))) => Some((tenant, output)),
        Some((_, end)) => panic!("not an output: {end:?}"),
        None => None,
    }
}

fn nanos(n: u64) -> Time {
    Time::from_nanos(n)
}

#[test]
fn smoke() {
    let mut set = TaskSet::new();
    let id = set.insert(ready(7), "seven", Time::MAX);
    assert_eq!(set.len(), 1);
    assert_eq!(output(set.poll(id)), Some(("seven", 7)));
    assert!(set.is_empty());
}

#[test]
fn empty() {
    let mut set = TaskSet::<std::future::Ready<u32>, ()>::new();
    assert!(set.is_empty());
    assert_eq!(woken(&mut set), []);
    assert_eq!(set.next_deadline(), None);
    assert_eq!(set.next_due(Time::MAX), None);
    assert_eq!(set.ids().count(), 0);
}

#[test]
fn inserting_wakes_nobody() {
    let mut set = TaskSet::new();
    let driver = Driver::registered_with(&set);
    set.insert(ready(1), (), Time::MAX);
    assert_eq!(driver.wakes(), 0);
    assert_eq!(woken(&mut set), [], "a new task is polled by whoever inserted it");
}

#[test]
fn woken_tasks_come_first_woken_first_and_once_each() {
    let mut set = TaskSet::new();
    let wakers: Vec<_> = (0..4).map(|_| Rc::default()).collect();
    let ids: Vec<_> = wakers.iter().map(|waker| set.insert(parked(waker), (), Time::MAX)).collect();
    for id in &ids {
        assert!(set.poll(*id).is_none());
    }
    for n in [2, 0, 2, 3, 0, 2] {
        wake(&wakers[n]);
    }
    assert_eq!(woken(&mut set), [ids[2], ids[0], ids[3]]);
    assert_eq!(woken(&mut set), []);
}

#[test]
fn many_wakes_wake_the_driver_once() {
    let mut set = TaskSet::new();
    let wakers: Vec<_> = (0..31).map(|_| Rc::default()).collect();
    for waker in &wakers {
        let id = set.insert(parked(waker), (), Time::MAX);
        assert!(set.poll(id).is_none());
    }
    let driver = Driver::registered_with(&set);
    for waker in wakers.iter().chain(&wakers) {
        wake(waker);
    }
    assert_eq!(driver.wakes(), 1);
    assert_eq!(woken(&mut set).len(), 31);
    set.register(&Waker::from(driver.clone()));
    wake(&wakers[30]);
    assert_eq!(driver.wakes(), 2, "a list that was taken starts anew");
}

#[test]
fn a_wake_during_the_poll_counts_for_the_next_round() {
    let mut set = TaskSet::new();
    let driver = Driver::registered_with(&set);
    let polls = Rc::new(Cell::new(0));
    let counted = polls.clone();
    let task = poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        cx.waker().wake_by_ref();
        if counted.get() == 3 { Poll::Ready(3) } else { Poll::Pending }
    });
    let id = set.insert(task, (), Time::MAX);
    assert!(set.poll(id).is_none());
    assert_eq!(driver.wakes(), 1);
    assert_eq!(woken(&mut set), [id]);
    assert!(set.poll(id).is_none());
    assert_eq!(woken(&mut set), [id]);
    assert_eq!(output(set.poll(id)), Some(((), 3)));
    assert_eq!(woken(&mut set), [], "it woke itself as it ended, and is gone");
    assert_eq!(polls.get(), 3);
}

#[test]
fn a_mark_taken_early_is_not_handed_out_again() {
    let (mut set, waker) = (TaskSet::new(), Rc::default());
    let id = set.insert(parked(&waker), (), Time::MAX);
    assert!(set.poll(id).is_none());
    wake(&waker);
    set.refill();
    assert!(set.has_woken());
    assert!(set.take_wake(id));
    assert!(!set.take_wake(id));
    assert_eq!(set.next_woken(), None);
}

#[test]
fn a_mark_taken_early_does_not_poll_the_next_tenant_twice() {
    let (mut set, waker) = (TaskSet::new(), Rc::default());
    let first = set.insert(parked(&waker), (), Time::MAX);
    assert!(set.poll(first).is_none());
    wake(&waker);
    assert!(set.take_wake(first));
    assert!(set.remove(first).is_some());
    let second = set.insert(parked(&waker), (), Time::MAX);
    assert!(set.poll(second).is_none());
    wake(&waker);
    set.refill();
    assert_eq!(set.next_woken(), Some(second));
    wake(&waker);
    assert_eq!(set.next_woken(), None, "it wakes itself in its poll, and that is for the next round");
    assert_eq!(woken(&mut set), [second]);
}

#[test]
fn late_wake_of_a_former_tenant_is_harmless() {
    let (mut set, former, present) = (TaskSet::new(), Rc::default(), Rc::default());
    let first = set.insert(parked(&former), "former", Time::MAX);
    assert!(set.poll(first).is_none());
    assert_eq!(set.remove(first), Some("former"));
    let second = set.insert(parked(&present), "present", Time::MAX);
    assert!(set.poll(second).is_none());
    wake(&former);
    for id in woken(&mut set) {
        assert_eq!(id, second, "at worst a spurious poll of the present tenant");
        assert!(set.poll(id).is_none());
    }
    assert_eq!(set.len(), 1);
}

#[test]
fn a_former_tenants_wake_that_was_queued_before_reuse_is_harmless() {
    let (mut set, former, present) = (TaskSet::new(), Rc::default(), Rc::default());
    let first = set.insert(parked(&former), "former", Time::MAX);
    assert!(set.poll(first).is_none());
    wake(&former);
    set.refill();
    assert_eq!(set.remove(first), Some("former"));
    let second = set.insert(parked(&present), "present", Time::MAX);
    assert!(set.poll(second).is_none());
    while let Some(id) = set.next_woken() {
        assert_eq!(id, second);
    }
    wake(&present);
    assert_eq!(woken(&mut set), [second], "the stale mark has not swallowed the wake");
}

#[test]
fn stale_ids_find_nothing() {
    let mut set = TaskSet::new();
    let stale = set.insert(ready(1), "first", nanos(5));
    assert!(set.poll(stale).is_some());
    let id = set.insert(ready(2), "second", nanos(9));
    assert!(set.poll(stale).is_none());
    assert!(set.remove(stale).is_none());
    assert!(set.tenant_mut(stale).is_none());
    assert!(set.task_mut(stale).is_none());
    assert!(!set.take_wake(stale));
    assert_eq!(set.next_deadline(), Some(nanos(9)), "the first one's deadline went with it");
    assert_eq!(output(set.poll(id)), Some(("second", 2)));
}

#[test]
fn slots_are_reused() {
    let mut set = TaskSet::new();
    let mut indices = std::collections::HashSet::new();
    for n in 0..100 {
        let id = set.insert(ready(n), (), Time::MAX);
        indices.insert(id.index);
        assert!(set.poll(id).is_some());
    }
    assert_eq!(indices.len(), 1);
}

#[test]
fn wakes_after_the_set_is_gone_are_harmless() {
    let (mut set, waker) = (TaskSet::new(), Rc::default());
    let driver = Driver::registered_with(&set);
    let id = set.insert(parked(&waker), (), Time::MAX);
    assert!(set.poll(id).is_none());
    let kick = set.kick();
    drop(set);
    wake(&waker);
    kick.kick();
    drop(waker);
    assert!(driver.wakes() <= 2);
}

#[test]
fn wakes_from_another_thread_arrive() {
    let mut set = TaskSet::new();
    let driver = Driver::registered_with(&set);
    let (send, receive) = std::sync::mpsc::channel();
    let task = poll_fn(move |cx| {
        send.send(cx.waker().clone()).expect("the test listens");
        Poll::<u32>::Pending
    });
    let id = set.insert(task, (), Time::MAX);
    assert!(set.poll(id).is_none());
    let waker = receive.recv().expect("it was polled");
    thread::spawn(move || waker.wake()).join().expect("a wake doesn't panic");
    assert_eq!(driver.wakes(), 1);
    assert_eq!(woken(&mut set), [id]);
}

#[test]
fn a_kick_wakes_the_driver_and_no_task() {
    let mut set = TaskSet::new();
    let driver = Driver::registered_with(&set);
    set.insert(pending::<u32>(), (), Time::MAX);
    set.kick().kick();
    assert_eq!(driver.wakes(), 1);
    assert_eq!(woken(&mut set), []);
}

#[test]
fn panics_inside_touch_no_other() {
    let mut set = TaskSet::<Box<dyn Future<Output = u32> + Unpin>, _>::new();
    let bad = set.insert(Box::new(poll_fn(|_| panic!("aground"))), "bad", Time::MAX);
    let good = set.insert(Box::new(ready(1)), "good", Time::MAX);
    match set.poll(bad) {
        Some(("bad", End::Panicked(panic))) => assert_eq!(panic.message(), "aground"),
        other => panic!("{other:?}"),
    }
    assert_eq!(output(set.poll(good)), Some(("good", 1)));
}

/// Panics when it is dropped, and counts that.
struct Bomb<'a>(&'a Cell<usize>);

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("a drop that panics");
    }
}

#[test]
fn a_panic_in_a_drop_is_contained_wherever_it_happens() {
    let drops = Cell::new(0);
    let armed = |ends: bool| {
        let bomb = Bomb(&drops);
        poll_fn(move |_| {
            let _bomb = &bomb;
            if ends { Poll::Ready(1) } else { Poll::Pending }
        })
    };
    let mut set = TaskSet::new();
    let ends = set.insert(armed(true), "ends", Time::MAX);
    let removed = set.insert(armed(false), "removed", Time::MAX);
    for n in 0..3 {
        set.insert(armed(false), "left", nanos(n));
    }
    assert_eq!(output(set.poll(ends)), Some(("ends", 1)), "the output outlives the panic");
    assert_eq!(set.remove(removed), Some("removed"));
    assert_eq!((drops.get(), set.len()), (2, 3));
    drop(set);
    assert_eq!(drops.get(), 5, "each was dropped once, the panics notwithstanding");
}

#[test]
fn deadlines_fire_in_order_and_once() {
    let mut set = TaskSet::new();
    let ids: Vec<_> =
        [30, 10, 20].into_iter().map(|at| set.insert(pending::<u32>(), at, nanos(at))).collect();
    set.insert(pending(), 0, Time::MAX);
    assert_eq!(set.next_deadline(), Some(nanos(10)));
    assert_eq!(set.next_due(nanos(9)), None);
    assert_eq!(set.next_due(nanos(20)), Some(ids[1]));
    assert_eq!(set.next_due(nanos(20)), Some(ids[2]));
    assert_eq!(set.next_due(nanos(20)), None);
    assert_eq!((set.next_deadline(), set.len()), (Some(nanos(30)), 4), "firing removes no task");
}

#[test]
fn dead_deadlines_leave_no_memory_behind() {
    let mut set = TaskSet::new();
    for n in 0..100_000 {
        let id = set.insert(ready(1), (), nanos(1_000_000 + n));
        assert!(set.poll(id).is_some());
    }
    assert!(set.deadline_entries() < 100, "{} entries for no task", set.deadline_entries());
    assert_eq!(set.next_deadline(), None);
}

#[test]
fn dropped_midway() {
    let (mut set, alive) = (TaskSet::new(), Rc::new(()));
    for n in 0..5 {
        let held = alive.clone();
        let task =
            poll_fn(move |_| if Rc::strong_count(&held) > 0 { Poll::<u32>::Pending } else { Poll::Ready(0) });
        let id = set.insert(task, (), nanos(n));
        assert!(set.poll(id).is_none());
    }
    drop(set);
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn tenants_are_listed_in_the_order_of_their_slots() {
    let mut set = TaskSet::new();
    let ids: Vec<_> = "abc".chars().map(|name| set.insert(pending::<u32>(), name, Time::MAX)).collect();
    assert_eq!(set.remove(ids[1]), Some('b'));
    assert_eq!(set.tenants().collect::<Vec<_>>(), [(ids[0], &'a'), (ids[2], &'c')]);
    let again = set.insert(pending(), 'd', Time::MAX);
    assert_eq!(set.ids().collect::<Vec<_>>(), [ids[0], again, ids[2]]);
    assert_eq!(set.tenant_mut(again), Some(&mut 'd'));
}
