//! The settings that every run has, written once for all faces of all crates.

/// Gives a face the methods for times and cancellation. `$course` must be its [`Course`](crate::Course), reached from
/// `$this`; `$watch` says how it takes a token.
#[doc(hidden)]
#[macro_export]
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
#[doc(hidden)]
#[macro_export]
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
