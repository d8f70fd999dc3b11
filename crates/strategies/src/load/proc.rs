//! `ProcFs`: the machine's load, as `/proc` tells it.

use super::files::{self, odd, ratio};
use super::{Load, LoadSource};
use regatta_core::Time;
use std::io;
use std::path::{Path, PathBuf};

/// The load of the whole machine, from `/proc/stat` and `/proc/meminfo`. Linux only.
///
/// CPU is the time that was not idle and not spent waiting for I/O, of all CPUs, between two readings; so the first has
/// none, and neither has one after counters went backwards. Memory is what is not available: `MemAvailable` of
/// `MemTotal`. In a container both are those of the machine; use `CgroupV2` there.
///
/// # Examples
///
/// ```
/// use regatta_core::Time;
/// use regatta_strategies::ProcFs;
/// use regatta_strategies::load::LoadSource;
///
/// let load = ProcFs::new().read(Time::ZERO)?;
/// assert_eq!(load.cpu, None, "there was no reading before");
/// assert!(load.memory.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProcFs {
    root: PathBuf,
    last: Option<Ticks>,
}

/// CPU time of all CPUs since boot, in ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    total: u64,
    idle: u64,
}

impl ProcFs {
    /// Reads `/proc`.
    pub fn new() -> Self {
        Self::at("/proc")
    }

    /// Reads `root` instead, where another machine's `/proc` is mounted.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), last: None }
    }

    fn cpu(&mut self) -> io::Result<Option<f64>> {
        let path = self.root.join("stat");
        let text = files::read(&path)?;
        let ticks = ticks(&text).ok_or_else(|| odd(&path, "line \"cpu\" with eight numbers"))?;
        let Some(last) = self.last.replace(ticks) else { return Ok(None) };
        let Some(total) = ticks.total.checked_sub(last.total) else { return Ok(None) };
        if total == 0 {
            return Ok(None);
        }
        // Waiting for I/O is known to be counted back at times.
        let idle = ticks.idle.saturating_sub(last.idle).min(total);
        Ok(Some(ratio((total - idle) as f64, total as f64)))
    }

    fn memory(&self) -> io::Result<f64> {
        let path = self.root.join("meminfo");
        let text = files::read(&path)?;
        let total = memory(&text, "MemTotal:").ok_or_else(|| odd(&path, "line \"MemTotal:\" with kB"))?;
        let free =
            memory(&text, "MemAvailable:").ok_or_else(|| odd(&path, "line \"MemAvailable:\" with kB"))?;
        Ok(ratio(total.saturating_sub(free) as f64, total as f64))
    }
}

impl Default for ProcFs {
    fn default() -> Self {
        Self::new()
    }
}

impl LoadSource for ProcFs {
    fn read(&mut self, _: Time) -> io::Result<Load> {
        let cpu = self.cpu()?;
        Ok(Load { cpu, memory: Some(self.memory()?) })
    }
}

/// Bytes of memory that the machine has.
pub(super) fn memory_total(root: &Path) -> io::Result<u64> {
    let path = root.join("meminfo");
    let text = files::read(&path)?;
    memory(&text, "MemTotal:").ok_or_else(|| odd(&path, "line \"MemTotal:\" with kB"))
}

fn memory(text: &str, key: &str) -> Option<u64> {
    let kilobytes: u64 = files::number(files::line(text, key)?.strip_suffix("kB")?)?;
    Some(kilobytes.saturating_mul(1024))
}

fn ticks(text: &str) -> Option<Ticks> {
    // user nice system idle iowait irq softirq steal; what guests used is in user and nice already.
    let mut numbers = [0_u64; 8];
    let mut words = files::line(text, "cpu")?.split_whitespace();
    for number in &mut numbers {
        *number = files::number(words.next()?)?;
    }
    let total = numbers.iter().fold(0, |sum: u64, number| sum.saturating_add(*number));
    Some(Ticks { total, idle: numbers[3].saturating_add(numbers[4]) })
}
