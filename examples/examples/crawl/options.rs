//! The command line.

use futures::future::BoxFuture;
use lexopt::{Arg, Parser, ValueExt};
use std::fmt;
use std::future::Future;
use std::io;

pub(crate) const HELP: &str = "\
Crawls a site of four hosts, which are servers of its own on 127.0.0.1, and
compares what the queue says of each page with the servers' log.

usage: cargo run --release --example crawl -- [OPTIONS]

  --pages N       so many pages [600]
  --stop-after N  stop when so many pages are done, as Ctrl-C does
  --on EXECUTOR   smol or tokio [smol]
  --tokio         the same as --on tokio
  --help          this text

Of 75 pages, 9 are slow (50 to 200 ms), 3 fail once or twice (500), one
fails for ever, one is missing (404), one answers 429 the first time and wants a
second without requests, and one of 150 hangs the first time, until it is given
up after 1.5 s. On a machine so busy that slow pages take as long, they are tried
again, too.

On Ctrl-C nothing more starts, and pages that are on their way have half a
second; what is left is listed. The second Ctrl-C ends the program.

exit status: 0 all agree with the log; 1 they differ, or Ctrl-C was pressed; 2
wrong usage, nothing was done; 130 ended by a second Ctrl-C
";

#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) pages: usize,
    pub(crate) stop_after: Option<usize>,
    pub(crate) on: Executor,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Executor {
    Smol,
    Tokio,
}

impl Executor {
    /// Runs `future` to its end. The sockets bring their own reactor, so any executor will do.
    pub(crate) fn block_on<F: Future>(self, future: F) -> io::Result<F::Output> {
        Ok(match self {
            Self::Smol => smol::block_on(future),
            Self::Tokio => tokio::runtime::Builder::new_multi_thread().build()?.block_on(future),
        })
    }

    /// Runs `task` beside everything else.
    pub(crate) fn spawn(self, task: BoxFuture<'static, ()>) {
        match self {
            Self::Smol => smol::spawn(task).detach(),
            Self::Tokio => drop(tokio::spawn(task)),
        }
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smol => "smol",
            Self::Tokio => "tokio",
        })
    }
}

pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
    let mut options = Options { pages: 600, stop_after: None, on: Executor::Smol };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("pages") => options.pages = value(&mut parser, "--pages", COUNT, count)?,
            Arg::Long("stop-after") => {
                options.stop_after = Some(value(&mut parser, "--stop-after", COUNT, count)?);
            }
            Arg::Long("on") => options.on = value(&mut parser, "--on", "smol or tokio", executor)?,
            Arg::Long("tokio") => options.on = Executor::Tokio,
            Arg::Value(_) | Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Asked::Run(options))
}

const COUNT: &str = "a whole number, at least 1";

/// The word after `option`, as `read` understands it.
fn value<T>(
    parser: &mut Parser,
    option: &str,
    rule: &str,
    read: fn(&str) -> Option<T>,
) -> Result<T, lexopt::Error> {
    let word = parser.value()?.string()?;
    read(&word).ok_or_else(|| format!("{option} {word}: it must be {rule}").into())
}

fn count(word: &str) -> Option<usize> {
    word.parse().ok().filter(|count| *count > 0)
}

fn executor(word: &str) -> Option<Executor> {
    [Executor::Smol, Executor::Tokio].into_iter().find(|executor| executor.to_string() == word)
}
