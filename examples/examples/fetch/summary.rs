//! What is printed at the end.

use crate::check::{Answer, Ending, Run};
use regatta::Table;
use std::time::Duration;

/// A line per face.
pub(crate) fn table(runs: &[(Run, Duration)]) -> Table {
    let mut table = Table::new([
        "face",
        "ok",
        "failed",
        "timed out",
        "cancelled",
        "not started",
        "requests",
        "at once",
        "time",
    ]);
    for column in 1..9 {
        table.align_right(column);
    }
    for (run, elapsed) in runs {
        let requests: usize = run.log.requests.values().map(Vec::len).sum();
        let numbers =
            counts(run).into_iter().chain([requests, run.log.peak]).map(|number| number.to_string());
        let time = format!("{:.2} s", elapsed.as_secs_f64());
        table.row([run.face.to_owned()].into_iter().chain(numbers).chain([time]));
    }
    table
}

/// Ok, failed, timed out, cancelled, not started: how the last attempts ended.
fn counts(run: &Run) -> [usize; 5] {
    let mut counts = [0; 5];
    for last in run.outcomes.iter().filter_map(|outcome| outcome.attempts.last()) {
        counts[match last {
            Ending::Answer(Answer::Page { .. }) => 0,
            Ending::Answer(_) | Ending::Other(_) => 1,
            Ending::TimedOut => 2,
            Ending::Cancelled => 3,
            Ending::NotStarted => 4,
        }] += 1;
    }
    counts
}

/// The last line.
pub(crate) fn verdict(differences: usize, stopped: bool) -> String {
    let agreement = match differences {
        0 => "each page has one outcome, the same as in the server's log and in every face".to_owned(),
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    };
    if stopped { format!("stopped; as far as it came: {agreement}") } else { agreement }
}
