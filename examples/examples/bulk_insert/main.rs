//! Writes 100,000 rows into a SQLite file from 4,000 callers that each know of one row only, through a `Batcher`; then
//! 2,000 rows with a transaction each, for comparison; and compares the files with what every caller was told.
//!
//! What to notice:
//!
//! - A caller writes `rows.call(row).await`, and that is all it knows ([`write`]). Nobody spawned a writer, there is no
//!   channel, and nobody collects results: the callers that wait poll the transaction that their rows are in.
//! - Some rows break a rule of the table: a negative amount, a code that was given away before. A transaction with one
//!   of them writes nothing, and says so unambiguously; so the batcher halves it until only the bad row fails. After any
//!   other error it would not try again: the rows might be in the file already.
//! - Bulk and one by one differ in a number, the size of a batch. File, durability, callers and code are the same.
//! - What the callers were told is what the file holds, row by row: [`check`] demands it, with a line for each difference.
//!
//! `cargo run --release --example bulk_insert -- --help` says the rest.

mod check;
mod options;
mod rows;
mod store;
mod summary;

use options::{Asked, HELP, Options};
use regatta::map_ok;
use regatta::strategies::{BatchError, Batcher, Failure, Repeat};
use rows::Row;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use store::{Store, StoreError};

/// What a caller was told of its row: where it is in the file, or why it isn't.
type Told = Result<i64, BatchError<StoreError>>;

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("bulk_insert: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match bulk_insert(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bulk_insert: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One of the two ways, and how it went.
struct Run {
    way: &'static str,
    told: Vec<(Row, Told)>,
    transactions: usize,
    elapsed: Duration,
}

/// Whether both files hold what the callers were told.
fn bulk_insert(options: &Options) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let files = store::Files::new(options.keep.clone())?;
    let ways = [
        ("bulk", files.bulk(), options.rows, options.size),
        ("one by one", files.single(), options.single, 1),
    ];
    let mut runs = Vec::new();
    let mut differences = Vec::new();
    for (way, path, count, size) in ways {
        eprintln!("{way}: {count} rows, up to {size} in a transaction, from {} callers", options.callers);
        let store = Store::create(path)?;
        let start = Instant::now();
        let told =
            options.on.block_on(write(&store, rows::rows(count, options.bad), size, options.callers))??;
        let elapsed = start.elapsed();
        let run = Run { way, told, transactions: store.transactions(), elapsed };
        drop(store);
        differences.extend(compare(path, &run)?);
        runs.push(run);
    }
    println!("{}", summary::table(&runs));
    println!("{}", summary::ratio(&runs));
    for difference in &differences {
        println!("difference: {difference}");
    }
    println!("{}", summary::verdict(differences.len()));
    Ok(differences.is_empty())
}

/// Writes each row by a caller of its own, so many of them at once.
async fn write(
    store: &Store,
    rows: Vec<Row>,
    size: usize,
    callers: usize,
) -> Result<Vec<(Row, Told)>, Box<dyn Error + Send + Sync>> {
    let store = store.clone();
    let insert = async move |rows: Vec<Row>| blocking::unblock(move || store.insert(&rows)).await;
    let batcher = Batcher::new(insert)
        .size(size)?
        .on_failure(Failure::Bisect(Repeat::unambiguous(StoreError::is_refusal)));

    let told = map_ok(rows, callers, async |row: Row| {
        let told = batcher.call(row.clone()).await;
        (row, told)
    })?;
    told.await.into_iter().map(|told| Ok(told?)).collect()
}

/// Reads the file again, through a connection of its own.
fn compare(path: &Path, run: &Run) -> Result<Vec<String>, StoreError> {
    let found = store::read(path)?;
    Ok(check::differences(run.way, &run.told, &found))
}
