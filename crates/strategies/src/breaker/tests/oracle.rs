//! O4: against the reference automaton, over random histories with random settings.

use super::reference::{Event, Reference, Rules};
use super::*;

/// A breaker and the reference, and what runs: the tokens with the numbers of their calls.
struct World {
    breaker: Breaker,
    reference: Reference,
    running: Vec<(BreakerToken, usize)>,
    now: u64,
}

impl World {
    fn new(random: &mut Rng) -> Self {
        let rules = Rules::any(random);
        let breaker = rules.breaker();
        Self { breaker, reference: Reference::new(rules), running: Vec::new(), now: 0 }
    }

    fn step(&mut self, random: &mut Rng) {
        self.now += [0, 0, random.u64(..3), random.u64(..12), random.u64(..70)][random.usize(..5)];
        let forced = self.breaker.state(at(self.now)) == BreakerState::ForcedOpen;
        match random.u8(..200) {
            0..2 => self.by_hand(Event::Trip { at: self.now }),
            2..6 => self.by_hand(Event::HalfOpen { at: self.now }),
            6 => self.by_hand(Event::Force),
            7 => self.by_hand(Event::Reset),
            8..30 if forced => self.by_hand(Event::Reset),
            8..130 => self.start(),
            _ if self.running.is_empty() => {}
            _ => {
                let (token, call) = self.running.swap_remove(random.usize(..self.running.len()));
                let outcomes = [laws::outcome(random), Outcome::Success, Outcome::Success, Outcome::Failure];
                self.finish(token, call, outcomes[random.usize(..4)]);
            }
        }
        if random.u8(..50) == 0 && !self.running.is_empty() {
            // Lost: it never reports.
            let _ = self.running.swap_remove(random.usize(..self.running.len()));
        }
    }

    fn start(&mut self) {
        let (rules, view) = (&self.reference.rules, self.reference.view());
        match self.breaker.start(at(self.now), &Request::new()) {
            Ok(token) => {
                assert!(view.ready(rules, self.now).is_ready());
                self.running.push((token, view.calls.len()));
                self.reference.events.push(Event::Start { at: self.now });
            }
            Err(refusal) => assert_eq!(refusal, view.ready(rules, self.now)),
        }
    }

    fn finish(&mut self, token: BreakerToken, call: usize, outcome: Outcome) {
        let view = self.reference.view();
        let stale = view.calls[call].episode != view.episode;
        let mut before = self.breaker.clone();
        self.breaker.finish(token, at(self.now), outcome);
        if stale {
            before.in_flight -= 1;
            assert_eq!(self.breaker, before, "late news changed something");
        }
        self.reference.events.push(Event::Finish { call, at: self.now, outcome });
    }

    fn by_hand(&mut self, event: Event) {
        match event {
            Event::Trip { at: time } => self.breaker.trip(at(time)),
            Event::HalfOpen { at: time } => self.breaker.half_open(at(time)),
            Event::Force => self.breaker.force_open(),
            Event::Reset => self.breaker.reset(),
            Event::Start { .. } | Event::Finish { .. } => unreachable!("not done by hand"),
        }
        self.reference.events.push(event);
    }

    /// Both say the same, now and of later times.
    fn agree(&self, random: &mut Rng) {
        let (rules, view) = (&self.reference.rules, self.reference.view());
        for time in [self.now, self.now + random.u64(..40), self.now + random.u64(..400)] {
            let breaker = (self.breaker.state(at(time)), ready(&self.breaker, time));
            assert_eq!(breaker, (view.state(rules, time), view.ready(rules, time)), "{self:?}");
        }
        match self.breaker.state(at(self.now)) {
            BreakerState::Open { .. } | BreakerState::ForcedOpen => {
                assert!(!ready(&self.breaker, self.now).is_ready());
            }
            BreakerState::HalfOpen => {
                assert!(view.places(rules, self.now) <= rules.probes as usize, "too many probes");
            }
            BreakerState::Closed | BreakerState::Recovering { .. } => {}
        }
    }

    /// However it came to where it is, with time alone and probes that succeed it closes.
    fn is_not_wedged(&self) {
        let (mut breaker, mut now) = (self.breaker.clone(), at(self.now));
        if breaker.state(now) == BreakerState::ForcedOpen {
            breaker.reset();
        }
        for _ in 0..20 {
            match breaker.state(now) {
                BreakerState::Closed => return,
                BreakerState::Recovering { until } | BreakerState::Open { until } => now = until,
                BreakerState::HalfOpen | BreakerState::ForcedOpen => {
                    match breaker.start(now, &Request::new()) {
                        Ok(probe) => breaker.finish(probe, now, Outcome::Success),
                        Err(Readiness::NotBefore(time)) => now = time,
                        Err(_) => now = now + nanos(1_000),
                    }
                }
            }
        }
        panic!("wedged: {self:?}");
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}: {:#?} after {:?}", self.now, self.breaker, self.reference)
    }
}

#[test]
fn oracle_a_breaker_does_what_the_reference_does() {
    let mut seen = [0_usize; 5];
    laws::oracle("breaker", |random| {
        let mut world = World::new(random);
        for _ in 0..200 {
            world.step(random);
            world.agree(random);
            seen[kind(world.breaker.state(at(world.now)))] += 1;
        }
        world.is_not_wedged();
        for (token, call) in std::mem::take(&mut world.running) {
            world.finish(token, call, Outcome::Cancelled);
            world.agree(random);
        }
    });
    assert!(seen.iter().all(|count| *count > 100), "some state hardly came about: {seen:?}");
}

fn kind(state: BreakerState) -> usize {
    match state {
        BreakerState::Closed => 0,
        BreakerState::Recovering { .. } => 1,
        BreakerState::Open { .. } => 2,
        BreakerState::HalfOpen => 3,
        BreakerState::ForcedOpen => 4,
    }
}

/// Whatever happened, waiting alone never makes an answer worse.
#[test]
fn oracle_readiness_never_gets_worse_with_time_alone() {
    laws::oracle("breaker, time alone", |random| {
        let mut world = World::new(random);
        for _ in 0..60 {
            world.step(random);
            let answers: Vec<_> = (0..world.now + 300).map(|time| ready(&world.breaker, time)).collect();
            assert!(answers.is_sorted_by(|earlier, later| earlier >= later));
        }
    });
}

/// A twin that is made anew when the first one says that it is at rest does the same from then on.
#[test]
fn oracle_a_breaker_at_rest_can_be_replaced_unnoticed() {
    let mut replaced = 0;
    laws::oracle("breaker, rest", |random| {
        let mut world = World::new(random);
        for _ in 0..100 {
            world.step(random);
            let rest = match world.breaker.rest(at(world.now)) {
                Readiness::NotBefore(time) => time,
                Readiness::Ready => at(world.now),
                Readiness::OnChange | Readiness::Rejected(_) => continue,
            };
            assert_eq!(world.breaker.rest(rest), Readiness::Ready, "it names the time");
            same_future(world.breaker.clone(), world.reference.rules.breaker(), rest, random);
            replaced += 1;
        }
    });
    assert!(replaced > 100, "hardly ever at rest: {replaced}");
}

fn same_future(mut old: Breaker, mut new: Breaker, mut now: Time, random: &mut Rng) {
    let mut running = Vec::new();
    for _ in 0..60 {
        now = now + nanos(random.u64(..8));
        let answer = |breaker: &Breaker| (breaker.state(now), breaker.ready(now, &Request::new()));
        assert_eq!(answer(&old), answer(&new));
        if random.bool() && !running.is_empty() {
            let (first, second) = running.swap_remove(random.usize(..running.len()));
            let outcome = laws::outcome(random);
            old.finish(first, now, outcome);
            new.finish(second, now, outcome);
        } else {
            let tokens = (old.start(now, &Request::new()), new.start(now, &Request::new()));
            running.extend(tokens.0.ok().zip(tokens.1.ok()));
        }
    }
}
