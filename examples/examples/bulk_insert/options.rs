//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Writes rows into a SQLite file from many callers, in bulk and one by one, and
compares what the files hold with what every caller was told.

usage: cargo run --release --example bulk_insert -- [OPTIONS]

  --rows N       this many rows in bulk [100000]
  --single N     this many rows with a transaction each [2000]
  --size N       at most this many rows in a transaction [1000]
  --callers N    this many callers at once [4000]
  --bad N        every Nth row is bad in one of two ways [5000]
  --on EXECUTOR  smol, tokio or futures [smol]
  --keep PATH    keep the bulk file there; it must not exist yet
  --help         this text

Both ways sync to the disk at the end of each transaction (WAL, synchronous =
FULL). Without --keep, the files are temporary and removed.

exit status: 0 the files hold what the callers were told; 1 they don't, or there
was an error; 2 wrong usage, nothing was done
";

#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rows: usize,
    pub(crate) single: usize,
    pub(crate) size: usize,
    pub(crate) callers: usize,
    pub(crate) bad: usize,
    pub(crate) on: Executor,
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Executor {
    Smol,
    Tokio,
    Futures,
}

impl Executor {
    /// Runs `future` to its end.
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
    let mut options = Options {
        rows: 100_000,
        single: 2_000,
        size: 1_000,
        callers: 4_000,
        bad: 5_000,
        on: Executor::Smol,
        keep: None,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("rows") => options.rows = value(&mut parser, "--rows", COUNT, count)?,
            Arg::Long("single") => options.single = value(&mut parser, "--single", COUNT, count)?,
            Arg::Long("size") => options.size = value(&mut parser, "--size", COUNT, count)?,
            Arg::Long("callers") => options.callers = value(&mut parser, "--callers", COUNT, count)?,
            Arg::Long("bad") => options.bad = value(&mut parser, "--bad", BAD, bad)?,
            Arg::Long("on") => options.on = value(&mut parser, "--on", "smol, tokio or futures", executor)?,
            Arg::Long("keep") => options.keep = Some(path(&mut parser)?),
            Arg::Value(_) | Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Asked::Run(options))
}

const COUNT: &str = "a whole number, at least 1";
const BAD: &str = "a whole number, at least 2";

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

/// Nobody's file is written to.
fn path(parser: &mut Parser) -> Result<PathBuf, lexopt::Error> {
    let path = PathBuf::from(parser.value()?);
    match path.try_exists() {
        Ok(false) => Ok(path),
        Ok(true) => Err(format!("--keep {}: it exists already", path.display()).into()),
        Err(error) => Err(format!("--keep {}: {error}", path.display()).into()),
    }
}

fn count(word: &str) -> Option<usize> {
    word.parse().ok().filter(|count| *count > 0)
}

fn bad(word: &str) -> Option<usize> {
    count(word).filter(|every| *every > 1)
}

fn executor(word: &str) -> Option<Executor> {
    [Executor::Smol, Executor::Tokio, Executor::Futures]
        .into_iter()
        .find(|executor| executor.to_string() == word)
}
