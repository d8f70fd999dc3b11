//! Where threads meet: hand-off against drop, kicks against the lock.

use super::world::*;
use crate::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn threads_share_a_limit() {
    let (limiter, _) = limiter(Slots::new(2));
    let running = AtomicU32::new(0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (limiter, running) = (&limiter, &running);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for _ in 0..500 {
                    let mut acquire = Box::pin(limiter.acquire());
                    // Some look once and leave, with or without a grant that they haven't seen.
                    if random.u8(..4) == 0 {
                        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                        let _ = acquire.as_mut().poll(&mut context).map(|permit| permit.map(drop));
                        continue;
                    }
                    let permit = smol::block_on(acquire).unwrap();
                    assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
                    running.fetch_sub(1, Ordering::SeqCst);
                    permit.complete(Outcome::Success);
                }
            });
        }
    });
    assert_eq!(counts(&limiter), (0, 0));
    assert_eq!(limiter.peek(|slots| slots.starts), limiter.peek(|slots| slots.finishes));
}

/// Lets in as many as were paid for, from any thread.
#[derive(Clone, Default)]
struct Tickets(Arc<(AtomicU32, Mutex<Kick>)>);

impl Tickets {
    fn pay(&self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        let kick = self.0.1.lock().unwrap().clone();
        kick.kick();
    }
}

impl Strategy for Tickets {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.0.0.load(Ordering::Relaxed) > 0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.0.0.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused {
            self.0.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn attach(&mut self, kick: Kick) {
        *self.0.1.lock().unwrap() = kick;
    }
}

/// Each kick may find the lock held by another thread, and must reach the line nevertheless: a lost one would leave the
/// last waiter waiting for ever.
#[test]
fn no_kick_from_another_thread_is_lost() {
    let tickets = Tickets::default();
    let limiter = Limiter::new(tickets.clone());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    smol::block_on(limiter.acquire()).unwrap().complete(Outcome::Success);
                }
            });
            scope.spawn(|| (0..2_000).for_each(|_| tickets.pay()));
        }
        scope.spawn(|| (0..20_000).map(|_| limiter.waiting()).max());
    });
    assert_eq!((tickets.0.0.load(Ordering::Relaxed), counts(&limiter)), (0, (0, 0)));
}

#[test]
fn a_close_from_another_thread_ends_every_wait() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    thread::scope(|scope| {
        let waits: Vec<_> =
            (0..4).map(|_| scope.spawn(|| smol::block_on(limiter.acquire()).map(drop))).collect();
        while limiter.waiting() < 4 {
            thread::yield_now();
        }
        limiter.close();
        for wait in waits {
            assert_eq!(wait.join().unwrap(), Err(Rejection::Closed));
        }
    });
    drop(permit);
    assert_eq!(counts(&limiter), (0, 0));
}
