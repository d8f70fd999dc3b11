//! A cancel reaches whoever is there before it, and whoever comes later finds it: children, waits, and their drops.

use crate::cancel::CancelToken;
use crate::model;
use loom::future::block_on;
use loom::thread;

#[test]
fn a_child_that_is_made_while_its_parent_is_cancelled_is_cancelled_too() {
    model(|| {
        let token = CancelToken::new();
        let parent = token.clone();
        let canceller = thread::spawn(move || parent.cancel());
        let child = token.child();
        canceller.join().unwrap();
        assert!(child.is_cancelled());
    });
}

#[test]
fn a_wait_that_begins_while_its_token_is_cancelled_ends() {
    model(|| {
        let token = CancelToken::new();
        let other = token.clone();
        let canceller = thread::spawn(move || other.cancel());
        block_on(token.cancelled());
        canceller.join().unwrap();
    });
}

#[test]
fn a_wait_for_a_grandchild_ends() {
    model(|| {
        let token = CancelToken::new();
        let grandchild = token.child().child();
        let canceller = thread::spawn(move || token.cancel());
        block_on(grandchild.cancelled());
        canceller.join().unwrap();
    });
}

#[test]
fn tokens_and_waits_may_go_while_their_parent_is_cancelled() {
    model(|| {
        let token = CancelToken::new();
        let child = token.child();
        let canceller = thread::spawn(move || token.cancel());
        drop(child.cancelled());
        drop(child.child());
        drop(child);
        canceller.join().unwrap();
    });
}

#[test]
fn cancelled_from_two_sides_it_ends_for_both() {
    model(|| {
        let token = CancelToken::new();
        let other = token.clone();
        let canceller = thread::spawn(move || other.cancel());
        token.cancel();
        assert!(token.is_cancelled() && token.child().is_cancelled());
        block_on(token.cancelled());
        canceller.join().unwrap();
    });
}
