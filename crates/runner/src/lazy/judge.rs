//! `Judge`: how the output of a task becomes its result.

use std::convert::Infallible;

/// How the output of a task becomes its result.
pub trait Judge<O, T, E>: sealed::Sealed {
    /// The result.
    fn judge(output: O) -> Result<T, E>;
}

/// Tasks that return a `Result`, which is their result.
#[derive(Clone, Copy, Debug)]
pub struct Fallible;

/// Tasks that return a plain value, which is their success.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl<T, E> Judge<Result<T, E>, T, E> for Fallible {
    fn judge(output: Result<T, E>) -> Result<T, E> {
        output
    }
}

impl<T> Judge<T, T, Infallible> for Plain {
    fn judge(output: T) -> Result<T, Infallible> {
        Ok(output)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fallible {}
    impl Sealed for super::Plain {}
}
