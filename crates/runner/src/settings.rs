//! The settings that every run of this crate has, written once for all faces.

/// Gives a face the methods for times, stop rule and cancellation. `$this.$course` must be its `Course`, `$this.$watch`
/// its `Watch`.
macro_rules! run_settings {
    (|$this:ident| $course:expr, $watch:expr) => {
        regatta_engine::time_settings!(|$this| $course, |token| $watch = $crate::watch::Watch::on(token));
        regatta_engine::stop_setting!(|$this| $course);
    };
}

/// Gives a face over a `Lazy` all its settings but the stop rule. Its `drive` must be its `Drive`; the closure says how
/// it is put together again around another strategy.
macro_rules! lazy_settings {
    ($Face:ident<$($P:ident),+>, |$face:ident, $strategy:ident| $again:expr) => {
        impl<$($P,)+ St: regatta_core::Strategy<Token = Tok>, Tok> $Face<$($P,)+ St, Tok> {
            regatta_engine::time_settings!(
                |this| this.drive.source().course,
                |token| this.drive.set_watch(token)
            );

            /// Another clock.
            pub fn clock(mut self, clock: std::sync::Arc<dyn regatta_core::Clock>) -> Self {
                self.drive.set_clock(clock);
                self
            }

            /// Starts only what `strategy` admits: a rate, a breaker, a [`Limiter`](regatta_core::Limiter) shared with
            /// others, or a tuple of them. It takes the place of an earlier one, and the limit holds beside it.
            ///
            /// An item that the strategy refuses for good ends as
            /// [`Rejected`](regatta_core::TaskError::Rejected), and the run goes on with the next one. Where the
            /// strategy makes the run wait, the iterator is asked for its next item only after the wait, so one that
            /// doesn't know its length may be waited for in vain.
            ///
            /// # Panics
            ///
            /// After the first poll.
            pub fn strategy<St2, Tok2>(self, strategy: St2) -> $Face<$($P,)+ St2, Tok2>
            where
                St2: regatta_core::Strategy<Token = Tok2>,
            {
                let ($face, $strategy) = (self, strategy);
                $again
            }

            /// One more listener: log lines, a progress bar, your own. An item's index is its id and its name. It is
            /// queued when it is pulled, which is when it starts, unless its strategy refuses it for good.
            ///
            /// Without a listener, nothing is spent on events.
            pub fn observer(mut self, observer: impl regatta_core::Observer + 'static) -> Self
            where
                E: std::fmt::Display,
            {
                self.drive.source().listeners.add(observer);
                self
            }
        }
    };
}

/// Gives a face over a `Lazy` the choice of its stop rule.
macro_rules! lazy_stop {
    ($Face:ident<$($P:ident),+>) => {
        impl<$($P,)+ St: regatta_core::Strategy<Token = Tok>, Tok> $Face<$($P,)+ St, Tok> {
            regatta_engine::stop_setting!(|this| this.drive.source().course);
        }
    };
}

pub(crate) use {lazy_settings, lazy_stop, run_settings};
