//! What is printed at the end, all of it read from the run's report.

use crate::hash::{Hashed, Problem};
use crate::options::Options;
use regatta::{Report, Table, TaskError, TaskReport};
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

type Run = Report<PathBuf, Hashed, Problem>;
type File = TaskReport<PathBuf, Hashed, Problem>;

/// How many of the slowest files are shown.
const SLOWEST: usize = 5;

/// The table, the sum, the slowest files, and a line per failure. `found` is what the search has counted.
pub(crate) fn of(report: &Run, found: usize, notes: &[String], options: &Options) -> String {
    let counts = report.counts();
    let failed = counts.failed + counts.panicked + counts.refused;
    let bytes: u64 = report.ok().map(|(_, hashed)| hashed.bytes).sum();
    let (ok, timed_out, cancelled, not_started) =
        (counts.ok, counts.timed_out, counts.cancelled, counts.not_started);
    let outcomes = [
        ("ok", ok),
        ("failed", failed),
        ("timed out", timed_out),
        ("cancelled", cancelled),
        ("not started", not_started),
    ];
    let mut table = Table::new(["outcome", "files"]);
    table.align_right(1);
    for (outcome, count) in outcomes {
        table.row([outcome, &count.to_string()]);
    }
    let mut text = format!("{}\n\n{table}\n\n", report.name().unwrap_or_default());
    let mut line = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).and_then(|()| text.write_char('\n')).expect("a string takes everything");
    };
    line(format_args!(
        "files found: {found} = {ok} ok + {failed} failed + {timed_out} timed out + {cancelled} cancelled + {not_started} not started"
    ));
    let seconds = report.elapsed().as_secs_f64();
    let rate = if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 };
    line(format_args!(
        "{} hashed in {seconds:.2} s, {}/s; {}",
        size(bytes as f64),
        size(rate),
        report.stopped()
    ));
    for note in notes {
        line(format_args!("{note}"));
    }
    if let Some(table) = slowest(report) {
        line(format_args!("\n{table}"));
    }
    let mut failures =
        report.errors().filter(|(_, error)| !matches!(error, TaskError::NotStarted(_))).peekable();
    if failures.peek().is_some() {
        line(format_args!(""));
    }
    for (path, error) in failures {
        line(format_args!("{path:?}: {}", cause(error, options)));
    }
    text
}

fn slowest(report: &Run) -> Option<Table> {
    let mut files: Vec<(Duration, &File)> =
        report.tasks().iter().filter_map(|file| Some((file.elapsed()?, file))).collect();
    files.sort_by_key(|(elapsed, _)| std::cmp::Reverse(*elapsed));
    let mut table = Table::new(["time", "bytes", "state", "slowest files"]);
    table.align_right(0).align_right(1);
    for (elapsed, file) in files.iter().take(SLOWEST) {
        let bytes = file.result().as_ref().map(|hashed| size(hashed.bytes as f64)).unwrap_or_default();
        let (time, path) =
            (format!("{:.1} ms", elapsed.as_secs_f64() * 1e3), file.key().display().to_string());
        table.row([time.as_str(), &bytes, file.state(), &path]);
    }
    (!files.is_empty()).then_some(table)
}

fn cause(error: &TaskError<Problem>, options: &Options) -> String {
    match error {
        TaskError::TimedOut { after } if *after != options.file_timeout => {
            format!("timed out: the time for the whole was up ({:?})", options.timeout.unwrap_or(*after))
        }
        TaskError::Cancelled => format!("cancelled: not finished within the grace of {:?}", options.grace),
        error => error.to_string(),
    }
}

fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes;
    for unit in units {
        if size < 1024.0 || unit == "TiB" {
            let digits = if unit == "B" || size >= 100.0 { 0 } else { 1 };
            return format!("{size:.digits$} {unit}");
        }
        size /= 1024.0;
    }
    unreachable!("the last unit takes everything")
}

/// Prints the digests as `sha256sum` does. Files were added in the order of their paths, and a report keeps it.
pub(crate) fn write_digests(report: &Run, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut lines = report.ok().map(|(path, hashed)| digest_line(path, &hashed.digest));
    forgive_head(lines.try_for_each(|line| out.write_all(&line)).and_then(|()| out.flush()))
}

/// A line must stay a line: a name with a line break is escaped, and a backslash in front of the line tells so.
fn digest_line(path: &Path, digest: &[u8]) -> Vec<u8> {
    let name = path.as_os_str().as_encoded_bytes();
    let mut line = Vec::with_capacity(2 * digest.len() + name.len() + 4);
    if name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r')) {
        line.push(b'\\');
    }
    for byte in digest {
        line.extend(format!("{byte:02x}").bytes());
    }
    line.extend(b"  ");
    for &byte in name {
        match byte {
            b'\\' => line.extend(br"\\"),
            b'\n' => line.extend(br"\n"),
            b'\r' => line.extend(br"\r"),
            byte => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// Prints the summary.
pub(crate) fn write(summary: &str, mut out: impl Write) -> io::Result<()> {
    forgive_head(out.write_all(summary.as_bytes()).and_then(|()| out.flush()))
}

/// A reader that has seen enough, such as `head`, is no failure.
fn forgive_head(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
