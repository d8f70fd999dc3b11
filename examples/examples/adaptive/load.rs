//! Whose load: that of the cgroup, of the machine, or of this process alone.

use lexopt::{Arg, Parser, ValueExt};
use regatta::strategies::{Adaptive, CgroupV2, Load, LoadSampler, ProcFs};
use regatta::{ConfigError, Limiter};
use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Finds out how many requests at once a server of its own can take, and lets go
while a CPU hog of its own runs. Takes about 6 s, and up to three times as long
where others are busy too.

usage: cargo run --release --example adaptive -- [OPTIONS]

  --load SOURCE  whose CPU load counts: cgroup (of this process), machine, or
                 process (its threads that want a CPU) [cgroup, or else machine;
                 then process, if others are too busy to see anything]
  --help         this text

exit status: 0 the limit fell while the hog ran, and rose after it; 1 it didn't,
or the load can't be read; 2 wrong usage, nothing was done
";

/// How often the sampler looks.
const EVERY: Duration = Duration::from_millis(100);

/// Above that the ceiling falls.
const CPU_MAX: f64 = 0.8;

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
    /// Where nobody chose, what others do counts once.
    pub(crate) fn of_the_next_time(self) -> Self {
        match self {
            Self::CgroupOrMachine | Self::Process => Self::Process,
            Self::Cgroup => Self::Cgroup,
            Self::Machine => Self::Machine,
        }
    }

    pub(crate) fn sampler(self, limiter: Limiter<Adaptive>) -> io::Result<LoadSampler<Adaptive>> {
        let sampler = match self {
            Self::Cgroup => LoadSampler::new(limiter, CgroupV2::own()?, EVERY),
            Self::Machine => LoadSampler::new(limiter, ProcFs::new(), EVERY),
            Self::Process => LoadSampler::new(limiter, process(), EVERY),
            Self::CgroupOrMachine => match CgroupV2::own() {
                Ok(cgroup) => LoadSampler::new(limiter, cgroup, EVERY),
                Err(error) => {
                    println!("there is no cgroup v2 here ({error}), so the load is the machine's");
                    LoadSampler::new(limiter, ProcFs::new(), EVERY)
                }
            },
        };
        let capped = |sampler: LoadSampler<_>| sampler.ceiling(|limit| limit, Load::new().cpu(CPU_MAX));
        let sampler = sampler.and_then(capped).map_err(|error: ConfigError| io::Error::other(error))?;
        Ok(sampler.on_error(|error| eprintln!("load: {error}")))
    }
}

/// A source of one's own is a closure. This one doesn't mind what other processes do: it counts the threads of this
/// process that run or wait for a CPU, and calls four per CPU full.
fn process() -> impl FnMut() -> io::Result<Load> + Send {
    let full = 4.0 * thread::available_parallelism().map_or(1, usize::from) as f64;
    move || Ok(Load::new().cpu((runnable_threads()? as f64 / full).min(1.0)))
}

fn runnable_threads() -> io::Result<usize> {
    let mut runnable = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        // It may have ended by now.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The name of the thread, in parentheses, may contain anything; its state comes next.
        runnable += usize::from(stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R')));
    }
    Ok(runnable)
}
