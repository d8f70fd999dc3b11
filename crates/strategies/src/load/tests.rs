use super::*;
use crate::laws;
use crate::world::World as Manual;
use regatta_core::{Clock, Outcome, Permit, Rejection};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::task::Waker;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod files;

const EVERY: Duration = Duration::from_secs(1);

/// A limiter, its clock, and what the source says next.
struct World {
    clock: Manual,
    limiter: Limiter<Adaptive>,
    next: Arc<Mutex<io::Result<Load>>>,
    readings: Arc<Mutex<usize>>,
    errors: Arc<Mutex<Vec<String>>>,
    sampler: LoadSampler<Adaptive>,
}

impl World {
    /// The limit has learned 20, between 1 and 50; CPU may go up to 0.8, memory to 0.5.
    fn new() -> Self {
        let clock = Manual::default();
        let limit = Adaptive::aimd(EVERY).unwrap().bounds(1, 50).unwrap();
        let limiter = Limiter::with_clock(limit, Arc::new(clock.clone()));
        let next = Arc::new(Mutex::new(Ok(Load::new())));
        let (readings, errors) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (source, count, failed) = (next.clone(), readings.clone(), errors.clone());
        let source = move || {
            *count.lock().unwrap() += 1;
            std::mem::replace(&mut *source.lock().unwrap(), Ok(Load::new()))
        };
        let sampler = LoadSampler::new(limiter.clone(), source, EVERY)
            .and_then(|sampler| sampler.ceiling(|limit| limit, Load::new().cpu(0.8).memory(0.5)))
            .unwrap()
            .on_error(move |error| failed.lock().unwrap().push(error.to_string()));
        Self { clock, limiter, next, readings, errors, sampler }
    }

    fn poll(&mut self) {
        let pinned = Pin::new(&mut self.sampler);
        assert!(pinned.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    fn readings(&self) -> usize {
        *self.readings.lock().unwrap()
    }

    fn ceiling(&self) -> Option<usize> {
        self.limiter.peek(Adaptive::ceiling)
    }

    /// The ceiling after one more reading.
    fn reads(&mut self, load: Load) -> Option<usize> {
        *self.next.lock().unwrap() = Ok(load);
        self.poll();
        self.clock.pass(EVERY);
        self.ceiling()
    }
}

#[test]
fn it_reads_at_once_and_then_after_each_pause() {
    let mut world = World::new();
    assert_eq!(world.readings(), 0, "nothing happens unless it is polled");
    world.poll();
    world.poll();
    assert_eq!(world.readings(), 1);
    world.clock.pass(EVERY - Duration::from_nanos(1));
    world.poll();
    assert_eq!(world.readings(), 1);
    world.clock.pass(Duration::from_nanos(1));
    world.poll();
    assert_eq!(world.readings(), 2);
    world.clock.pass(10 * EVERY);
    world.poll();
    assert_eq!(world.readings(), 3, "what was missed is not made up for");
    assert_eq!(world.sampler.every(), EVERY);
}

#[test]
fn load_presses_the_ceiling_down_and_calm_lets_it_rise() {
    let mut world = World::new();
    let (busy, calm) = (Load::new().cpu(0.9), Load::new().cpu(0.3).memory(0.1));
    assert_eq!(world.reads(calm), None);
    assert_eq!([busy; 3].map(|load| world.reads(load)), [Some(14), Some(9), Some(6)]);
    assert_eq!(world.reads(Load::new().cpu(0.79)), Some(6), "just below the maximum it stays");
    assert_eq!([calm; 3].map(|load| world.reads(load)), [Some(7), Some(8), Some(9)]);
    assert_eq!(world.reads(Load::new().cpu(0.1).memory(0.6)), Some(6), "one of both is enough");
    assert_eq!([busy; 6].map(|load| world.reads(load)), [4, 2, 1, 1, 1, 1].map(Some));
    let rising: Vec<_> = (0..19).map(|_| world.reads(calm)).collect();
    assert_eq!(
        (rising[0], rising[17], rising[18]),
        (Some(2), Some(19), None),
        "what does not bind is lifted"
    );
    assert_eq!(world.limiter.peek(Adaptive::limit), 20);
}

#[test]
fn what_is_not_known_has_no_say() {
    let mut world = World::new();
    assert_eq!(world.reads(Load::new().cpu(1.0)), Some(14));
    assert_eq!(world.reads(Load::new()), Some(14));
    assert_eq!(world.reads(Load::new().cpu(f64::NAN)), Some(14));
    assert_eq!(world.reads(Load::new().memory(0.1)), Some(15));
    assert_eq!(world.reads(Load::new().memory(f64::INFINITY)), Some(10));
}

#[test]
fn a_reading_that_fails_is_told_and_changes_nothing() {
    let mut world = World::new();
    assert_eq!(world.reads(Load::new().cpu(1.0)), Some(14));
    *world.next.lock().unwrap() = Err(io::Error::new(ErrorKind::NotFound, "gone"));
    world.poll();
    assert_eq!((world.ceiling(), &*world.errors.lock().unwrap()), (Some(14), &vec!["gone".to_owned()]));
    world.clock.pass(EVERY);
    assert_eq!(world.reads(Load::new().cpu(0.1)), Some(15), "the next one counts again");
}

#[test]
fn who_waits_is_served_when_the_ceiling_rises() {
    let mut world = World::new();
    world.limiter.update(|limit| limit.set_ceiling(Some(1))).unwrap();
    let held = world.limiter.try_acquire().expect("one may");
    let mut waiting = world.limiter.acquire();
    let mut poll = || -> Poll<Result<Permit, Rejection>> {
        Pin::new(&mut waiting).poll(&mut Context::from_waker(Waker::noop()))
    };
    assert!(poll().is_pending());
    assert_eq!(world.reads(Load::new().cpu(0.1)), Some(2));
    assert!(poll().is_ready());
    held.complete(Outcome::Neutral);
}

#[test]
fn rules_run_in_order_on_any_strategy() {
    let limiter = Limiter::new((Adaptive::gradient2(), ()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = seen.clone();
    let load = Load::new().cpu(1.0);
    let mut sampler = LoadSampler::new(limiter.clone(), move || Ok(load), EVERY)
        .unwrap()
        .ceiling(|(limit, ())| limit, Load::new().cpu(0.5))
        .unwrap()
        .on(move |(limit, ()), load| note.lock().unwrap().push((limit.ceiling(), load)));
    assert!(Pin::new(&mut sampler).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(sampler);
    assert_eq!(*seen.lock().unwrap(), [(Some(14), load)]);
    assert_eq!(limiter.peek(|(limit, ())| limit.ceiling()), Some(14), "dropping it lifts nothing");
}

#[test]
fn a_pair_says_the_greater_and_fails_with_either() {
    let one = || Ok(Load::new().cpu(0.2).memory(0.6));
    let other = || Ok(Load::new().cpu(0.5));
    let broken = || Err(io::Error::from(ErrorKind::NotFound));
    let both = Load::new().cpu(0.5).memory(0.6);
    assert_eq!((one, other).read(Time::ZERO).unwrap(), both);
    assert_eq!((other, one).read(Time::ZERO).unwrap(), both);
    assert_eq!((one, broken).read(Time::ZERO).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((broken, one).read(Time::ZERO).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn bad_settings_are_refused() {
    let sampler = |every| LoadSampler::new(Limiter::new(Adaptive::gradient2()), || Ok(Load::new()), every);
    let error = sampler(Duration::ZERO).unwrap_err();
    assert_eq!(error, ConfigError::new("every", "0ns", "must be longer than zero"));
    let rule = "must be above 0 and at most 1";
    let refused = [
        (Load::new(), ConfigError::new("max", "nothing", "must have a maximum for cpu or memory")),
        (Load::new().cpu(0.0), ConfigError::new("cpu", 0, rule)),
        (Load::new().cpu(f64::NAN), ConfigError::new("cpu", "NaN", rule)),
        (Load::new().cpu(0.5).memory(1.01), ConfigError::new("memory", 1.01, rule)),
        (Load::new().memory(-0.5), ConfigError::new("memory", -0.5, rule)),
    ];
    for (max, error) in refused {
        assert_eq!(sampler(EVERY).unwrap().ceiling(|limit| limit, max).unwrap_err(), error);
    }
}

/// Against the rule in its own words, over random loads and limits.
#[test]
fn oracle_the_ceiling_follows_its_rule() {
    laws::oracle("ceiling on load", |random| {
        let (mut world, mut expected) = (World::new(), None::<usize>);
        let learned = random.usize(1..50);
        let limit = Adaptive::gradient2().bounds(1, 50).unwrap().initial(learned).unwrap();
        world.limiter.update(|old| {
            *old = limit;
        });
        for _ in 0..200 {
            let mut part = || (random.u8(..4) > 0).then(|| random.f64());
            let load = Load { cpu: part(), memory: part() };
            let share = [load.cpu.map(|cpu| cpu / 0.8), load.memory.map(|memory| memory / 0.5)];
            let worst = share
                .into_iter()
                .flatten()
                .fold(None, |worst: Option<f64>, share| Some(worst.map_or(share, |worst| worst.max(share))));
            let present = expected.unwrap_or(50).min(learned);
            expected = match worst {
                Some(worst) if worst > 1.0 => Some((present * 7 / 10).min(present - 1).max(1)),
                Some(worst) if worst < 0.9 => {
                    expected.map(|old| old + (learned / 20).max(1)).filter(|new| *new < learned)
                }
                Some(_) | None => expected,
            };
            assert_eq!(world.reads(load), expected, "{load:?}");
        }
    });
}

#[test]
fn a_sampler_can_be_spawned() {
    fn spawnable<F: Future + Send + Unpin + 'static>(_: &F) {}
    spawnable(&World::new().sampler);
}

#[test]
fn a_period_shorter_than_a_reading_left_nobody_else_a_turn() {
    let (clock, readings) = (Manual::default(), Arc::new(Mutex::new(0)));
    let count = readings.clone();
    let slow = move || {
        let mut readings = count.lock().unwrap();
        *readings += 1;
        assert!(*readings < 100, "nobody else gets a turn");
        Ok(Load::new())
    };
    /// Each look at it takes a while.
    struct Moving(Manual);
    impl Clock for Moving {
        fn now(&self) -> Time {
            self.0.pass(Duration::from_nanos(10));
            self.0.now()
        }
        fn sleep_until(&self, time: Time) -> Sleep {
            self.now();
            self.0.sleep_until(time)
        }
    }
    let limiter = Limiter::with_clock(Adaptive::gradient2(), Arc::new(Moving(clock)));
    let mut sampler = LoadSampler::new(limiter, slow, Duration::from_nanos(1)).unwrap();
    for polls in 1..5 {
        assert!(Pin::new(&mut sampler).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(*readings.lock().unwrap(), polls);
    }
}
