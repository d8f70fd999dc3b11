//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use std::fmt;
use std::future::Future;
use std::io;

pub(crate) const HELP: &str = "\
Fetches pages from a server of its own on 127.0.0.1, through map, Runner and
scope, and compares what each of them says with the server's log.

usage: cargo run --release --example fetch -- [OPTIONS]

  --pages N      this many pages [500]
  --limit N      this many fetches at once, up to 100 [32]
  --on EXECUTOR  smol, tokio or futures [smol]
  --help         this text

Of 50 pages, 40 or 41 come at once, 4 are slow (50 to 200 ms), 1 is missing
(404), 1 is an error (500), 1 is busy the first time (503), 1 is cut off in the
middle, 1 is longer than it says. Every 100th never comes and is given up after
1.5 s, the first of them sooner by the scope: when ten behind it have come. On a
machine so busy that other pages take as long, these are differences, too.

On Ctrl-C running fetches are dropped and nothing more starts; the table tells
what was fetched, stopped and never started. The second Ctrl-C ends the program.

exit status: 0 all agree with the log and with each other; 1 they differ, or
were stopped; 2 wrong usage, nothing was done; 130 ended by a second Ctrl-C
";

#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) pages: usize,
    pub(crate) limit: usize,
    pub(crate) on: Executor,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Executor {
    Smol,
    Tokio,
    Futures,
}

impl Executor {
    /// Runs `future` to its end. The sockets bring their own reactor, so any executor will do.
    pub(crate) fn block_on<F: Future>(self, future: F) -> io::Result<F::Output> {
        Ok(match self {
            Self::Smol => smol::block_on(future),
            Self::Tokio => tokio::runtime::Builder::new_multi_thread().build()?.block_on(future),
            Self::Futures => futures::executor::block_on(future),
        })
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smol => "smol",
            Self::Tokio => "tokio",
            Self::Futures => "futures",
        })
    }
}

pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
    let mut options = Options { pages: 500, limit: 32, on: Executor::Smol };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("pages") => options.pages = value(&mut parser, "--pages", PAGES, pages)?,
            Arg::Long("limit") => options.limit = value(&mut parser, "--limit", LIMIT, limit)?,
            Arg::Long("on") => options.on = value(&mut parser, "--on", "smol, tokio or futures", executor)?,
            Arg::Value(_) | Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Asked::Run(options))
}

const PAGES: &str = "a whole number, at least 1";

/// The standard library lets 128 connections wait until they are accepted. The system makes others wait a second, so
/// they would look like pages that hang.
const LIMIT_MAX: usize = 100;
const LIMIT: &str = "a whole number from 1 to 100";

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

fn pages(word: &str) -> Option<usize> {
    word.parse().ok().filter(|pages| *pages > 0)
}

fn limit(word: &str) -> Option<usize> {
    word.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit))
}

fn executor(word: &str) -> Option<Executor> {
    [Executor::Smol, Executor::Tokio, Executor::Futures]
        .into_iter()
        .find(|executor| executor.to_string() == word)
}
