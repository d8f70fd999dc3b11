//! What is `Send` and `Sync`: the sides of a queue as far as its jobs, results and errors are; drivers exactly if their
//! tasks are.

use super::{Fault, io, length, names, number};
use regatta::queue::{
    Ctx, Done, FailedAttempt, Finished, Handle, JobId, Key, Leftover, Options, Place, Push, PushError, Queue,
    Reader, Refusal, Reserve, Settled, Stats, Submit, Ticket, map,
};
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// Whether the type is `Send`: the inherent method exists only if it is, and otherwise the trait's is found.
struct Ask<T>(PhantomData<T>);

impl<T: Send> Ask<T> {
    fn is_send(&self) -> bool {
        true
    }
}

trait NotSend {
    fn is_send(&self) -> bool {
        false
    }
}

impl<T> NotSend for Ask<T> {}

fn ask<T>(_: &T) -> Ask<T> {
    Ask(PhantomData)
}

macro_rules! is_send {
    ($T:ty) => {
        Ask::<$T>(PhantomData).is_send()
    };
}

fn send<T: Send>() {}
fn send_and_sync<T: Send + Sync>() {}
fn everywhere<T: Send + Sync + 'static>() {}

/// Of results and errors, `Send` is asked only where a thread could get at them; a `Cell` can go from one to another.
#[test]
fn every_side_of_a_queue_goes_to_other_threads() {
    fn sides<J: Send + Sync, R: Send, E: Send + Sync>() {
        send_and_sync::<Queue<J, R, E>>();
        send::<Reader<J, R, E>>();
        send::<Ticket<J, R, E>>();
        send::<Push<'_, J, R, E>>();
        send::<Reserve<J, R, E>>();
        send::<Place<J, R, E>>();
        send::<Submit<'_, J, R, E>>();
        send::<Settled<J, R, E>>();
        send::<Handle<J, R, E>>();
        send::<Ctx<J, R, E>>();
        send::<Done<J, R, E>>();
        send_and_sync::<Finished<J>>();
        send_and_sync::<Leftover<J>>();
        send_and_sync::<PushError<J>>();
        send_and_sync::<FailedAttempt<E>>();
    }
    sides::<String, Cell<u8>, Fault>();
    sides::<&str, &str, &str>();
    everywhere::<(JobId, Key, Options, Refusal, Stats)>();
}

#[test]
fn what_stays_on_its_thread_keeps_its_queue_there() {
    assert!(is_send!(Queue<u8, u8, u8>), "the question is put well");
    assert!(!is_send!(Queue<Rc<u8>, u8, u8>));
    assert!(!is_send!(Queue<u8, Rc<u8>, u8>));
    assert!(!is_send!(Queue<u8, u8, Rc<u8>>));
    assert!(!is_send!(Done<Rc<u8>, u8, u8>));
    assert!(!is_send!(Done<u8, Rc<u8>, u8>));
    assert!(!is_send!(Done<u8, u8, Rc<u8>>));
    assert!(!is_send!(Handle<u8, Rc<u8>, u8>));
    assert!(!is_send!(Finished<Rc<u8>>));
    assert!(!is_send!(Ticket<u8, Rc<u8>, u8>));
    assert!(!is_send!(Reader<u8, Rc<u8>, u8>));
}

async fn holds_rc(job: Arc<usize>, _: Ctx<usize, usize, Fault>) -> Result<usize, Fault> {
    let held = Rc::new(*job);
    io(1).await?;
    Ok(*held)
}

async fn body(mut results: Reader<usize, usize, Fault>) {
    results.next().await;
}

async fn body_holds_rc(mut results: Reader<usize, usize, Fault>) {
    let held = Rc::new(1);
    results.next().await;
    drop(held);
}

/// The functions stand outside: what a closure or an `async` block holds, the compiler knows only after it has answered
/// all questions about the function around it.
#[test]
fn drivers_are_send_if_their_tasks_are() {
    let names = names();
    assert!(ask(&map(&names, 2, length).unwrap()).is_send());
    assert!(ask(&map([1], 2, number).unwrap()).is_send());
    assert!(!ask(&map([1], 2, holds_rc).unwrap()).is_send());
    let builder = || Queue::<usize>::builder().workers(1).unwrap();
    assert!(ask(&builder().for_each([1], number, body).unwrap()).is_send());
    assert!(!ask(&builder().for_each([1], number, body_holds_rc).unwrap()).is_send());
    assert!(!ask(&builder().for_each([1], holds_rc, body).unwrap()).is_send());
    let (_queue, _results, mut engine) = builder().build(number).unwrap();
    assert!(ask(&engine).is_send());
    assert!(ask(&engine.run()).is_send());
    assert!(ask(&engine.run_with(io(1))).is_send());
    let (_queue, _results, mut engine) = builder().build(holds_rc).unwrap();
    assert!(!ask(&engine.run()).is_send());
}
