//! `Threads` and `Local`: whether what a face stores may move between threads.

use crate::body::Again;
use regatta_core::BoxFuture;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// Tasks are `Send`, and so is the future that runs them. The default.
#[derive(Clone, Copy, Debug)]
pub enum Threads {}

/// Tasks need not be `Send`; the future that runs them isn't either, so it stays on its thread.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

/// What a face stores: [`Threads`] or [`Local`]. Sealed.
pub trait Mode<'a, T, E>: sealed::Sealed {
    /// A task, boxed.
    type Task: Future<Output = Result<T, E>> + Unpin;
    /// What makes a task when it starts, boxed.
    type Factory: Again<Self::Task, E>;
}

/// The tasks that a mode takes. Sealed.
pub trait Takes<'a, F, T, E>: Mode<'a, T, E> {
    /// The task, boxed.
    fn boxed(task: F) -> Self::Task;
}

/// The tasks with plain outputs that a mode takes. Sealed.
pub trait TakesOk<'a, F, T, E>: Mode<'a, T, E> {
    /// The task, boxed; its output is a success.
    fn boxed_ok(task: F) -> Self::Task;
}

/// The task factories that a mode takes. Sealed.
pub trait TakesFactory<'a, A, T, E>: Mode<'a, T, E> {
    /// The factory, boxed.
    fn factory(factory: A) -> Self::Factory;
}

impl<'a, T, E> Mode<'a, T, E> for Threads {
    type Task = BoxFuture<'a, Result<T, E>>;
    type Factory = Box<dyn Again<BoxFuture<'a, Result<T, E>>, E> + Send + 'a>;
}

impl<'a, T, E> Mode<'a, T, E> for Local {
    type Task = Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>;
    type Factory = Box<dyn Again<Self::Task, E> + 'a>;
}

impl<'a, F, T, E> Takes<'a, F, T, E> for Threads
where
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    #[inline]
    fn boxed(task: F) -> Self::Task {
        Box::pin(task)
    }
}

impl<'a, F, T, E> Takes<'a, F, T, E> for Local
where
    F: Future<Output = Result<T, E>> + 'a,
{
    #[inline]
    fn boxed(task: F) -> Self::Task {
        Box::pin(task)
    }
}

impl<'a, F, T, E> TakesOk<'a, F, T, E> for Threads
where
    F: Future<Output = T> + Send + 'a,
    T: 'a,
    E: 'a,
{
    #[inline]
    fn boxed_ok(task: F) -> Self::Task {
        Box::pin(async move { Ok(task.await) })
    }
}

impl<'a, F, T, E> TakesOk<'a, F, T, E> for Local
where
    F: Future<Output = T> + 'a,
    T: 'a,
    E: 'a,
{
    #[inline]
    fn boxed_ok(task: F) -> Self::Task {
        Box::pin(async move { Ok(task.await) })
    }
}

impl<'a, A, T, E> TakesFactory<'a, A, T, E> for Threads
where
    A: Again<BoxFuture<'a, Result<T, E>>, E> + Send + 'a,
{
    fn factory(factory: A) -> Self::Factory {
        Box::new(factory)
    }
}

impl<'a, A, T, E> TakesFactory<'a, A, T, E> for Local
where
    A: Again<Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>, E> + 'a,
{
    fn factory(factory: A) -> Self::Factory {
        Box::new(factory)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Threads {}
    impl Sealed for super::Local {}
}
