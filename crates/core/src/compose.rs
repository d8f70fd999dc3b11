//! Composition: tuples, `Vec`, `Option` and `Box` of strategies, and `()`. All ask first, then all commit.

use crate::{Explain, Hold, Kick, Outcome, Readiness, Request, Strategy, Time};

impl Strategy for () {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn timed(&self) -> bool {
        false
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn finish_matters(&self) -> bool {
        false
    }

    fn rest(&self, _: Time) -> Readiness {
        Readiness::Ready
    }
}

macro_rules! tuple {
    ($($member:ident $index:tt),+) => {
        impl<$($member: Strategy),+> Strategy for ($($member,)+) {
            type Token = ($($member::Token,)+);

            fn ready(&self, now: Time, request: &Request) -> Readiness {
                Readiness::Ready$(.and(self.$index.ready(now, request)))+
            }

            fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
                // Asking everybody first keeps a refusal free of side effects; only a member that is shared with
                // another engine can still refuse below, and then the others get theirs back.
                self.ready(now, request).check()?;
                let mut taken = ($(None::<$member::Token>,)+);
                let refusal = 'refused: {
                    $(match self.$index.start(now, request) {
                        Ok(token) => taken.$index = Some(token),
                        Err(refusal) => break 'refused refusal,
                    })+
                    match taken {
                        ($(Some($member),)+) => return Ok(($($member,)+)),
                        _ => unreachable!("every member has either started or refused"),
                    }
                };
                $(if let Some(token) = taken.$index {
                    self.$index.finish(token, now, Outcome::Unused);
                })+
                Err(refusal)
            }

            fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome) {
                $(self.$index.finish(token.$index, now, outcome);)+
            }

            fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
                $(self.$index.reconcile(&mut token.$index, now, actual);)+
            }

            fn attach(&mut self, kick: Kick) {
                $(self.$index.attach(kick.clone());)+
            }

            fn park(&mut self, now: Time, request: &Request) {
                // Only those that refuse are waited for: a place in a queue that is not needed would block others.
                $(if self.$index.ready(now, request).is_ready() {
                    self.$index.unpark();
                } else {
                    self.$index.park(now, request);
                })+
            }

            fn unpark(&mut self) {
                $(self.$index.unpark();)+
            }

            fn timed(&self) -> bool {
                false $(|| self.$index.timed())+
            }

            fn finish_timed(&self) -> bool {
                false $(|| self.$index.finish_timed())+
            }

            fn finish_matters(&self) -> bool {
                false $(|| self.$index.finish_matters())+
            }

            fn hold(&self, token: &Self::Token) -> Hold {
                Hold::none()$(.and(self.$index.hold(&token.$index)))+
            }

            fn rest(&self, now: Time) -> Readiness {
                Readiness::Ready$(.and(self.$index.rest(now)))+
            }

            fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
                $(self.$index.explain(now, request, out);)+
            }
        }
    };
}

#[allow(non_snake_case, reason = "the macro names a member's token after the member's type")]
mod tuples {
    use super::*;

    tuple!(A 0);
    tuple!(A 0, B 1);
    tuple!(A 0, B 1, C 2);
    tuple!(A 0, B 1, C 2, D 3);
    tuple!(A 0, B 1, C 2, D 3, F 4);
    tuple!(A 0, B 1, C 2, D 3, F 4, G 5);
    tuple!(A 0, B 1, C 2, D 3, F 4, G 5, H 6);
    tuple!(A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7);
}

impl<S: Strategy> Strategy for Option<S> {
    type Token = Option<S::Token>;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.as_ref().map_or(Readiness::Ready, |inner| inner.ready(now, request))
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        self.as_mut().map(|inner| inner.start(now, request)).transpose()
    }

    fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome) {
        if let (Some(inner), Some(token)) = (self, token) {
            inner.finish(token, now, outcome);
        }
    }

    fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
        if let (Some(inner), Some(token)) = (self, token) {
            inner.reconcile(token, now, actual);
        }
    }

    fn attach(&mut self, kick: Kick) {
        if let Some(inner) = self {
            inner.attach(kick);
        }
    }

    fn park(&mut self, now: Time, request: &Request) {
        if let Some(inner) = self {
            inner.park(now, request);
        }
    }

    fn unpark(&mut self) {
        if let Some(inner) = self {
            inner.unpark();
        }
    }

    fn timed(&self) -> bool {
        self.as_ref().is_some_and(Strategy::timed)
    }

    fn finish_timed(&self) -> bool {
        self.as_ref().is_some_and(Strategy::finish_timed)
    }

    fn finish_matters(&self) -> bool {
        self.as_ref().is_some_and(Strategy::finish_matters)
    }

    fn hold(&self, token: &Self::Token) -> Hold {
        match (self, token) {
            (Some(inner), Some(token)) => inner.hold(token),
            _ => Hold::none(),
        }
    }

    fn rest(&self, now: Time) -> Readiness {
        self.as_ref().map_or(Readiness::Ready, |inner| inner.rest(now))
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        if let Some(inner) = self {
            inner.explain(now, request, out);
        }
    }
}

/// Costs one allocation per start; a tuple costs none.
impl<S: Strategy> Strategy for Vec<S> {
    type Token = Vec<S::Token>;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.iter().fold(Readiness::Ready, |all, inner| all.and(inner.ready(now, request)))
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        self.ready(now, request).check()?;
        let mut taken = Vec::with_capacity(self.len());
        for inner in self.iter_mut() {
            match inner.start(now, request) {
                Ok(token) => taken.push(token),
                Err(refusal) => {
                    self.finish(taken, now, Outcome::Unused);
                    return Err(refusal);
                }
            }
        }
        Ok(taken)
    }

    fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome) {
        for (inner, token) in self.iter_mut().zip(token) {
            inner.finish(token, now, outcome);
        }
    }

    fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
        for (inner, token) in self.iter_mut().zip(token) {
            inner.reconcile(token, now, actual);
        }
    }

    fn attach(&mut self, kick: Kick) {
        for inner in self {
            inner.attach(kick.clone());
        }
    }

    fn park(&mut self, now: Time, request: &Request) {
        for inner in self {
            if inner.ready(now, request).is_ready() {
                inner.unpark();
            } else {
                inner.park(now, request);
            }
        }
    }

    fn unpark(&mut self) {
        self.iter_mut().for_each(Strategy::unpark);
    }

    fn timed(&self) -> bool {
        self.iter().any(Strategy::timed)
    }

    fn finish_timed(&self) -> bool {
        self.iter().any(Strategy::finish_timed)
    }

    fn finish_matters(&self) -> bool {
        self.iter().any(Strategy::finish_matters)
    }

    fn hold(&self, token: &Self::Token) -> Hold {
        self.iter().zip(token).fold(Hold::none(), |all, (inner, token)| all.and(inner.hold(token)))
    }

    fn rest(&self, now: Time) -> Readiness {
        self.iter().fold(Readiness::Ready, |all, inner| all.and(inner.rest(now)))
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        self.iter().for_each(|inner| inner.explain(now, request, out));
    }
}

macro_rules! forward {
    ($($pointer:tt)+) => {
        impl<S: Strategy + ?Sized> Strategy for $($pointer)+ {
            type Token = S::Token;

            fn ready(&self, now: Time, request: &Request) -> Readiness {
                (**self).ready(now, request)
            }

            fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
                (**self).start(now, request)
            }

            fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome) {
                (**self).finish(token, now, outcome);
            }

            fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
                (**self).reconcile(token, now, actual);
            }

            fn attach(&mut self, kick: Kick) {
                (**self).attach(kick);
            }

            fn park(&mut self, now: Time, request: &Request) {
                (**self).park(now, request);
            }

            fn unpark(&mut self) {
                (**self).unpark();
            }

            fn timed(&self) -> bool {
                (**self).timed()
            }

            fn finish_timed(&self) -> bool {
                (**self).finish_timed()
            }

            fn finish_matters(&self) -> bool {
                (**self).finish_matters()
            }

            fn hold(&self, token: &Self::Token) -> Hold {
                (**self).hold(token)
            }

            fn rest(&self, now: Time) -> Readiness {
                (**self).rest(now)
            }

            fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
                (**self).explain(now, request, out);
            }
        }
    };
}

forward!(Box<S>);
forward!(&mut S);

#[cfg(test)]
mod tests;
