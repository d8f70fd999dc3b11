//! How a report looks as text: one table, one line of counts.

use crate::table::Table;
use crate::text::{debugged, displayed, one_line};
use crate::{Counts, Elapsed, Report, TaskReport};
use std::fmt;

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
        writeln!(f, "{}, began {}", one_line(name), report.began())?;
    }
    if !report.is_empty() {
        writeln!(f, "{table}")?;
    }
    let (elapsed, stopped) = (Elapsed(report.elapsed()), report.stopped().to_string());
    write!(f, "{} in {elapsed}; {}", Tally(report.counts()), one_line(&stopped))
}

fn row<K: fmt::Debug, T, E: fmt::Display>(task: &TaskReport<K, T, E>) -> [String; 5] {
    [
        debugged(task.key()),
        task.state().to_owned(),
        task.attempts().to_string(),
        task.elapsed().map(|elapsed| Elapsed(elapsed).to_string()).unwrap_or_default(),
        errors(task),
    ]
}

/// So many earlier errors are shown, if they differ.
const EARLIER: usize = 3;

/// The error that stands, and those of earlier attempts which say something else: `no route (before: busy)`.
fn errors<K, T, E: fmt::Display>(task: &TaskReport<K, T, E>) -> String {
    let last = task.result().as_ref().err().map(displayed);
    let mut earlier = Vec::new();
    for error in task.retried().iter().map(|attempt| displayed(attempt.error())) {
        if last.as_ref() != Some(&error) && !earlier.contains(&error) {
            if earlier.len() == EARLIER {
                earlier.push("…".to_owned());
                break;
            }
            earlier.push(error);
        }
    }
    let mut text = last.unwrap_or_default();
    if !earlier.is_empty() {
        let space = if text.is_empty() { "" } else { " " };
        text += &format!("{space}(before: {})", earlier.join(", "));
    }
    text
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
