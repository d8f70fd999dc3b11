//! One limit for two engines on two threads of their own, on the real clock: the subject is what threads do to it.

use regatta::strategies::{Concurrency, Gcra, SlidingWindow};
use regatta::{Class, Limiter, Outcome, Readiness, Request, Runner, Strategy, Time};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

/// Writes down each start and who it was for, under the lock of the limiter that it stands in.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Time, Option<Class>)>>>);

impl Strategy for Log {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.0.lock().unwrap().push((now, request.class));
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

/// Two threads run `tasks` tasks each under one limiter; who started when.
fn race<S>(strategy: S, tasks: usize) -> Vec<(Time, Option<Class>)>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    let log = Log::default();
    let limiter = Limiter::new((strategy, log.clone()));
    let gate = Barrier::new(2);
    thread::scope(|scope| {
        for who in 0..2 {
            let (limiter, gate) = (limiter.clone(), &gate);
            scope.spawn(move || {
                gate.wait();
                let mut runner = Runner::new().limit(4).unwrap().strategy(limiter);
                for task in 0..tasks {
                    runner.add(task, async { Ok::<_, ()>(()) }).unwrap();
                }
                let runner = runner.request(move |_| Request::new().class(Class::from_u64(who)));
                assert_eq!(smol::block_on(runner.run()).counts().ok, tasks);
            });
        }
    });
    assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
    let starts = log.0.lock().unwrap().clone();
    assert_eq!(starts.len(), 2 * tasks);
    starts
}

/// Both got on: while both had work left, neither was passed by for long.
fn both_progress(starts: &[(Time, Option<Class>)]) {
    let half = &starts[..starts.len() / 2];
    for who in 0..2 {
        let count = half.iter().filter(|(_, class)| *class == Some(Class::from_u64(who))).count();
        assert!(count >= half.len() / 5, "one of them started {count} of the first {}", half.len());
    }
}

#[test]
fn a_window_that_two_threads_share_is_never_exceeded() {
    let window = Duration::from_millis(2);
    let starts = race((SlidingWindow::new(5, window).unwrap(), Concurrency::new(3).unwrap()), 100);
    // Two threads look at the clock before they take the lock, so a start may be noted a moment before the last one.
    let mut times: Vec<_> = starts.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    assert!(times.windows(6).all(|six| six[5].since(six[0]) >= window), "{times:?}");
    both_progress(&starts);
}

#[test]
fn a_rate_that_two_threads_share_is_never_exceeded() {
    let gap = Duration::from_micros(200);
    let starts = race(Gcra::new(5, Duration::from_millis(1)).unwrap(), 150);
    let mut times: Vec<_> = starts.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|two| two[1].since(two[0]) >= gap), "{times:?}");
    both_progress(&starts);
}
