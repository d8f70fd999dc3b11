//! What is printed at the end.

use crate::Run;
use regatta::Table;

/// A line per way.
pub(crate) fn table(runs: &[Run]) -> Table {
    let mut table =
        Table::new(["way", "rows", "written", "refused", "sum of amounts", "transactions", "time", "rows/s"]);
    for column in 1..8 {
        table.align_right(column);
    }
    for run in runs {
        let written = run.told.iter().filter(|(_, told)| told.is_ok());
        let sum: i64 = written.clone().map(|(row, _)| row.amount).sum();
        let written = written.count();
        table.row([
            run.way.to_owned(),
            run.told.len().to_string(),
            written.to_string(),
            (run.told.len() - written).to_string(),
            sum.to_string(),
            run.transactions.to_string(),
            format!("{:.2} s", run.elapsed.as_secs_f64()),
            format!("{:.0}", rate(run)),
        ]);
    }
    table
}

/// How much faster the first is than the second.
pub(crate) fn ratio(runs: &[Run]) -> String {
    let [bulk, single] = runs else { return String::new() };
    format!("{}: {:.1} times the rows per second of {}", bulk.way, rate(bulk) / rate(single), single.way)
}

/// The last line.
pub(crate) fn verdict(differences: usize) -> String {
    match differences {
        0 => "the files hold exactly the rows that the callers were told of".to_owned(),
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    }
}

fn rate(run: &Run) -> f64 {
    run.told.len() as f64 / run.elapsed.as_secs_f64().max(1e-9)
}
