//! Where the futures of tasks come from: one that is there already, or a factory that makes one per attempt.

use crate::ctx::Ctx;
use regatta_core::{BoxFuture, Retry};
use regatta_engine::contain_drop;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

/// Makes the futures of one task, and says whether there is another after a failure.
pub trait Again<Task, E> {
    /// The next attempt. `ctx` costs an allocation, so it is made only for those who want one.
    fn attempt(&mut self, ctx: &mut dyn FnMut() -> Ctx) -> Task;
    /// Its retry rule, if it has one.
    fn retry(&mut self) -> Option<&mut dyn Retry<E>>;
}

/// A factory that is cloned per attempt.
#[derive(Debug)]
pub struct Retried<G, R> {
    pub(crate) make: G,
    pub(crate) retry: R,
}

/// The same for a factory that wants a [`Ctx`].
#[derive(Debug)]
pub struct RetriedWith<G, R> {
    pub(crate) make: G,
    pub(crate) retry: R,
}

/// A factory that wants a [`Ctx`] and is called once.
#[derive(Debug)]
pub struct Once<G>(pub(crate) Option<G>);

type LocalBoxFuture<'a, O> = Pin<Box<dyn Future<Output = O> + 'a>>;

/// Once for each mode: the future must be `Send` where the box says so.
macro_rules! again {
    ($task:ident $(+ $send:ident)?) => {
        impl<'a, G, R, F, T, E> Again<$task<'a, Result<T, E>>, E> for Retried<G, R>
        where
            G: FnOnce() -> F + Clone,
            R: Retry<E>,
            F: Future<Output = Result<T, E>> $(+ $send)? + 'a,
        {
            fn attempt(&mut self, _: &mut dyn FnMut() -> Ctx) -> $task<'a, Result<T, E>> {
                Box::pin(self.make.clone()())
            }

            fn retry(&mut self) -> Option<&mut dyn Retry<E>> {
                Some(&mut self.retry)
            }
        }

        impl<'a, G, R, F, T, E> Again<$task<'a, Result<T, E>>, E> for RetriedWith<G, R>
        where
            G: FnOnce(Ctx) -> F + Clone,
            R: Retry<E>,
            F: Future<Output = Result<T, E>> $(+ $send)? + 'a,
        {
            fn attempt(&mut self, ctx: &mut dyn FnMut() -> Ctx) -> $task<'a, Result<T, E>> {
                Box::pin(self.make.clone()(ctx()))
            }

            fn retry(&mut self) -> Option<&mut dyn Retry<E>> {
                Some(&mut self.retry)
            }
        }

        impl<'a, G, F, T, E> Again<$task<'a, Result<T, E>>, E> for Once<G>
        where
            G: FnOnce(Ctx) -> F,
            F: Future<Output = Result<T, E>> $(+ $send)? + 'a,
        {
            fn attempt(&mut self, ctx: &mut dyn FnMut() -> Ctx) -> $task<'a, Result<T, E>> {
                let make = self.0.take().expect("a task without a retry rule has one attempt");
                Box::pin(make(ctx()))
            }

            fn retry(&mut self) -> Option<&mut dyn Retry<E>> {
                None
            }
        }
    };
}

again!(BoxFuture + Send);
again!(LocalBoxFuture);

impl<A: Again<Task, E> + ?Sized, Task, E> Again<Task, E> for Box<A> {
    fn attempt(&mut self, ctx: &mut dyn FnMut() -> Ctx) -> Task {
        (**self).attempt(ctx)
    }

    fn retry(&mut self) -> Option<&mut dyn Retry<E>> {
        (**self).retry()
    }
}

/// One task's body.
pub(crate) enum Body<Task, Factory> {
    /// Good for one attempt.
    Task(Task),
    /// Asked for each attempt.
    Factory(Factory),
}

/// The bodies of a run's tasks by their index. Dropping what was never started is user code too, and contained.
pub(crate) struct Bodies<Task, Factory> {
    tasks: Vec<Option<Task>>,
    /// Beside the futures, because few tasks have one.
    factories: HashMap<usize, Factory>,
}

impl<Task, Factory> Bodies<Task, Factory> {
    pub(crate) fn new() -> Self {
        Self { tasks: Vec::new(), factories: HashMap::new() }
    }

    pub(crate) fn reserve(&mut self, tasks: usize) {
        self.tasks.reserve(tasks);
    }

    /// The body of the next task.
    #[inline]
    pub(crate) fn push(&mut self, body: Body<Task, Factory>) {
        match body {
            Body::Task(task) => self.tasks.push(Some(task)),
            Body::Factory(factory) => {
                self.factories.insert(self.tasks.len(), factory);
                self.tasks.push(None);
            }
        }
    }

    /// The future of a task that was added as one, the first time.
    #[inline]
    pub(crate) fn take(&mut self, index: usize) -> Option<Task> {
        self.tasks[index].take()
    }

    pub(crate) fn factory(&mut self, index: usize) -> Option<&mut Factory> {
        self.factories.get_mut(&index)
    }

    /// This task has ended.
    #[inline]
    pub(crate) fn forget(&mut self, index: usize) {
        // Most runs have no factory at all, and then not even the index is hashed.
        if !self.factories.is_empty() {
            let factory = self.factories.remove(&index);
            contain_drop(|| drop(factory));
        }
        let task = self.tasks[index].take();
        if task.is_some() {
            contain_drop(|| drop(task));
        }
    }
}

impl<Task, Factory> Drop for Bodies<Task, Factory> {
    fn drop(&mut self) {
        for task in self.tasks.drain(..).flatten() {
            contain_drop(|| drop(task));
        }
        for (_, factory) in self.factories.drain() {
            contain_drop(|| drop(factory));
        }
    }
}
