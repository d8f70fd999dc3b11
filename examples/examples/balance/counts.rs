//! Who there is, and what router, client and servers count.

/// Names and weights.
pub(crate) const SERVERS: [(&str, u32); 3] = [("oak", 5), ("elm", 3), ("ash", 2)];

/// The one that is killed.
pub(crate) const VICTIM: &str = "elm";

/// So many requests at once.
pub(crate) const LIMIT: usize = 12;

/// So many requests find the victim hanging, before the next one finds it dead.
pub(crate) const HANGING: u64 = 3;

/// How far the kill has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kill {
    None,
    /// Right before the request that goes there after so many others.
    Planned {
        after: u64,
    },
    /// So many were on their way there or with it, and it had not answered them.
    Done {
        in_flight: u64,
    },
}

/// What all have counted in one phase.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) requests: u64,
    /// In the order of [`SERVERS`].
    pub(crate) counts: Vec<Counts>,
    pub(crate) kill: Kill,
}

/// What happened at one server in one phase.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    /// By the router's count.
    pub(crate) started: u64,
    /// Not ended, at the end of the phase.
    pub(crate) in_flight: usize,
    /// By the client's count.
    pub(crate) answered: u64,
    /// It was sent there, and there was no answer.
    pub(crate) lost: u64,
    /// There was no connection, so it was sent elsewhere.
    pub(crate) unsent: u64,
    /// By the server's count.
    pub(crate) log: Log,
}

/// What a server saw.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Log {
    /// Requests that came in whole.
    pub(crate) requests: u64,
    /// Answers that went out whole.
    pub(crate) answers: u64,
}
