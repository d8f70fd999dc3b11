//! `Drive`: what every face over a `Lazy` is inside: an engine that is put together at its first poll.

use super::{Lazy, Sink};
use crate::lazy::judge::Judge;
use crate::watch::Watch;
use regatta_core::{CancelToken, Clock, ConfigError, Limit, Strategy, SystemClock, Time};
use regatta_engine::Engine;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Settings until the first poll, an engine from then on.
pub(crate) struct Drive<It, G, F, T, E, J, S, St: Strategy<Token = Tok>, Tok> {
    state: State<It, G, F, T, E, J, S, St, Tok>,
    watch: Watch,
}

pub(crate) type LazyEngine<It, G, F, T, E, J, S, St, Tok> = Engine<Lazy<It, G, S, T, E, J>, St, F, Tok>;

#[expect(
    clippy::large_enum_variant,
    reason = "the one takes the place of the other, and a box would cost an allocation"
)]
enum State<It, G, F, T, E, J, S, St: Strategy<Token = Tok>, Tok> {
    Set(Setup<It, G, T, E, J, S, St>),
    Running(LazyEngine<It, G, F, T, E, J, S, St, Tok>),
    Over,
}

struct Setup<It, G, T, E, J, S, St> {
    source: Lazy<It, G, S, T, E, J>,
    strategy: St,
    limit: Limit,
    clock: Arc<dyn Clock>,
}

impl<It, G, F, T, E, J, S: Sink<T, E>> Drive<It, G, F, T, E, J, S, (), ()> {
    pub(crate) fn new(items: It, limit: usize, make: G, sink: S) -> Result<Self, ConfigError> {
        let (limit, clock) = (Limit::count(limit)?, SystemClock::shared());
        let setup = Setup { source: Lazy::new(items, make, sink), strategy: (), limit, clock };
        Ok(Self { state: State::Set(setup), watch: Watch::default() })
    }
}

impl<It, G, F, T, E, J, S, St: Strategy<Token = Tok>, Tok> Drive<It, G, F, T, E, J, S, St, Tok> {
    /// The source, for its settings.
    pub(crate) fn source(&mut self) -> &mut Lazy<It, G, S, T, E, J> {
        match &mut self.state {
            State::Set(setup) => &mut setup.source,
            State::Running(engine) => engine.source_mut(),
            State::Over => panic!("settings are made before the first poll"),
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        match &mut self.state {
            State::Set(setup) => setup.clock = clock,
            State::Running(engine) => engine.set_clock(clock),
            State::Over => panic!("settings are made before the first poll"),
        }
    }

    pub(crate) fn set_watch(&mut self, token: &CancelToken) {
        self.watch = Watch::on(token);
    }

    /// The same with another strategy.
    pub(crate) fn strategy<St2: Strategy<Token = Tok2>, Tok2>(
        self,
        strategy: St2,
    ) -> Drive<It, G, F, T, E, J, S, St2, Tok2> {
        let Self { state: State::Set(Setup { source, limit, clock, .. }), watch } = self else {
            panic!("a strategy is chosen before the first poll");
        };
        Drive { state: State::Set(Setup { source, strategy, limit, clock }), watch }
    }

    /// Where results go, while it runs.
    #[inline]
    pub(crate) fn sink(&mut self) -> Option<&mut S> {
        match &mut self.state {
            State::Set(setup) => Some(&mut setup.source.sink),
            State::Running(engine) => Some(&mut engine.source_mut().sink),
            State::Over => None,
        }
    }

    /// Whether the run was cancelled since the last look.
    pub(crate) fn is_cancelled(&mut self, cx: &mut Context<'_>) -> bool {
        self.watch.poll(cx)
    }
}

impl<It, G, F, O, T, E, J, S, St, Tok> Drive<It, G, F, T, E, J, S, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    S: Sink<T, E>,
    St: Strategy<Token = Tok>,
{
    /// The engine, put together; the drive itself is over then.
    pub(crate) fn start(&mut self) -> LazyEngine<It, G, F, T, E, J, S, St, Tok> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Set(Setup { source, strategy, limit, clock }) => {
                Engine::new(source, strategy).limit(limit).clock(clock)
            }
            State::Running(_) | State::Over => panic!("a future is not polled after it has ended"),
        }
    }

    /// One pass; at the end of the run, the source and the time.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Lazy<It, G, S, T, E, J>, Time)> {
        if !matches!(self.state, State::Running(_)) {
            self.state = State::Running(self.start());
        }
        let State::Running(engine) = &mut self.state else { unreachable!("it was put there a line ago") };
        if self.watch.poll(cx) {
            engine.source_mut().course.cancel();
        }
        if engine.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = engine.now();
        match std::mem::replace(&mut self.state, State::Over) {
            State::Running(engine) => Poll::Ready((engine.into_source(), now)),
            State::Set(_) | State::Over => unreachable!("it ran a line ago"),
        }
    }
}

impl<It, G, F, T, E, J, S, St: Strategy<Token = Tok>, Tok> fmt::Debug
    for Drive<It, G, F, T, E, J, S, St, Tok>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Set(setup) => f.debug_struct("Set").field("limit", &setup.limit).finish_non_exhaustive(),
            State::Running(engine) => engine.fmt(f),
            State::Over => f.write_str("Over"),
        }
    }
}
