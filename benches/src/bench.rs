//! The bench: measures the groups that were asked for, and prints a table or JSON.

#![forbid(unsafe_code)]

use regatta_benches::options::{Options, Scale};
use regatta_benches::row::{Row, best, table};
use regatta_benches::{Allocations, Group};
use std::io::{self, Write};
use std::process::{Command, ExitCode};

/// Runs of the gate, of which each row's best counts.
const ATTEMPTS: usize = 3;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let mut missed = false;
    for group in &options.groups {
        match run(group, &options) {
            Ok(rows) => missed |= options.gate && rows.iter().any(Row::fails),
            Err(error) => {
                eprintln!("{}: {error}", group.name);
                return ExitCode::FAILURE;
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(group: &Group, options: &Options) -> io::Result<Vec<Row>> {
    let allocations = allocations(group.name, options.scale)?;
    let mut rows = (group.rows)(options.scale, &allocations)?;
    for _ in 1..ATTEMPTS {
        if options.gate && rows.iter().any(Row::fails) {
            rows = best(rows, (group.rows)(options.scale, &allocations)?);
        }
    }
    print(group, options, &rows)?;
    if options.gate {
        for row in rows.iter().filter(|row| row.fails()) {
            let goal = row.goal.unwrap_or_default();
            eprintln!("missed: {}: {} against {}: {} of {goal}", row.bench, row.case, row.peer, row.ratio);
        }
    }
    Ok(rows)
}

fn print(group: &Group, options: &Options, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if options.json {
        for row in rows {
            serde_json::to_writer(&mut out, row)?;
            writeln!(out)?;
        }
        return Ok(());
    }
    let Scale { tasks, rounds, .. } = options.scale;
    writeln!(out, "{}: {}", group.name, group.about)?;
    writeln!(
        out,
        "{tasks} {} a round; medians of {rounds} rounds, in ns of processor time for each; ratio = peer / ours",
        group.unit
    )?;
    writeln!(out, "\n{}\n", table(rows))
}

/// Allocations are counted in another process: see there.
fn allocations(group: &str, scale: Scale) -> io::Result<Allocations> {
    let counted =
        Command::new(env!("CARGO_BIN_EXE_allocs")).arg(group).arg(scale.tasks.to_string()).output()?;
    if !counted.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&counted.stderr)));
    }
    Ok(serde_json::from_slice(&counted.stdout)?)
}
