//! Crawls a site of 600 pages on four hosts, which are servers of its own: pages that are slow, fail, hang, or want to be
//! left alone for a while; then compares what the queue says of each page with the servers' log.
//!
//! What to notice:
//!
//! - The crawl begins with one page. The handler ([`crawler`]) pushes the links that it finds into its own queue, which is
//!   closed to everybody else; so the run is over with the last page, and nobody counts what is under way. The queue has
//!   a capacity of 16, and hundreds of pages wait in it: only who pushes from outside would have to wait.
//! - Politeness is three lines of the builder: so many at once per host (`class_limit`), a rate and a pause per host
//!   (`Keyed`), a retry that waits as long as the server says (`hint`). While one host is paused, the others go on, and
//!   a page that waits for its retry holds no worker.
//! - A page in the queue is known by its key, so it isn't pushed twice. Which pages have begun, the handler remembers.
//! - The first Ctrl-C stops the queue: pages on their way have a grace, those that never began are handed back.
//! - Workers are tasks of the executor; `--on smol|tokio` changes two lines, in [`Executor`](options::Executor).
//! - The servers ([`server`]) know nothing of queues, and write everything down. [`check`] demands that both agree, with a
//!   line for each difference: a request per attempt, no page twice, none forgotten, no host pressed.
//!
//! `cargo run --release --example crawl -- --help` says the rest.

mod check;
mod client;
mod crawler;
mod desk;
mod journal;
mod options;
mod progress;
mod server;
mod site;
mod summary;
mod url;

use check::Manners;
use crawler::{Crawler, Pages};
use options::{Asked, HELP, Options};
use server::Servers;
use site::Site;
use std::error::Error;
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the crawler owes each host.
const MANNERS: Manners =
    Manners { at_once: 2, every: Duration::from_millis(10), burst: 4, patience: Duration::from_millis(1500) };

/// By Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("crawl: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match crawl(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crawl: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nobody contradicts the servers, and nobody pressed Ctrl-C.
fn crawl(options: &Options) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let site = Site::new(options.pages);
    let servers = Servers::start(site)?;
    let home = Site::url(Site::HOME);
    eprintln!("crawling {} pages from {home}, on {}", options.pages, options.on);
    let start = Instant::now();
    let crawler = Crawler::new(servers.addresses());
    let crawl = crawler.crawl(home.clone(), MANNERS, options.on, options.stop_after);
    let crawl = options.on.block_on(crawl)??;
    let elapsed = start.elapsed();
    let log = servers.stop()?;

    println!("{}", summary::table(&crawl, &log));
    println!("{}", summary::links(crawler.links()));
    if crawl.stopped {
        print!("{}", summary::left(&crawl));
    }
    let differences = check::differences(&crawl, &log, &site.reachable(), &home.to_string(), MANNERS);
    for difference in &differences {
        println!("difference: {difference}");
    }
    println!("{:.2} s; {}", elapsed.as_secs_f64(), summary::verdict(differences.len(), crawl.stopped));
    Ok(differences.is_empty() && !INTERRUPTED.load(Ordering::SeqCst))
}

/// The first Ctrl-C stops the queue; the second ends the process.
fn stop_on_ctrl_c(queue: Pages) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            exit(130);
        }
        queue.stop();
        eprintln!("stopping: nothing more starts, what runs has a moment; Ctrl-C again ends at once");
    })
}
