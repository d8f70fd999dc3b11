//! Fetches 500 pages over real sockets three times, through `map`, through a `Runner` and through `scope`, from a server
//! of its own that answers, dawdles, breaks off and hangs; then compares what each says with the server's log.
//!
//! What to notice:
//!
//! - A page is a task in all three ([`faces`]). They share the limit, the time per task and the token for Ctrl-C; the
//!   runner adds retries and reports every attempt, the scope's body reads results while it runs and cancels by key.
//! - The client ([`client`]) knows nothing of timeouts, retries and cancels. A fetch that is stopped is dropped, that
//!   closes its connection, and the server sees it ([`desk`]).
//! - Every page has one outcome in each face, also if you press Ctrl-C, and it is the one in the server's log:
//!   [`check`] demands it, with a line for each difference. What a server saw can't be talked into agreeing.
//! - `--on smol|tokio|futures` changes one line, [`Executor::block_on`](options::Executor::block_on).
//!
//! `cargo run --release --example fetch -- --help` says the rest.

mod check;
mod client;
mod desk;
mod faces;
mod options;
mod pages;
mod server;
mod summary;

use faces::Face;
use options::{Asked, HELP, Options};
use regatta::CancelToken;
use server::Server;
use std::error::Error;
use std::process::{ExitCode, exit};
use std::time::Instant;

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("fetch: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match fetch(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fetch: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was fetched and nobody contradicts.
fn fetch(options: &Options) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let cancel = CancelToken::new();
    stop_on_ctrl_c(&cancel)?;
    let pages: Vec<String> = (0..options.pages).map(pages::path).collect();
    let mut runs = Vec::new();
    for face in Face::ALL {
        eprintln!("{face}: {} pages, {} at once, on {}", options.pages, options.limit, options.on);
        // A server each, so that nothing of one run can get into the log of the next.
        let server = Server::start()?;
        let start = Instant::now();
        let fetched = options.on.block_on(face.fetch(&server.base(), &pages, options.limit, &cancel))??;
        let elapsed = start.elapsed();
        let run = check::Run {
            face: face.name(),
            limit: options.limit,
            outcomes: fetched.outcomes,
            cancelled: fetched.cancelled,
            stopped: cancel.is_cancelled(),
            log: server.stop()?,
        };
        runs.push((run, elapsed));
    }
    println!("{}", summary::table(&runs));

    let runs: Vec<_> = runs.into_iter().map(|(run, _)| run).collect();
    let mut differences: Vec<String> = runs.iter().flat_map(|run| check::with_log(run, &pages)).collect();
    differences.extend(check::with_each_other(&runs, &pages));
    for difference in &differences {
        println!("difference: {difference}");
    }
    println!("{}", summary::verdict(differences.len(), cancel.is_cancelled()));
    Ok(differences.is_empty() && !cancel.is_cancelled())
}

/// The first Ctrl-C asks the runs to stop; the second ends the process.
fn stop_on_ctrl_c(cancel: &CancelToken) -> Result<(), ctrlc::Error> {
    let cancel = cancel.clone();
    ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            exit(130);
        }
        cancel.cancel();
        eprintln!("stopping: running fetches are dropped, nothing more starts; Ctrl-C again ends at once");
    })
}
