//! Three servers share the load by weight, one of them is killed with requests on their way, and comes back.
//!
//! What to notice:
//!
//! - The router has an endpoint per server, with a `Breaker` as its strategy ([`fleet`]). The client asks the balancer for
//!   one and says how it went ([`client`]); that is all it knows of weights and health.
//! - While all are up, shares are exact by weight: not on average, but to the request.
//! - Only what was in flight at the moment of the kill can be lost. What comes later is refused, and as no server has
//!   seen it, it is sent again to another one: one line, `add_retry` with a rule that looks at the error. What was lost
//!   isn't: whether the server did it, nobody knows.
//! - The first failure opens the breaker. From there nothing goes to the dead server, and the others share the load by
//!   their weights.
//! - No request is spent on asking whether the server is back: a `HealthProbe` does that, and makes the breaker
//!   half-open. One request is the probe; then it is closed, and the server has its share again, without a burst.
//! - Router, client and servers count for themselves, and [`check`] compares them.
//!
//! `cargo run --release --example balance`

mod check;
mod client;
mod counts;
mod fleet;
mod server;

use check::Expect;
use counts::{Kill, Phase, SERVERS, VICTIM};
use fleet::Fleet;
use regatta::Table;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Shares a few thousand requests among three servers of its own on 127.0.0.1 by
weight, kills one of them midway and brings it back, and compares what router,
client and servers have counted.

usage: cargo run --release --example balance

exit status: 0 all shares are as they should be; 1 they are not; 2 wrong usage
";

/// Whole cycles, also of those that are left.
const MEASURED: usize = 1_050;
/// A few cycles, in which something changes.
const CHANGE: usize = 210;
/// For the breaker to close. Real time, and far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next() {
        Ok(None) => {}
        Ok(Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h'))) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Some(argument)) => return usage(&argument.unexpected()),
        Err(error) => return usage(&error),
    }
    match smol::block_on(balance()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("balance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(error: &lexopt::Error) -> ExitCode {
    eprintln!("balance: {error}; see --help");
    ExitCode::from(2)
}

/// Whether all shares are as they should be.
async fn balance() -> Result<bool, Box<dyn Error + Send + Sync>> {
    let fleet = Fleet::start()?;
    // It stops when it is dropped.
    let _health = smol::spawn(fleet.health()?);
    let mut phases = vec![(fleet.phase("all up", MEASURED).await?, Expect::AllByWeight)];

    fleet.plan_kill();
    phases.push((fleet.phase("one is killed", CHANGE).await?, Expect::TheKill));
    phases.push((fleet.phase("two are left", MEASURED).await?, Expect::RestByWeight));

    fleet.bring_back()?;
    let deadline = Instant::now() + PATIENCE;
    while !fleet.has_recovered() {
        if Instant::now() > deadline {
            return Err(format!("{VICTIM} is back, and its breaker does not close").into());
        }
        phases.push((fleet.phase("it is back", CHANGE).await?, Expect::TheReturn));
    }
    phases.push((fleet.phase("it has its share again", CHANGE).await?, Expect::TheReturn));
    phases.push((fleet.phase("all up again", MEASURED).await?, Expect::AllByWeight));

    println!("{}\n", table(&phases));
    for (phase, _) in &phases {
        if let Kill::Done { in_flight } = phase.kill {
            let lost: u64 = phase.counts.iter().map(|counts| counts.lost).sum();
            let unsent: u64 = phase.counts.iter().map(|counts| counts.unsent).sum();
            println!(
                "{VICTIM} was killed with {in_flight} requests in flight there; lost: {lost}; refused there, and \
                 sent elsewhere: {unsent}"
            );
        }
    }
    let deviations: Vec<String> =
        phases.iter().flat_map(|(phase, expect)| check::deviations(phase, *expect)).collect();
    for deviation in &deviations {
        println!("deviation: {deviation}");
    }
    println!(
        "{}",
        match deviations.len() {
            0 => "all shares are exact by weight, nothing was lost but what was in flight at the kill, and router, \
                  client and servers agree"
                .to_owned(),
            1 => "1 deviation".to_owned(),
            more => format!("{more} deviations"),
        }
    );
    Ok(deviations.is_empty())
}

/// A line per phase: who answered how much.
fn table(phases: &[(Phase, Expect)]) -> Table {
    let [first, second, third] = SERVERS.map(|(name, weight)| format!("{name} ({weight})"));
    let mut table = Table::new(["phase", "requests", &first, &second, &third, "lost"]);
    for column in 1..3 + SERVERS.len() {
        table.align_right(column);
    }
    for (phase, _) in phases {
        let lost: u64 = phase.counts.iter().map(|counts| counts.lost).sum();
        let numbers = [phase.requests].into_iter().chain(phase.counts.iter().map(|counts| counts.answered));
        let numbers = numbers.chain([lost]).map(|number| number.to_string());
        table.row([phase.name.to_owned()].into_iter().chain(numbers));
    }
    table
}
