use super::*;
use std::task::Waker;

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
    assert!(token.0.lock_children().nodes.is_empty());
}

#[test]
fn a_long_chain_neither_cancels_nor_drops_by_recursion() {
    let root = CancelToken::new();
    let mut leaf = root.child();
    for _ in 0..200_000 {
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
