//! `Load`, and where it comes from.

use regatta_core::Time;
use std::io;

/// How much of what is allowed is in use: parts from 0 to 1, as far as they are known.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Load {
    /// CPU time, since the reading before.
    pub cpu: Option<f64>,
    /// Memory.
    pub memory: Option<f64>,
}

impl Load {
    /// Nothing is known.
    pub const fn new() -> Self {
        Self { cpu: None, memory: None }
    }

    /// The same with this part of the CPU time.
    pub const fn cpu(mut self, part: f64) -> Self {
        self.cpu = Some(part);
        self
    }

    /// The same with this part of the memory.
    pub const fn memory(mut self, part: f64) -> Self {
        self.memory = Some(part);
        self
    }
}

/// Says what the load is; for a [`LoadSampler`](crate::LoadSampler).
///
/// `CgroupV2` and `ProcFs` read Linux's files. Every closure that returns an [`io::Result`] of a [`Load`] is one, for
/// other systems. A pair of sources says the greater of what both say: the container's load and the machine's.
///
/// # Examples
///
/// ```
/// use regatta_core::Time;
/// use regatta_strategies::Load;
/// use regatta_strategies::load::LoadSource;
///
/// let (container, machine) = (|| Ok(Load::new().cpu(0.2).memory(0.6)), || Ok(Load::new().cpu(0.9)));
/// assert_eq!((container, machine).read(Time::ZERO)?, Load::new().cpu(0.9).memory(0.6));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait LoadSource {
    /// The present load. CPU time is known from the second reading on, for the time in between.
    ///
    /// # Errors
    ///
    /// What kept it from being read. The next reading may succeed.
    fn read(&mut self, now: Time) -> io::Result<Load>;
}

impl<F> LoadSource for F
where
    F: FnMut() -> io::Result<Load>,
{
    fn read(&mut self, _: Time) -> io::Result<Load> {
        self()
    }
}

impl<A: LoadSource, B: LoadSource> LoadSource for (A, B) {
    fn read(&mut self, now: Time) -> io::Result<Load> {
        // Both are read, also if the first fails, so that neither loses its last reading.
        let (first, second) = (self.0.read(now), self.1.read(now));
        let (first, second) = (first?, second?);
        Ok(Load { cpu: greater(first.cpu, second.cpu), memory: greater(first.memory, second.memory) })
    }
}

fn greater(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (known, None) | (None, known) => known,
    }
}
