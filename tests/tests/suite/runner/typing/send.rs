//! A driver is `Send` exactly if its tasks are.

use super::{io, names, try_io, try_len};
use crate::runner::support::Fault;
use regatta::{Report, Results, Runner, for_each, map, map_ok};
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::rc::Rc;

/// Whether the value is `Send`: the inherent method exists only if it is, and otherwise the trait's is found.
pub(super) struct Ask<T>(pub(super) PhantomData<T>);

impl<T: Send> Ask<T> {
    pub(super) fn is_send(&self) -> bool {
        true
    }
}

pub(super) trait NotSend {
    fn is_send(&self) -> bool {
        false
    }
}

impl<T> NotSend for Ask<T> {}

pub(super) fn ask<T>(_: &T) -> Ask<T> {
    Ask(PhantomData)
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn drivers_of_send_tasks_are_send() {
    let names = names();
    drop(assert_send(map(&names, 2, try_len).unwrap()));
    drop(assert_send(map(&names, 2, async |name| try_len(name).await).unwrap()));
    drop(assert_send(map_ok([1], 2, io).unwrap()));
    drop(assert_send(for_each(&names, 2, try_len, async |mut done| done.next().await.is_some()).unwrap()));
    let mut runner = Runner::new();
    runner.add(&names[0], try_len(&names[0])).unwrap();
    let runner = assert_send(runner);
    drop(assert_send(runner.run()));
    assert!(ask(&map(&names, 2, try_len).unwrap()).is_send(), "the question is put well");
}

fn borrows_rc(shared: &Rc<usize>) -> impl FnOnce(usize) -> Ready<usize> + Clone {
    move |n| ready(n + **shared)
}

async fn holds_rc(n: usize) -> Result<usize, Fault> {
    let held = Rc::new(n);
    io(n).await;
    Ok(*held)
}

async fn body(mut done: Results<usize, Fault>) {
    done.next().await;
}

async fn body_holds_rc(mut done: Results<usize, Fault>) {
    let held = Rc::new(1);
    done.next().await;
    drop(held);
}

/// The functions stand outside: what a closure or an `async` block holds, the compiler knows only after it has answered
/// all questions about the function around it.
#[test]
fn drivers_of_other_tasks_are_not() {
    let shared = Rc::new(1);
    let mapped = map_ok([1, 2], 2, borrows_rc(&shared)).unwrap();
    assert!(!ask(&mapped).is_send(), "the function borrows an `Rc`");
    let mapped = map_ok([shared.clone()], 2, ready).unwrap();
    assert!(!ask(&mapped).is_send(), "the items are `Rc`s");
    let mapped = map([1], 2, holds_rc).unwrap();
    assert!(!ask(&mapped).is_send(), "the tasks hold an `Rc`");
    let each = for_each([1], 2, holds_rc, body).unwrap();
    assert!(!ask(&each).is_send(), "the tasks hold an `Rc`");
    let each = for_each([1], 2, try_io, body_holds_rc).unwrap();
    assert!(!ask(&each).is_send(), "the body holds an `Rc`");
    assert!(ask(&for_each([1], 2, try_io, body).unwrap()).is_send(), "and without, it is");
}

#[test]
fn a_run_is_send_if_its_keys_and_values_are() {
    assert!(ask(&Runner::<'_, u8, String, Fault>::new().run()).is_send());
    assert!(!ask(&Runner::<'_, Rc<u8>, u8, Fault>::new().run()).is_send());
    assert!(!ask(&Runner::<'_, u8, Rc<u8>, Fault>::new().run()).is_send());
}

#[test]
fn reports_and_errors_go_everywhere() {
    fn send_and_sync<T: Send + Sync + 'static>() {}
    send_and_sync::<Report<String, u8, Fault>>();
    send_and_sync::<regatta::TaskError<Fault>>();
    send_and_sync::<regatta::DuplicateKey>();
    send_and_sync::<regatta::ConfigError>();
}
