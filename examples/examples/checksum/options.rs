//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Hashes every file below a directory with SHA-256.

usage: cargo run --release --example checksum -- [OPTIONS] [DIR]

  DIR                  where to start; without it, the project's own files: its
                       directory without .git and without build directories
                       (those with a CACHEDIR.TAG)
  --limit N            this many files at once [2 per CPU]
  --timeout SECS       for the whole, the search for files included [none]
  --file-timeout SECS  for each file [300]
  --grace SECS         for running files after Ctrl-C [10]
  --on EXECUTOR        smol, tokio or futures [smol]
  --digests [FILE]     write the digests as sha256sum does, sorted by path, to
                       FILE or else to standard output; `sha256sum -c` reads
                       them. A word that is a directory is DIR, not FILE
  --help               this text

Links to files are followed, links to directories are not (they are counted).
What is no regular file is never opened and counts as failed, so does a broken
link, a directory that can't be read, and a file that changes while it is read:
a digest of half the old and half the new content would be worth nothing. A file
that grows for ever is read up to the length that it had when it was opened.

A bar on standard error shows the progress on a terminal, log lines elsewhere.
The summary goes to standard output, or to standard error if the digests go to
standard output. On Ctrl-C nothing more starts, running files have their grace,
and the summary tells how far it came; the second Ctrl-C ends the program.

exit status: 0 every file has its digest; 1 some have not, or the search was not
finished; 2 wrong usage, nothing was done; 130 ended by a second Ctrl-C
";

#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) limit: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) file_timeout: Duration,
    pub(crate) grace: Duration,
    pub(crate) on: Executor,
    pub(crate) digests: Option<Digests>,
}

#[derive(Debug)]
pub(crate) enum Digests {
    Stdout,
    File(PathBuf),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Executor {
    Smol,
    Tokio,
    Futures,
}

impl Options {
    /// Where the search starts.
    pub(crate) fn root(&self) -> PathBuf {
        let project = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned);
        self.dir.clone().or_else(project).unwrap_or_else(|| PathBuf::from("."))
    }

    /// The file for the digests, made before the work so that a bad path is told at once.
    pub(crate) fn create_list(&self) -> Result<Option<File>, String> {
        let Some(Digests::File(path)) = &self.digests else { return Ok(None) };
        File::create(path).map(Some).map_err(|error| format!("{path:?}: {error}"))
    }

    /// Where that file is. The search leaves it out: a list must not hold a digest of itself.
    pub(crate) fn list_path(&self) -> io::Result<Option<PathBuf>> {
        let Some(Digests::File(path)) = &self.digests else { return Ok(None) };
        fs::canonicalize(path).map(Some)
    }
}

impl Executor {
    /// Runs `future` to its end. Any executor will do, and it needs neither timers nor I/O of its own.
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
        dir: None,
        limit: 2 * thread::available_parallelism().map_or(4, usize::from),
        timeout: None,
        file_timeout: Duration::from_secs(300),
        grace: Duration::from_secs(10),
        on: Executor::Smol,
        digests: None,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("limit") => options.limit = value(&mut parser, "--limit", limit)?,
            Arg::Long("timeout") => options.timeout = Some(value(&mut parser, "--timeout", seconds)?),
            Arg::Long("file-timeout") => {
                options.file_timeout = value(&mut parser, "--file-timeout", seconds)?;
            }
            Arg::Long("grace") => options.grace = value(&mut parser, "--grace", seconds)?,
            Arg::Long("on") => options.on = value(&mut parser, "--on", executor)?,
            Arg::Long("digests") => options.digests = Some(digests(&mut parser)),
            Arg::Value(dir) if options.dir.is_none() => options.dir = Some(directory(dir)?),
            Arg::Value(_) | Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Asked::Run(options))
}

/// The word after `--digests`, unless that is the next option or the directory to search.
fn digests(parser: &mut Parser) -> Digests {
    if let Some(file) = parser.optional_value() {
        return Digests::File(file.into());
    }
    let Some(mut words) = parser.try_raw_args() else { return Digests::Stdout };
    let is_file = |word: &OsStr| !word.as_encoded_bytes().starts_with(b"-") && !Path::new(word).is_dir();
    words.next_if(is_file).map_or(Digests::Stdout, |file| Digests::File(file.into()))
}

fn directory(word: OsString) -> Result<PathBuf, lexopt::Error> {
    let dir = PathBuf::from(word);
    match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(dir),
        Ok(_) => Err(format!("{dir:?} is not a directory").into()),
        Err(error) => Err(format!("{dir:?}: {error}").into()),
    }
}

/// The word after `option`, as `read` understands it.
fn value<T>(parser: &mut Parser, option: &str, read: fn(&str) -> Option<T>) -> Result<T, lexopt::Error> {
    let word = parser.value()?.string()?;
    let rule = match option {
        "--limit" => "a whole number, at least 1",
        "--on" => "smol, tokio or futures",
        _ => "a number of seconds, such as 30 or 0.5",
    };
    read(&word).ok_or_else(|| format!("{option} {word}: it must be {rule}").into())
}

fn limit(word: &str) -> Option<usize> {
    word.parse().ok().filter(|limit| *limit > 0)
}

fn seconds(word: &str) -> Option<Duration> {
    word.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn executor(word: &str) -> Option<Executor> {
    [Executor::Smol, Executor::Tokio, Executor::Futures]
        .into_iter()
        .find(|executor| executor.to_string() == word)
}
