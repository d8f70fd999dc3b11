//! What a call asks for, and how its result counts: closures, or the usual.

use regatta_core::{Outcome, Request};

/// What a call asks its limiter for. Closures do, and [`Usual`].
pub trait RequestOf<Req> {
    /// The request of a call with `body`.
    fn request_of(&self, body: &Req) -> Request;
}

/// How a call's result counts. Closures say, and [`Usual`].
pub trait Classify<Res, Err> {
    /// What the limiter hears of `result`.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;
}

/// Cost 1, no priority, no class; `Ok` is a success and `Err` a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usual;

impl<Req> RequestOf<Req> for Usual {
    fn request_of(&self, _: &Req) -> Request {
        Request::new()
    }
}

impl<Req, F: Fn(&Req) -> Request> RequestOf<Req> for F {
    fn request_of(&self, body: &Req) -> Request {
        self(body)
    }
}

impl<Res, Err> Classify<Res, Err> for Usual {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { Outcome::Failure }
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> Outcome> Classify<Res, Err> for F {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        self(result)
    }
}
