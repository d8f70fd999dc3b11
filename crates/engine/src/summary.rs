//! How a report looks as text: one table, one line of counts.

use crate::table::Table;
use crate::{Counts, Report, TaskReport};
use std::fmt;
use std::time::Duration;

pub(crate) fn write<K, T, E>(report: &Report<K, T, E>, f: &mut fmt::Formatter<'_>) -> fmt::Result
where
    K: fmt::Debug,
    E: fmt::Display,
{
    let mut table = Table::new(["task", "state", "attempts", "time", "error"]);
    table.align_right(2).align_right(3);
    for task in report.tasks() {
        table.row(row(task));
    }
    if let Some(name) = report.name() {
        writeln!(f, "{name}")?;
    }
    if !report.is_empty() {
        writeln!(f, "{table}")?;
    }
    let elapsed = human(report.elapsed());
    write!(f, "{} in {elapsed}; {}", Tally(report.counts()), report.stopped())
}

fn row<K: fmt::Debug, T, E: fmt::Display>(task: &TaskReport<K, T, E>) -> [String; 5] {
    let error = match task.result() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    [
        format!("{:?}", task.key()),
        task.state().to_owned(),
        task.attempts().to_string(),
        task.elapsed().map(human).unwrap_or_default(),
        error,
    ]
}

/// `3 tasks: 1 ok, 2 failed`.
struct Tally(Counts);

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { ok, failed, panicked, timed_out, cancelled, not_started, refused } = self.0;
        let total = self.0.total();
        write!(f, "{total} task{}: {ok} ok", if total == 1 { "" } else { "s" })?;
        let others = [
            (failed, "failed"),
            (panicked, "panicked"),
            (timed_out, "timed out"),
            (cancelled, "cancelled"),
            (not_started, "not started"),
            (refused, "refused"),
        ];
        for (count, state) in others {
            if count > 0 {
                write!(f, ", {count} {state}")?;
            }
        }
        Ok(())
    }
}

/// A duration as people read it: three significant digits.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let digits = match value {
        v if v >= 100.0 || unit == "ns" => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}
