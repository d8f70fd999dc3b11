//! `CgroupV2`: a container's load, as the kernel accounts for it.

use super::files::{self, odd, ratio};
use super::{Load, LoadSource, proc};
use regatta_core::{ConfigError, Time};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::thread;

/// The load of one cgroup, version 2: of a container or a service. Linux only.
///
/// CPU is `usage_usec` of `cpu.stat` between two readings, against the quota in `cpu.max` or, without one, against all
/// CPUs; so the first reading has none, and neither has one after counters went backwards. Memory is `memory.current`
/// without `inactive_file`, the part of the file cache that the kernel drops first (as Kubernetes counts it: with the
/// cache, every process that reads files would seem to be full), against `memory.max` or, without one, `MemTotal`.
///
/// A cgroup without `cpu.max` or `memory.max` has no such limit. One without `memory.current` doesn't account for memory,
/// which is then not known; the root has neither. Limits of the cgroups above are not seen.
///
/// # Examples
///
/// ```no_run
/// use regatta_strategies::CgroupV2;
///
/// let container = CgroupV2::own()?;
/// let neighbour = CgroupV2::at("/sys/fs/cgroup/system.slice/database.service");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CgroupV2 {
    folder: PathBuf,
    proc: PathBuf,
    cpus: Option<usize>,
    /// When the last reading was, and the microseconds of CPU time by then.
    last: Option<(Time, u64)>,
}

impl CgroupV2 {
    /// The cgroup in that folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), proc: PathBuf::from("/proc"), cpus: None, last: None }
    }

    /// The cgroup of this process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none, or none that is visible from here; whatever kept `/proc` from being
    /// read.
    pub fn own() -> io::Result<Self> {
        Self::own_in(Path::new("/proc"))
    }

    pub(super) fn own_in(proc: &Path) -> io::Result<Self> {
        let none = |why: &str| io::Error::new(ErrorKind::NotFound, format!("no cgroup v2: {why}"));
        let groups = files::read(&proc.join("self/cgroup"))?;
        let group = groups.lines().find_map(|line| line.strip_prefix("0::"));
        let group = group.ok_or_else(|| none("this process is in none"))?;
        let mounts = files::read(&proc.join("self/mountinfo"))?;
        let folder = mounts.lines().find_map(|line| folder(line, Path::new(group)));
        let folder = folder.ok_or_else(|| none(&format!("{group} is not mounted")))?;
        Ok(Self::at(folder))
    }

    /// Counts so many CPUs, instead of those that this process may use.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn cpus(mut self, cpus: usize) -> Result<Self, ConfigError> {
        if cpus == 0 {
            return Err(ConfigError::new("cpus", cpus, "must be at least 1"));
        }
        self.cpus = Some(cpus);
        Ok(self)
    }

    /// Reads `MemTotal` there instead of in `/proc`.
    #[must_use]
    pub fn proc(mut self, root: impl Into<PathBuf>) -> Self {
        self.proc = root.into();
        self
    }

    /// The folder of the cgroup.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn cpu(&mut self, now: Time) -> io::Result<Option<f64>> {
        let path = self.folder.join("cpu.stat");
        let text = files::read(&path)?;
        let used = files::line(&text, "usage_usec").and_then(files::number);
        let used: u64 = used.ok_or_else(|| odd(&path, "line \"usage_usec\" with a number"))?;
        let allowed = self.allowed()?;
        let Some((then, before)) = self.last.replace((now, used)) else { return Ok(None) };
        let elapsed = now.since(then).as_nanos() as f64 / 1e3;
        match used.checked_sub(before) {
            Some(used) if elapsed > 0.0 => Ok(Some(ratio(used as f64, elapsed * allowed))),
            // The counter or the clock went backwards, or stood still.
            Some(_) | None => Ok(None),
        }
    }

    /// How many CPUs' time it may use.
    fn allowed(&self) -> io::Result<f64> {
        let cpus =
            self.cpus.or_else(|| thread::available_parallelism().ok().map(usize::from)).unwrap_or(1) as f64;
        let path = self.folder.join("cpu.max");
        let Some(text) = files::read_if_there(&path)? else { return Ok(cpus) };
        let quota = match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["max", _] | ["max"] => return Ok(cpus),
            [quota, period] => files::number::<u32>(quota).zip(files::number::<u32>(period)),
            _ => None,
        };
        match quota {
            Some((quota @ 1.., period @ 1..)) => Ok(cpus.min(f64::from(quota) / f64::from(period))),
            Some(_) | None => Err(odd(&path, "quota and period")),
        }
    }

    fn memory(&self) -> io::Result<Option<f64>> {
        let path = self.folder.join("memory.current");
        let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
        let used: u64 = files::number(&text).ok_or_else(|| odd(&path, "number"))?;
        let stat = files::read_if_there(&self.folder.join("memory.stat"))?.unwrap_or_default();
        let cache = files::line(&stat, "inactive_file").and_then(files::number).unwrap_or(0);
        Ok(Some(ratio(used.saturating_sub(cache) as f64, self.memory_max()? as f64)))
    }

    fn memory_max(&self) -> io::Result<u64> {
        let path = self.folder.join("memory.max");
        match files::read_if_there(&path)?.as_deref().map(str::trim) {
            None | Some("max") => proc::memory_total(&self.proc),
            Some(max) => files::number(max).ok_or_else(|| odd(&path, "number")),
        }
    }
}

impl LoadSource for CgroupV2 {
    fn read(&mut self, now: Time) -> io::Result<Load> {
        let cpu = self.cpu(now)?;
        Ok(Load { cpu, memory: self.memory()? })
    }
}

/// Where `group` is, if this line of `mountinfo` is about a mount of cgroup v2 that shows it.
fn folder(line: &str, group: &Path) -> Option<PathBuf> {
    // id parent device root mount-point options [tags ..] - type source options
    let (mount, kind) = line.split_once(" - ")?;
    if kind.split_whitespace().next()? != "cgroup2" {
        return None;
    }
    let mut words = mount.split_whitespace().skip(3);
    let (root, point) = (unescaped(words.next()?), unescaped(words.next()?));
    // A path that goes up leads out of what is mounted.
    let inside = group.strip_prefix(&root).ok()?;
    let stays = inside.components().all(|part| matches!(part, Component::Normal(_)));
    stays.then(|| Path::new(&point).join(inside))
}

/// `mountinfo` writes space, tab, newline and backslash as `\` and three octal digits.
fn unescaped(word: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(word.to_owned(), |word, (escape, plain)| word.replace(escape, plain))
}
