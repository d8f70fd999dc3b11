//! Before, while and after the hog runs.

use crate::hog::Hog;
use crate::load::Source;
use crate::server;
use regatta::strategies::Adaptive;
use regatta::{Limiter, Outcome, Rejection};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{LocalExecutor, Timer};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CLIENTS: usize = 64;
const LATENCY_MAX: Duration = Duration::from_millis(40);
/// A line of the table.
const TICK: Duration = Duration::from_millis(200);

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// So often it is told at most.
const TIMES: usize = 3;

/// What the limit should have done and did not.
type Verdict = Result<(), &'static str>;

/// Tells it, and fails if the limit did not do what it should.
///
/// Somebody else's load may come and go beside the hog, and then the limit rightly falls and rises with that. So it is
/// told again; a limit that does not do what it should fails each time.
pub(crate) fn tell(source: Source) -> Fallible<()> {
    let (mut source, mut verdict) = (source, once(source)?);
    for _ in 1..TIMES {
        let Err(why) = verdict else { break };
        source = source.of_the_next_time();
        println!("{why}; maybe because others are busy here too, so once more\n");
        verdict = once(source)?;
    }
    Ok(verdict?)
}

fn once(source: Source) -> Fallible<Verdict> {
    let address = server::start()?;
    let limiter = Limiter::new(Adaptive::aimd(LATENCY_MAX)?.bounds(1, CLIENTS)?.initial(4)?);
    let cpu = Arc::new(Mutex::new(None));
    let latest = cpu.clone();
    // A second rule beside the ceiling, for the table.
    let sampler = source.sampler(limiter.clone())?;
    let sampler = sampler.on(move |_, load| *latest.lock().expect("nobody panics here") = load.cpu);
    let executor = LocalExecutor::new();
    // Both end with the executor.
    executor.spawn(sampler).detach();
    for _ in 0..CLIENTS {
        let client = client(address, limiter.clone());
        executor.spawn(async { client.await.unwrap_or_else(|error| eprintln!("client: {error}")) }).detach();
    }
    smol::block_on(executor.run(async {
        let table = Table { limiter, cpu, start: Instant::now() };
        println!("  time   hog    cpu  found  ceiling  limit");
        let before = table.watch("", 10).await;
        let hog = Hog::start();
        let during = table.watch("runs", 8).await;
        drop(hog);
        let after = table.watch("", 10).await;
        Ok(judge(&before, &during, &after))
    }))
}

struct Table {
    limiter: Limiter<Adaptive>,
    cpu: Arc<Mutex<Option<f64>>>,
    start: Instant,
}

/// Some lines of the table.
struct Seen {
    /// The mean of the last three.
    limit: f64,
    was_capped: bool,
}

/// Asks the server for more as soon as it has an answer and a permit, for ever.
async fn client(address: SocketAddr, limiter: Limiter<Adaptive>) -> Fallible<()> {
    let mut stream = TcpStream::connect(address).await?;
    loop {
        let permit = limiter.acquire().await.map_err(|rejection: Rejection| rejection.to_string())?;
        stream.write_all(b"?").await?;
        stream.read_exact(&mut [0]).await?;
        // The latency counts from the permit to here.
        permit.complete(Outcome::Success);
    }
}

impl Table {
    /// Prints a line per tick.
    async fn watch(&self, hog: &str, ticks: usize) -> Seen {
        let (mut limits, mut was_capped) = (Vec::new(), false);
        for _ in 0..ticks {
            Timer::after(TICK).await;
            let time = self.start.elapsed().as_secs_f64();
            let cpu = self.cpu.lock().expect("nobody panics here").unwrap_or_default() * 100.0;
            let (found, ceiling, limit) =
                self.limiter.peek(|limit| (limit.learned(), limit.ceiling(), limit.limit()));
            limits.push(limit as f64);
            was_capped |= ceiling.is_some();
            let ceiling = ceiling.map_or_else(|| "-".to_owned(), |ceiling| ceiling.to_string());
            println!("{time:>4.1} s  {hog:<4}  {cpu:>3.0} %  {found:>5}  {ceiling:>7}  {limit:>5}");
        }
        Seen { limit: limits.iter().rev().take(3).sum::<f64>() / 3.0, was_capped }
    }
}

fn judge(before: &Seen, during: &Seen, after: &Seen) -> Verdict {
    let was_capped = during.was_capped;
    let [before, during, after] = [before, during, after].map(|seen| seen.limit);
    println!("limit before, while and after the hog ran: {before:.1}, {during:.1}, {after:.1}");
    if before < 2.0 {
        return Err("the limit did not rise before the hog came");
    }
    if during > 0.7 * before {
        return Err("the limit did not fall while the hog ran");
    }
    if !was_capped {
        return Err("the load that the hog made did not press the ceiling down");
    }
    if after < 1.3 * during {
        return Err("the limit did not rise after the hog had gone");
    }
    println!("the limit fell while the hog ran, and rose after it");
    Ok(())
}
