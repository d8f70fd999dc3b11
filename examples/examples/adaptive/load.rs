//! Whose load: that of the cgroup, of the machine, or of this process alone.

use lexopt::{Arg, Parser, ValueExt};
use regatta::strategies::{Adaptive, CgroupV2, Load, LoadSampler, ProcFs};
use regatta::{ConfigError, Limiter};
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const HELP: &str = "\
Finds out how many requests at once a server of its own can take, and lets go
while a CPU hog of its own runs. Takes about 6 s.

usage: cargo run --release --example adaptive -- [OPTIONS]

  --load SOURCE  whose CPU load counts: cgroup (of this process), machine, or
                 process (this one alone) [cgroup, or else machine]
  --help         this text

exit status: 0 the limit fell while the hog ran, and rose after it; 1 it didn't,
or the load can't be read; 2 wrong usage, nothing was done
";

/// How often the sampler looks.
const EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    CgroupOrMachine,
    Cgroup,
    Machine,
    Process,
}

/// `None` if help is wanted.
pub(crate) fn parse() -> Result<Option<Source>, lexopt::Error> {
    let (mut parser, mut source) = (Parser::from_env(), Source::CgroupOrMachine);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") => return Ok(None),
            Arg::Long("load") => {
                source = match &*parser.value()?.string()? {
                    "cgroup" => Source::Cgroup,
                    "machine" => Source::Machine,
                    "process" => Source::Process,
                    other => {
                        let rule = format!("--load {other}: it must be cgroup, machine or process");
                        return Err(lexopt::Error::Custom(rule.into()));
                    }
                }
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(source))
}

impl Source {
    pub(crate) fn sampler(self, limiter: Limiter<Adaptive>) -> io::Result<LoadSampler<Adaptive>> {
        let sampler = match self {
            Self::Cgroup => LoadSampler::new(limiter, CgroupV2::own()?, EVERY),
            Self::Machine => LoadSampler::new(limiter, ProcFs::new(), EVERY),
            Self::Process => LoadSampler::new(limiter, process(), EVERY),
            Self::CgroupOrMachine => match CgroupV2::own() {
                Ok(cgroup) => LoadSampler::new(limiter, cgroup, EVERY),
                Err(_) => LoadSampler::new(limiter, ProcFs::new(), EVERY),
            },
        };
        // A process among others gets what they leave; the clients and the server need a tenth of that.
        let cpu_max = if matches!(self, Self::Process) { 0.3 } else { 0.8 };
        let capped = |sampler: LoadSampler<_>| sampler.ceiling(|limit| limit, Load::new().cpu(cpu_max));
        let sampler = sampler.and_then(capped).map_err(|error: ConfigError| io::Error::other(error))?;
        Ok(sampler.on_error(|error| eprintln!("load: {error}")))
    }
}

/// A source of one's own is a closure.
fn process() -> impl FnMut() -> io::Result<Load> + Send {
    let cpus = thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut last = None;
    move || {
        let (now, used) = (Instant::now(), cpu_time()?);
        let load = last.replace((now, used)).map(|(then, before)| {
            let elapsed = now.duration_since(then).as_secs_f64();
            Load::new().cpu((used - before) / (elapsed * cpus))
        });
        Ok(load.unwrap_or_default())
    }
}

/// The seconds of CPU time that this process has used.
fn cpu_time() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may contain anything.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    // Fields 14 and 15 of all, in hundredths of a second.
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>());
    let ticks = ticks.sum::<Result<f64, _>>().map_err(io::Error::other)?;
    Ok(ticks / 100.0)
}
