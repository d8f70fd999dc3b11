//! `Results`: what becomes of the results that nobody holds a ticket for.

/// What a queue does with results. One of a job with a [ticket](crate::Ticket) goes to that and nowhere else.
///
/// To send them on, to a channel, a sink or a closure of yours, read them:
/// [`Reader::for_each`](crate::Reader::for_each), or `forward`, as a reader is a `Stream`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Results {
    /// They are kept until they are read; nothing waits for a reader.
    #[default]
    Collect,
    /// At most so many are kept or on their way: a job starts only with a place for its result, so a slow reader slows
    /// the work.
    Bounded(usize),
    /// They are dropped.
    Discard,
}
