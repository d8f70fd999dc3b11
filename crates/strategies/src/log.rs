//! `Log`: when the latest starts were, as runs of equal times. What the sliding windows count with.

use std::collections::VecDeque;

/// The latest `n` units that were taken, each with its tick: a point in time, however coarse.
///
/// Ticks never fall from one entry to the next: a start whose clock lags is entered at the latest tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// In the order of their ticks, all different, none empty.
    runs: VecDeque<Run>,
    /// How many runs in front no longer count. They are kept until the next start, for the latest to be undone.
    stale: usize,
    /// All units of the runs that count; zero only if there is no run at all, as the last one counts.
    units: u64,
    /// The first run that counts, as in `runs`, where it takes longer to get at it; empty if there is none.
    oldest: Run,
    /// The tick of the last run, as in `runs`; 0 if there is none.
    latest: u64,
    /// The latest tick of all that was dropped.
    dropped: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Run {
    tick: u64,
    units: u64,
}

/// How much a log has to remember: `n` units, and nothing that left the span before the latest start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reach {
    /// The most units within a span.
    pub(crate) n: u32,
    /// How many ticks after its own a unit stops counting.
    pub(crate) span: u64,
}

impl Log {
    /// The first tick at which `cost`, which is at most `n`, keeps within `n` in a span.
    #[inline]
    pub(crate) fn earliest(&self, cost: u32, reach: Reach) -> u64 {
        let over = self.units.saturating_add(u64::from(cost)).saturating_sub(u64::from(reach.n));
        if over == 0 {
            // The clock of the one who asks may lag so far behind that what was dropped would still count.
            return self.forgotten().map_or(0, |tick| tick.saturating_add(reach.span));
        }
        let tick = if over <= self.oldest.units { self.oldest.tick } else { self.tick_of(over) };
        tick.saturating_add(reach.span)
    }

    /// The tick of the unit with this number, counted from 1 at the oldest.
    #[inline]
    fn tick_of(&self, number: u64) -> u64 {
        let mut left = number;
        for run in self.runs.range(self.stale..) {
            if left <= run.units {
                return run.tick;
            }
            left -= run.units;
        }
        self.latest
    }

    /// The tick of the latest entry.
    #[inline]
    pub(crate) fn latest(&self) -> Option<u64> {
        self.runs.back().map(|run| run.tick)
    }

    /// The latest tick that no longer counts.
    #[inline]
    fn forgotten(&self) -> Option<u64> {
        if self.stale == 0 { self.dropped } else { Some(self.runs[self.stale - 1].tick) }
    }

    /// The tick from which on nothing of this counts.
    #[inline]
    pub(crate) fn end(&self, reach: Reach) -> u64 {
        self.latest().or(self.dropped).map_or(0, |tick| tick.saturating_add(reach.span))
    }

    /// Where a start at `tick` is entered: not before the latest.
    #[inline]
    pub(crate) fn place(&self, tick: u64) -> u64 {
        self.latest.max(tick)
    }

    /// Enters `cost`, which is not zero, at a place that [`place`](Log::place) gave.
    #[inline]
    pub(crate) fn enter(&mut self, tick: u64, cost: u32, reach: Reach, runs_max: usize) {
        self.drop_stale();
        let units = u64::from(cost);
        if self.units == 0 {
            self.oldest = Run { tick, units };
        }
        if tick == self.latest && self.units > 0 {
            self.add_to_latest(units);
        } else {
            if self.runs.len() == self.runs.capacity() {
                self.grow(runs_max);
            }
            self.runs.push_back(Run { tick, units });
            self.latest = tick;
        }
        self.units = self.units.saturating_add(units);
        self.settle(reach);
    }

    #[inline(never)]
    fn add_to_latest(&mut self, units: u64) {
        if let Some(run) = self.runs.back_mut() {
            run.units = run.units.saturating_add(units);
            if run.tick == self.oldest.tick {
                self.oldest = *run;
            }
        }
    }

    /// Makes of the `from` that were entered at `tick` `to`. What no longer counts stays as it is.
    ///
    /// Returns whether anything changed.
    pub(crate) fn correct(&mut self, tick: u64, from: u32, to: u32, reach: Reach) -> bool {
        match self.runs.binary_search_by_key(&tick, |run| run.tick) {
            Ok(index) => {
                let before = self.runs[index].units;
                let after = before.saturating_sub(u64::from(from)).saturating_add(u64::from(to));
                if index >= self.stale {
                    self.units = self.units.saturating_sub(before).saturating_add(after);
                }
                self.runs[index].units = after;
                if after == 0 {
                    self.runs.remove(index);
                    self.stale -= usize::from(index < self.stale);
                }
            }
            // Nothing was entered for it so far.
            Err(index) if from == 0 && to > 0 && index >= self.stale && self.forgotten() < Some(tick) => {
                self.drop_stale();
                let index = self.runs.partition_point(|run| run.tick < tick);
                self.runs.insert(index, Run { tick, units: u64::from(to) });
                self.units = self.units.saturating_add(u64::from(to));
            }
            Err(_) => return false,
        }
        self.resettle(reach);
        true
    }

    /// After the reach has changed. What was dropped does not count in a longer span: nobody knows how much it was.
    pub(crate) fn reach_changed(&mut self, from: Reach, to: Reach) {
        if to.span > from.span {
            self.dropped = None;
        }
        self.resettle(to);
    }

    /// Moves all entries to other ticks, in the same order.
    pub(crate) fn move_to(&mut self, place: impl Fn(u64) -> u64, reach: Reach) {
        let before = std::mem::take(self);
        for run in before.runs {
            let tick = self.place(place(run.tick));
            match self.runs.back_mut() {
                Some(last) if last.tick == tick => last.units = last.units.saturating_add(run.units),
                Some(_) | None => self.runs.push_back(Run { tick, units: run.units }),
            }
            self.latest = tick;
            self.units = self.units.saturating_add(run.units);
        }
        self.resettle(reach);
        self.drop_stale();
    }

    /// Forgets what no longer counts.
    #[inline]
    fn drop_stale(&mut self) {
        // As a rule one goes for one that comes.
        if self.stale > 0 {
            self.drop_front();
            if self.stale > 0 {
                self.drop_more();
            }
        }
    }

    #[inline(never)]
    fn drop_more(&mut self) {
        while self.stale > 0 {
            self.drop_front();
        }
    }

    #[inline]
    fn drop_front(&mut self) {
        self.stale -= 1;
        if let Some(run) = self.runs.pop_front() {
            self.dropped = Some(run.tick);
        }
    }

    /// Whether a run counts, before `later` units of later ones, of which the latest lies at `latest`.
    #[inline]
    fn counts(run: Run, later: u64, latest: u64, reach: Reach) -> bool {
        later < u64::from(reach.n) && run.tick.saturating_add(reach.span) >= latest
    }

    /// Lets what no longer counts go stale.
    #[inline]
    fn settle(&mut self, reach: Reach) {
        if self.retire(reach) && self.retire(reach) {
            self.retire_more(reach);
        }
    }

    #[inline(never)]
    fn retire_more(&mut self, reach: Reach) {
        while self.retire(reach) {}
    }

    /// Lets the oldest run go stale, if it no longer counts; the last run always does.
    #[inline]
    fn retire(&mut self, reach: Reach) -> bool {
        let later = self.units.saturating_sub(self.oldest.units);
        if Self::counts(self.oldest, later, self.latest, reach) {
            return false;
        }
        let Some(next) = self.runs.get(self.stale + 1) else { return false };
        self.oldest = *next;
        self.stale += 1;
        self.units = later;
        true
    }

    /// Lets what counts again do so, and what no longer counts go stale. Whatever has changed `runs` ends here.
    fn resettle(&mut self, reach: Reach) {
        self.latest = self.latest().unwrap_or(0);
        while let Some(index) = self.stale.checked_sub(1) {
            let run = self.runs[index];
            if !Self::counts(run, self.units, self.latest, reach) {
                break;
            }
            self.stale = index;
            self.units = self.units.saturating_add(run.units);
        }
        self.oldest = self.runs.get(self.stale).copied().unwrap_or_default();
        self.settle(reach);
    }

    /// Makes room for more runs, by doubling, but never for more than can be needed.
    #[cold]
    fn grow(&mut self, runs_max: usize) {
        let room = runs_max.saturating_sub(self.runs.len());
        self.runs.reserve_exact(self.runs.len().max(4).min(room).max(1));
    }
}

/// Two are equal if the same counts in them.
impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.forgotten() == other.forgotten()
            && self.runs.range(self.stale..).eq(other.runs.range(other.stale..))
    }
}

impl Eq for Log {}

#[cfg(test)]
impl Log {
    pub(crate) fn capacity(&self) -> usize {
        self.runs.capacity()
    }
}
