//! The settings that every run has, written once for all faces.

/// Gives a face the methods for times and cancellation. `$this.$course` must be its `Course`; `$watch` says how it takes
/// a token.
macro_rules! time_settings {
    (|$this:ident| $course:expr, |$token:ident| $watch:expr) => {
        /// The whole run may take this long, from its first poll; then what runs ends as
        /// [`TimedOut`](regatta_core::TaskError::TimedOut) and nothing more starts. What ended before keeps its
        /// result. Zero is legal: nothing starts.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            let $this = &mut self;
            $course.settings.timeout = timeout;
            self
        }

        /// The whole run ends at this instant at the latest; as [`timeout`](Self::timeout) otherwise. The earlier of
        /// the two counts.
        pub fn deadline(mut self, deadline: regatta_core::Time) -> Self {
            let $this = &mut self;
            $course.settings.deadline = deadline;
            self
        }

        /// Each task may take this long from its first start, over all its attempts and the pauses between them. The
        /// time before its start doesn't count. The start is the pass of the driver in which it is started, so a task
        /// that blocks its thread uses up the time of those that start with it. Zero gives each attempt one poll where it runs in
        /// place, and none for certain elsewhere.
        pub fn task_timeout(mut self, timeout: std::time::Duration) -> Self {
            let $this = &mut self;
            $course.settings.task_timeout = Some(timeout);
            self
        }

        /// Cancels the run with `token`: nothing more starts, what runs gets its [`grace`](Self::grace) and is dropped
        /// then; what has ended keeps its result.
        pub fn cancel_on(mut self, $token: &regatta_core::CancelToken) -> Self {
            let token = $token.clone();
            let $this = &mut self;
            $watch;
            $course.settings.cancel = Some(token);
            self
        }

        /// How long running tasks may go on after a cancel.
        pub fn grace(mut self, grace: std::time::Duration) -> Self {
            let $this = &mut self;
            $course.settings.grace = grace;
            self
        }
    };
}

/// Gives a face the method for its stop rule, if it is free to choose one.
macro_rules! stop_setting {
    (|$this:ident| $course:expr) => {
        /// When the run stops before all its tasks have ended.
        pub fn stop_on(mut self, rule: $crate::StopOn) -> Self {
            let $this = &mut self;
            $course.settings.stop_on = rule;
            self
        }
    };
}

/// Gives a face the methods for times, stop rule and cancellation. `$this.$course` must be its `Course`, `$this.$watch`
/// its `Watch`.
macro_rules! run_settings {
    (|$this:ident| $course:expr, $watch:expr) => {
        $crate::settings::time_settings!(|$this| $course, |token| $watch = $crate::watch::Watch::on(token));
        $crate::settings::stop_setting!(|$this| $course);
    };
}

/// Gives a face over a `Lazy` all its settings but the stop rule. Its `drive` must be its `Drive`; the closure says how
/// it is put together again around another strategy.
macro_rules! lazy_settings {
    ($Face:ident<$($P:ident),+>, |$face:ident, $strategy:ident| $again:expr) => {
        impl<$($P,)+ St: regatta_core::Strategy<Token = Tok>, Tok> $Face<$($P,)+ St, Tok> {
            $crate::settings::time_settings!(
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
            $crate::settings::stop_setting!(|this| this.drive.source().course);
        }
    };
}

pub(crate) use {lazy_settings, lazy_stop, run_settings, stop_setting, time_settings};
