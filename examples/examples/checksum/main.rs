//! Hashes every file below a directory: a real program with a limit, two kinds of timeout, Ctrl-C and a report.
//!
//! What to notice:
//!
//! - A file is a task, its path is the key. The report knows every path, also those that were never started, so the
//!   sum at the end comes out whatever happened.
//! - `--on smol|tokio|futures` changes one line, [`Executor::block_on`](options::Executor::block_on). Nothing else knows.
//! - Files are read on `blocking`'s pool, one chunk per call ([`hash`]): a timeout or a cancel stops between chunks.
//! - On Ctrl-C the token is cancelled, and that is all: the runner starts nothing more, gives what runs its grace, and
//!   hands out the report.
//!
//! `cargo run --release --example checksum -- --help` says the rest.

mod hash;
mod options;
mod summary;
mod walk;

use options::{Asked, HELP, Options};
use regatta::{CancelToken, Clock, LogLines, Progress, Runner, SystemClock, Time};
use std::error::Error;
use std::fs::File;
use std::io;
use std::process::{ExitCode, exit};

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("checksum: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    let list = match options.create_list() {
        Ok(list) => list,
        Err(error) => {
            eprintln!("checksum: {error}");
            return ExitCode::from(2);
        }
    };
    match checksum(&options, list) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("checksum: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every file has its digest.
fn checksum(options: &Options, list: Option<File>) -> Result<bool, Box<dyn Error>> {
    let deadline = options.timeout.map_or(Time::MAX, |timeout| SystemClock.now() + timeout);
    let cancel = CancelToken::new();
    stop_on_ctrl_c(&cancel)?;

    let leave_out = walk::LeaveOut { caches: options.dir.is_none(), file: options.list_path()? };
    let stop = || cancel.is_cancelled() || SystemClock.now() >= deadline;
    let root = options.root();
    let found = walk::walk(&root, &leave_out, stop);

    let mut runner = Runner::new()
        .name(format!("files below {root:?}, on {}", options.on))
        .limit(options.limit)?
        .task_timeout(options.file_timeout)
        .deadline(deadline)
        .cancel_on(&cancel)
        .grace(options.grace);
    let total = found.entries.len();
    runner = if Progress::is_visible() {
        runner.observer(Progress::new(total))
    } else {
        eprintln!("files to hash: {total}, {} at once, on {}", options.limit, options.on);
        // Failures have their lines in the summary; once is enough.
        runner.observer(LogLines::stderr().total(total).without_failures())
    };
    for walk::Entry { path, problem } in found.entries {
        let key = path.clone();
        runner.add(key, async move {
            match problem {
                Some(problem) => Err(problem.into()),
                None => hash::hash(path).await,
            }
        })?;
    }
    let report = options.on.block_on(runner.run())?;

    let summary = summary::of(&report, total, &found.notes, options);
    match (&options.digests, list) {
        (None, _) => summary::write(&summary, io::stdout())?,
        (Some(_), Some(list)) => {
            summary::write_digests(&report, list)?;
            summary::write(&summary, io::stdout())?;
        }
        // Who asked for digests on standard output wants nothing else there.
        (Some(_), None) => {
            summary::write_digests(&report, io::stdout())?;
            summary::write(&summary, io::stderr())?;
        }
    }
    Ok(report.is_ok() && found.complete)
}

/// The first Ctrl-C asks the run to stop; the second ends the process.
fn stop_on_ctrl_c(cancel: &CancelToken) -> Result<(), ctrlc::Error> {
    let cancel = cancel.clone();
    ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            exit(130);
        }
        cancel.cancel();
        eprintln!("stopping: running files may finish; Ctrl-C again ends at once");
    })
}
