//! `race`: each item through an async function, the first success.

use crate::lazy::{Drive, Ended, Fallible, Judge, Sink, discard};
use crate::settings::lazy_settings;
use crate::{RaceError, StopOn};
use regatta_core::{ConfigError, Kick, Strategy, TaskError};
use regatta_engine::{StopReason, contain_drop};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once, and resolves to the first success, or to all failures if there
/// is none.
///
/// The first task that succeeds wins: nothing more starts, and what runs is dropped. A failure, be it an error, a panic
/// or a timeout, ends nobody but its own task, and the next item takes its place. Of several that succeed in the same
/// pass of the driver, the one that was woken first wins; among tasks that are ready as they start, that is the one of
/// the earliest item, and no later one starts.
///
/// Other libraries call this `any`, `race_ok` or `select_ok`; what they call `race`, the first that ends at all, is a
/// [`map`](crate::map()) or [`stream`](crate::stream()) of which only the first result is read.
///
/// Otherwise as [`map`](crate::map()): items are pulled as they start, nothing is boxed, everything may borrow, also inside
/// a spawned task.
///
/// # Defaults
///
/// No timeouts, no grace, no strategy; see the methods of [`Race`].
///
/// # Cost
///
/// Memory: the failures so far, plus O(limit).
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero. The future's own error is a [`RaceError`] with every failure, also if there was
/// no item at all, or the run was cancelled or its time was up before anybody had succeeded.
///
/// # Cancel safety
///
/// Dropping the future drops what runs, and the failures; nothing else was started.
///
/// # Examples
///
/// ```
/// # async fn fetch(mirror: &str) -> Result<usize, String> {
/// #     if mirror == "down" { Err(String::from("no route")) } else { Ok(mirror.len()) }
/// # }
/// # smol::block_on(async {
/// let length = regatta_runner::race(["down", "mirror"], 2, async |mirror| fetch(mirror).await)?.await?;
/// assert_eq!(length, 6);
///
/// let lost = regatta_runner::race(["down"], 2, async |mirror| fetch(mirror).await)?.await;
/// assert_eq!(lost.unwrap_err().to_string(), "none of 1 succeeded; the first to fail: no route");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub fn race<I, G, F, T, E>(
    items: I,
    limit: usize,
    task: G,
) -> Result<Race<I::IntoIter, G, F, T, E>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
{
    let mut drive = Drive::new(items.into_iter(), limit, task, FirstOk { winner: None, errors: Vec::new() })?;
    drive.source().course.settings.stop_on = StopOn::FirstOk;
    Ok(Race { drive })
}

/// Made by [`race`]; resolves to the first success, or to all failures.
///
/// # Cancel safety
///
/// Dropping it drops what runs, and the failures; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct Race<It, G, F, T, E, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    drive: Drive<It, G, F, T, E, J, FirstOk<T, E>, St, Tok>,
}

lazy_settings!(Race<It, G, F, T, E, J>, |race, strategy| Race { drive: race.drive.strategy(strategy) });

impl<It, G, F, O, T, E, J, St, Tok> Future for Race<It, G, F, T, E, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Output = Result<T, RaceError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.drive.poll(cx).map(|(source, _)| winner(source.finish()))
    }
}

fn winner<T, E>(ended: Ended<FirstOk<T, E>, E>) -> Result<T, RaceError<E>> {
    let Ended { sink: FirstOk { winner, errors }, reason, .. } = ended;
    match winner {
        Some(value) => {
            discard(errors);
            Ok(value)
        }
        None => {
            let stopped = (!matches!(reason, StopReason::Completed)).then_some(reason);
            Err(RaceError::new(errors, stopped))
        }
    }
}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> Unpin for Race<It, G, F, T, E, J, St, Tok> {}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> fmt::Debug for Race<It, G, F, T, E, J, St, Tok> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Race").field(&self.drive).finish()
    }
}

/// The first value, and until then the failures in the order in which they happened.
struct FirstOk<T, E> {
    winner: Option<T>,
    errors: Vec<(usize, TaskError<E>)>,
}

impl<T, E> Sink<T, E> for FirstOk<T, E> {
    #[inline]
    fn has_room(&mut self, _: usize) -> bool {
        true
    }

    #[inline]
    fn started(&mut self, _: usize) {}

    #[inline]
    fn put(&mut self, index: usize, result: Result<T, TaskError<E>>) {
        match result {
            Ok(value) if self.winner.is_none() => self.winner = Some(value),
            Err(error) if self.winner.is_none() => self.errors.push((index, error)),
            too_late => contain_drop(|| drop(too_late)),
        }
    }

    #[inline]
    fn is_closed(&self) -> bool {
        false
    }

    fn end(&mut self, _: bool) {}

    fn attach(&mut self, _: Kick) {}
}
