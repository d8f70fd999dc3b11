//! The reference automaton: a list of all that happened, from which everything is worked out anew at every question.

use super::*;

/// The settings, with shares in twentieths and whole growth factors, so that the model counts in integers.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) opens: Opens,
    pub(super) minimum: u64,
    pub(super) share: u64,
    /// Longer than this is slow; and the share of slow calls.
    pub(super) slow: Option<(u64, u64)>,
    pub(super) open_for: u64,
    pub(super) growing: Option<(u64, u64)>,
    pub(super) probes: u32,
    pub(super) timeout: u64,
    pub(super) recover: Option<u64>,
    pub(super) fail_fast: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Opens {
    Row(u32),
    Count(u32),
    Time(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Start { at: u64 },
    Finish { call: usize, at: u64, outcome: Outcome },
    Trip { at: u64 },
    HalfOpen { at: u64 },
    Force,
    Reset,
}

/// All that happened; the calls are numbered in the order of their starts.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) rules: Rules,
    pub(super) events: Vec<Event>,
}

/// What follows from it.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// How many changes of state there were.
    pub(super) episode: u64,
    mode: Mode,
    openings: u32,
    pub(super) calls: Vec<Call>,
    /// In the order of their coming: (start, finish, failed), since the last change of state.
    results: Vec<(u64, u64, bool)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Closed { recovering_since: Option<u64> },
    Open { until: u64 },
    Forced,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) episode: u64,
    pub(super) start: u64,
    pub(super) running: bool,
}

impl Rules {
    pub(super) fn any(random: &mut Rng) -> Self {
        let time = |random: &mut Rng| random.u64(1..60);
        let opens = match random.u8(..3) {
            0 => Opens::Row(random.u32(1..4)),
            1 => Opens::Count(random.u32(1..8)),
            _ => Opens::Time(random.u64(1..120)),
        };
        let most = if let Opens::Count(size) = opens { size.into() } else { 6 };
        let open_for = time(random);
        Self {
            opens,
            minimum: random.u64(1..=most),
            share: random.u64(1..=20),
            slow: (random.bool() && !matches!(opens, Opens::Row(_)))
                .then(|| (random.u64(1..12), random.u64(1..=20))),
            open_for,
            growing: random.bool().then(|| (random.u64(1..4), open_for + random.u64(..200))),
            probes: random.u32(1..4),
            timeout: time(random),
            recover: random.bool().then(|| random.u64(1..80)),
            fail_fast: random.u8(..4) == 0,
        }
    }

    pub(super) fn breaker(&self) -> Breaker {
        let share = |twentieths: u64| twentieths as f64 / 20.0;
        let minimum = self.minimum as u32;
        let mut breaker = match self.opens {
            Opens::Row(failures) => Breaker::consecutive(failures).unwrap(),
            Opens::Count(size) => {
                Breaker::count_window(size, share(self.share)).unwrap().minimum(minimum).unwrap()
            }
            Opens::Time(window) => {
                Breaker::time_window(nanos(window), share(self.share)).unwrap().minimum(minimum).unwrap()
            }
        };
        breaker = breaker.open_for(nanos(self.open_for)).unwrap().probes(self.probes).unwrap();
        breaker = breaker.probe_timeout(nanos(self.timeout)).unwrap();
        if let Some((over, rate)) = self.slow {
            breaker = breaker.slow(nanos(over), share(rate)).unwrap();
        }
        if let Some((factor, max)) = self.growing {
            breaker = breaker.growing(factor as f64, nanos(max)).unwrap();
        }
        if let Some(over) = self.recover {
            breaker = breaker.recover_over(nanos(over)).unwrap();
        }
        if self.fail_fast { breaker.fail_fast() } else { breaker }
    }

    fn is_slow(&self, start: u64, finish: u64) -> bool {
        self.slow.is_some_and(|(over, _)| finish - start > over)
    }

    /// Whether these results, the latest of which is new, are too much.
    fn opens(&self, results: &[(u64, u64, bool)]) -> bool {
        let window: Vec<_> = match self.opens {
            Opens::Row(most) => {
                let row = results.iter().rev().take_while(|(_, _, failed)| *failed).count();
                return row >= most as usize;
            }
            Opens::Count(size) => results.iter().rev().take(size as usize).collect(),
            Opens::Time(window) => {
                let width = window.div_ceil(10);
                let present = results.iter().map(|(_, finish, _)| finish / width).max().unwrap_or(0);
                results.iter().filter(|(_, finish, _)| finish / width + 10 > present).collect()
            }
        };
        let results = window.len() as u64;
        let failures = window.iter().filter(|(_, _, failed)| *failed).count() as u64;
        let slow = window.iter().filter(|(start, finish, _)| self.is_slow(*start, *finish)).count() as u64;
        results >= self.minimum
            && (failures * 20 >= self.share * results
                || self.slow.is_some_and(|(_, share)| slow * 20 >= share * results))
    }
}

impl Reference {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, events: Vec::new() }
    }

    pub(super) fn view(&self) -> View {
        let mode = Mode::Closed { recovering_since: None };
        let mut view = View { episode: 0, mode, openings: 0, calls: Vec::new(), results: Vec::new() };
        for event in &self.events {
            view.follow(&self.rules, *event);
        }
        view
    }
}

impl View {
    fn follow(&mut self, rules: &Rules, event: Event) {
        match event {
            Event::Start { at } => {
                self.calls.push(Call { episode: self.episode, start: at, running: true });
            }
            Event::Finish { call, at, outcome } => {
                self.calls[call].running = false;
                let Call { episode, start, .. } = self.calls[call];
                if episode == self.episode {
                    match outcome {
                        Outcome::Success => self.result(rules, start, at, false),
                        Outcome::Failure | Outcome::Overload => self.result(rules, start, at, true),
                        _ => {}
                    }
                }
            }
            Event::Trip { at } if self.mode != Mode::Forced => self.open(rules, at),
            Event::HalfOpen { at } => {
                if let Mode::Open { until } = &mut self.mode {
                    *until = at.min(*until);
                }
            }
            Event::Trip { .. } => {}
            Event::Force => self.change(Mode::Forced),
            Event::Reset => {
                self.openings = 0;
                self.change(Mode::Closed { recovering_since: None });
            }
        }
    }

    fn result(&mut self, rules: &Rules, start: u64, finish: u64, failed: bool) {
        self.results.push((start, finish, failed));
        match self.mode {
            Mode::Closed { .. } if rules.opens(&self.results) => self.open(rules, finish),
            Mode::Open { .. } if failed || rules.is_slow(start, finish) => self.open(rules, finish),
            Mode::Open { .. } if self.results.len() >= rules.probes as usize => {
                self.change(Mode::Closed { recovering_since: rules.recover.map(|_| finish) });
            }
            Mode::Closed { .. } | Mode::Open { .. } | Mode::Forced => {}
        }
    }

    fn open(&mut self, rules: &Rules, at: u64) {
        let recovered = match (self.mode, rules.recover) {
            (Mode::Closed { recovering_since: Some(since) }, Some(over)) => at >= since + over,
            (Mode::Closed { .. }, _) => true,
            (Mode::Open { .. } | Mode::Forced, _) => false,
        };
        if recovered {
            self.openings = 0;
        }
        let (factor, max) = rules.growing.unwrap_or((1, u64::MAX));
        let pause = (0..self.openings).fold(rules.open_for, |pause, _| pause.saturating_mul(factor));
        self.openings += 1;
        self.change(Mode::Open { until: at + pause.min(max) });
    }

    fn change(&mut self, mode: Mode) {
        self.episode += 1;
        self.mode = mode;
        self.results.clear();
    }

    /// Those that started in this episode and run.
    fn running(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.running && call.episode == self.episode)
    }

    /// How many probes hold a place at `now`.
    pub(super) fn places(&self, rules: &Rules, now: u64) -> usize {
        self.running().filter(|call| call.start + rules.timeout > now).count()
    }

    fn admits(&self, rules: &Rules, now: u64) -> bool {
        match self.mode {
            Mode::Closed { recovering_since: None } => true,
            Mode::Closed { recovering_since: Some(since) } => {
                let over = rules.recover.expect("it recovers");
                let step = (now - since) * 10 / over;
                step >= 10 || self.running().count() < (rules.probes as usize) << step
            }
            Mode::Open { until } => now >= until && self.places(rules, now) < rules.probes as usize,
            Mode::Forced => false,
        }
    }

    pub(super) fn ready(&self, rules: &Rules, now: u64) -> Readiness {
        if self.admits(rules, now) {
            return Readiness::Ready;
        }
        if rules.fail_fast {
            return Readiness::Rejected(Rejection::Open);
        }
        if self.mode == Mode::Forced {
            return Readiness::OnChange;
        }
        let earliest = (now..).find(|time| self.admits(rules, *time)).expect("time alone helps");
        Readiness::NotBefore(at(earliest))
    }

    pub(super) fn state(&self, rules: &Rules, now: u64) -> BreakerState {
        match self.mode {
            Mode::Closed { recovering_since: Some(since) } if now < since + rules.recover.unwrap_or(0) => {
                BreakerState::Recovering { until: at(since + rules.recover.unwrap_or(0)) }
            }
            Mode::Closed { .. } => BreakerState::Closed,
            Mode::Open { until } if now < until => BreakerState::Open { until: at(until) },
            Mode::Open { .. } => BreakerState::HalfOpen,
            Mode::Forced => BreakerState::ForcedOpen,
        }
    }
}
