//! Crawls a site.

mod check;
mod client;
mod crawler;
mod desk;
mod options;
mod server;
mod site;
mod url;

use check::Manners;
use options::{Asked, HELP, Options};
use server::Servers;
use site::Site;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const MANNERS: Manners = Manners { at_once: 2, every: Duration::from_millis(10), burst: 4 };

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

fn crawl(options: &Options) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let site = Site::new(options.pages);
    let servers = Servers::start(site)?;
    let home = Site::url(Site::HOME);
    let crawl = options.on.block_on(crawler::crawl(home.clone(), servers.addresses(), options.stop_after))?;
    let log = servers.stop()?;
    let differences = check::differences(&crawl, &log, &site.reachable(), &home.to_string(), MANNERS);
    println!("{} {:?} {:?}", crawl.told.len(), crawl.counts, log.peaks);
    for difference in &differences {
        println!("difference: {difference}");
    }
    Ok(differences.is_empty())
}
