use super::*;
use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};

fn poll(future: &mut Cancelled) -> Poll<()> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn children_end_with_their_parent_and_not_the_reverse() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let leaf = left.child();
    left.cancel();
    assert_eq!([&root, &left, &right, &leaf].map(CancelToken::is_cancelled), [false, true, false, true]);
    root.cancel();
    assert!(right.is_cancelled());
    assert!(root.child().is_cancelled(), "a child of a cancelled token is born cancelled");
}

#[test]
fn waiting_ends_on_cancel() {
    let token = CancelToken::new();
    let mut waits: Vec<_> = (0..31).map(|_| token.child().cancelled()).collect();
    assert!(waits.iter_mut().all(|w| poll(w).is_pending()));
    token.cancel();
    assert!(waits.iter_mut().all(|w| poll(w).is_ready()));
}

#[test]
fn dropped_children_leave_the_parents_list() {
    let token = CancelToken::new();
    for _ in 0..100 {
        drop(token.child());
    }
    assert!(token.0.lock().children.is_empty());
}

#[test]
fn a_long_chain_neither_cancels_nor_drops_by_recursion() {
    let root = CancelToken::new();
    let mut leaf = root.child();
    for _ in 0..50_000 {
        leaf = leaf.child();
    }
    root.cancel();
    assert!(leaf.is_cancelled());
}

#[test]
fn the_guard_cancels_unless_disarmed() {
    let token = CancelToken::new();
    drop(token.clone().drop_guard().disarm());
    assert!(!token.is_cancelled());
    drop(token.clone().drop_guard());
    assert!(token.is_cancelled());
}

#[test]
fn dropped_waits_leave_the_list() {
    let token = CancelToken::new();
    for _ in 0..100 {
        assert!(poll(&mut token.cancelled()).is_pending());
    }
    assert!(token.0.lock().waiting.is_empty());
}

/// Drops a wait of the same token when woken, as an executor does that ends its task at once.
struct DropsTheWait(Mutex<Option<Cancelled>>, AtomicUsize);

impl Wake for DropsTheWait {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        drop(self.0.lock().expect("not poisoned").take());
    }
}

#[test]
fn a_waker_that_drops_its_wait_does_not_deadlock() {
    let token = CancelToken::new();
    let wake = Arc::new(DropsTheWait(Mutex::new(Some(token.cancelled())), AtomicUsize::new(0)));
    let waker = Waker::from(wake.clone());
    let mut wait = wake.0.lock().unwrap().take().unwrap();
    assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
    *wake.0.lock().unwrap() = Some(wait);
    token.cancel();
    assert_eq!(wake.1.load(Ordering::SeqCst), 1);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a bad waker");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_the_cancel() {
    let token = CancelToken::new();
    let mut bad = token.cancelled();
    assert!(Pin::new(&mut bad).poll(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    let mut waits: Vec<_> = (0..8).map(|_| token.child().cancelled()).collect();
    assert!(waits.iter_mut().all(|w| poll(w).is_pending()));
    assert!(catch_unwind(AssertUnwindSafe(|| token.cancel())).is_err(), "the panic reaches the caller");
    assert!(waits.iter_mut().all(|w| poll(w).is_ready()));
}

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_wait_that_moves_to_another_task_is_woken_there() {
    let token = CancelToken::new();
    let mut wait = token.cancelled();
    let counts = [(); 2].map(|()| Arc::new(Counts(AtomicUsize::new(0))));
    for count in &counts {
        let waker = Waker::from(count.clone());
        assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    token.cancel();
    assert_eq!(counts.map(|count| count.0.load(Ordering::SeqCst)), [0, 1]);
}
