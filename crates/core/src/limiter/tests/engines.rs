//! What engines see: the same line, kicks for news only, places that are given up.

use super::world::*;
use crate::*;
use std::sync::Arc;

/// As much of an engine as a strategy sees: it asks, and parks where it is refused.
struct Engine<S: Strategy> {
    strategy: S,
    flag: Arc<Flag>,
    parked: bool,
}

impl<S: Strategy> Engine<S> {
    fn new(mut strategy: S) -> Self {
        let flag = Arc::new(Flag::default());
        strategy.attach(flag.kick());
        Self { strategy, flag, parked: false }
    }

    fn ask(&mut self, now: Time) -> Result<S::Token, Readiness> {
        self.ask_for(now, &Request::new())
    }

    fn ask_for(&mut self, now: Time, request: &Request) -> Result<S::Token, Readiness> {
        match self.strategy.ready(now, request) {
            Readiness::Ready => {
                self.parked = false;
                self.strategy.start(now, request)
            }
            rejected @ Readiness::Rejected(_) => Err(rejected),
            refusal => {
                self.strategy.park(now, request);
                self.parked = true;
                Err(refusal)
            }
        }
    }

    fn kicks(&self) -> usize {
        self.flag.wakes()
    }
}

const NOW: Time = Time::ZERO;

#[test]
fn engines_take_turns() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut engines = [Engine::new(limiter.clone()), Engine::new(limiter.clone())];
    let mut token = engines[0].ask(NOW).ok();
    for turn in 0..20 {
        // Both want the next one; whoever has just had its turn comes second.
        let (running, other) = (turn % 2, (turn + 1) % 2);
        assert_eq!(engines[other].ask(NOW).unwrap_err(), Readiness::OnChange);
        assert_eq!(engines[running].ask(NOW).unwrap_err(), Readiness::OnChange);
        let kicks = [engines[0].kicks(), engines[1].kicks()];
        engines[running].strategy.finish(token.take().unwrap(), NOW, Outcome::Success);
        assert_eq!(engines[other].kicks(), kicks[other] + 1, "its turn");
        assert_eq!(engines[running].kicks(), kicks[running], "no news");
        assert_eq!(engines[running].ask(NOW).unwrap_err(), Readiness::OnChange, "nobody passes the head");
        token = engines[other].ask(NOW).ok();
    }
    assert_eq!(counts(&limiter), (1, 1));
}

#[test]
fn an_engine_is_kicked_only_for_news() {
    let (limiter, _) = limiter(Slots::new(4));
    let light: Vec<_> = (0..4).map(|_| limiter.try_acquire().unwrap()).collect();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask_for(NOW, &cost(4)).is_err());
    for (index, permit) in light.into_iter().enumerate() {
        assert_eq!(engine.kicks(), 0, "{index} of 4 are back");
        drop(permit);
    }
    assert_eq!(engine.kicks(), 1);
    limiter.update(|slots| slots.max = 5);
    assert_eq!(engine.kicks(), 1, "it knows that it is its turn");
    assert!(engine.ask_for(NOW, &cost(4)).is_ok());
}

#[test]
fn parking_again_keeps_the_place() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask(NOW).is_err());
    let mut tasks = queue(&limiter, 1);
    for _ in 0..10 {
        assert!(engine.ask(NOW).is_err());
    }
    assert_eq!((counts(&limiter), engine.kicks()), ((1, 2), 0));
    drop(permit);
    assert!(tasks[0].waits());
    drop(engine.ask(NOW).unwrap());
    drop(tasks[0].permit());
}

#[test]
fn an_engine_that_is_dropped_at_the_head_lets_the_next_one_in() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut engines = [(); 3].map(|()| Engine::new(limiter.clone()));
    assert!(engines.iter_mut().all(|engine| engine.ask(NOW).is_err()));
    let mut tasks = queue(&limiter, 1);
    drop(permit);
    let [first, mut second, third] = engines;
    assert_eq!([first.kicks(), second.kicks(), third.kicks()], [1, 0, 0]);
    drop(first);
    assert_eq!([second.kicks(), third.kicks()], [1, 0]);
    drop(third);
    let token = second.ask(NOW).unwrap();
    second.strategy.finish(token, NOW, Outcome::Success);
    drop(tasks[0].permit());
}

#[test]
fn an_engine_that_unparks_lets_the_next_one_in() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask(NOW).is_err());
    let mut tasks = queue(&limiter, 1);
    drop(permit);
    assert!(tasks[0].waits());
    engine.strategy.unpark();
    engine.strategy.unpark();
    drop(tasks[0].permit());
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn tasks_and_engines_share_one_line() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut before = queue(&limiter, 2);
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask(NOW).is_err());
    let mut after = queue(&limiter, 2);
    drop(permit);
    for task in &mut before {
        assert_eq!(engine.kicks(), 0);
        drop(task.permit());
    }
    assert!(after.iter_mut().all(Task::waits));
    let token = engine.ask(NOW).unwrap();
    assert!(after.iter_mut().all(Task::waits));
    engine.strategy.finish(token, NOW, Outcome::Success);
    assert_eq!(after.iter_mut().map(|task| drop(task.permit())).count(), 2);
}

#[test]
fn an_engine_at_the_head_of_a_rate_watches_the_clock_itself() {
    let (limiter, clock) = limiter(Rate::new(10));
    let mut engines = [Engine::new(limiter.clone()), Engine::new(limiter)];
    drop(engines[0].ask(NOW).unwrap());
    assert_eq!(engines[0].ask(NOW).unwrap_err(), Readiness::NotBefore(at(10)));
    assert_eq!(engines[1].ask(NOW).unwrap_err(), Readiness::OnChange);
    clock.set(10);
    drop(engines[0].ask(at(10)).unwrap());
    assert_eq!(engines[1].kicks(), 1, "it is the head now, and must arm its timer");
    assert_eq!(engines[1].ask(at(10)).unwrap_err(), Readiness::NotBefore(at(20)));
    assert_eq!((engines[1].kicks(), clock.armed()), (1, 0));
    drop(engines[1].ask(at(20)).unwrap());
}

/// It was refused because another one held everything. That one ended before the engine stood in line.
#[test]
fn what_changed_between_the_question_and_the_wait_is_news() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut engine = Engine::new(limiter.clone());
    let permit = limiter.try_acquire().unwrap();
    assert_eq!(engine.strategy.ready(NOW, &Request::new()), Readiness::OnChange);
    drop(permit);
    engine.strategy.park(NOW, &Request::new());
    assert_eq!(engine.kicks(), 1);
    assert!(engine.ask(NOW).is_ok());
}

/// The same at the head of the line, by one that was told of its turn and could not use it: the turn that comes between
/// the question and the wait is another one.
#[test]
fn a_turn_that_comes_back_between_the_question_and_the_wait_is_news() {
    let (limiter, _) = limiter(Slots::new(2));
    let mut permits = [(); 2].map(|()| limiter.try_acquire().unwrap()).into_iter();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask(NOW).is_err());
    drop(permits.next());
    assert_eq!(engine.kicks(), 1, "its turn");
    // Meanwhile it wants something else.
    assert_eq!(engine.strategy.ready(NOW, &cost(2)), Readiness::OnChange);
    drop(permits.next());
    engine.strategy.park(NOW, &cost(2));
    assert_eq!(engine.kicks(), 2);
    engine.strategy.park(NOW, &cost(2));
    limiter.update(|_| {});
    assert_eq!(engine.kicks(), 3, "once per wait");
    assert!(engine.ask_for(NOW, &cost(2)).is_ok());
}

/// The same with a close: nobody else would ever tell it. It is told once, or it would ask for ever.
#[test]
fn a_close_between_the_question_and_the_wait_is_news() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut engine = Engine::new(limiter.clone());
    let _permit = limiter.try_acquire().unwrap();
    assert_eq!(engine.strategy.ready(NOW, &Request::new()), Readiness::OnChange);
    limiter.close();
    engine.strategy.park(NOW, &Request::new());
    engine.strategy.park(NOW, &Request::new());
    assert_eq!((engine.kicks(), counts(&limiter)), (1, (1, 0)));
    assert_eq!(engine.ask(NOW).unwrap_err(), Rejection::Closed.into());
}

#[test]
fn a_close_kicks_the_engines_that_wait() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut engines: Vec<_> = (0..31).map(|_| Engine::new(limiter.clone())).collect();
    assert!(engines.iter_mut().all(|engine| engine.ask(NOW).is_err()));
    limiter.close();
    for engine in &mut engines {
        assert_eq!(engine.kicks(), 1);
        assert_eq!(engine.ask(NOW).unwrap_err(), Rejection::Closed.into());
    }
    engines[0].strategy.finish(permit, NOW, Outcome::Success);
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn an_engine_that_is_refused_for_good_holds_up_nobody() {
    let (limiter, _) = limiter(Slots::new(3));
    let permit = limiter.try_acquire().unwrap();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask_for(NOW, &cost(3)).is_err());
    let mut tasks = queue(&limiter, 1);
    limiter.update(|slots| slots.max = 2);
    let rejection = Rejection::TooCostly { cost: 3, max: 2 };
    assert_eq!((engine.kicks(), engine.ask_for(NOW, &cost(3)).unwrap_err()), (1, rejection.into()));
    drop((permit, tasks[0].permit()));
    assert!(engine.ask_for(NOW, &cost(2)).is_ok(), "its next request is another matter");
}

/// An engine may have several candidates; its place serves the one that fits.
#[test]
fn a_head_may_come_with_another_request() {
    let (limiter, _) = limiter(Slots::new(3));
    let _permit = limiter.try_acquire().unwrap();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask_for(NOW, &cost(3)).is_err());
    let mut tasks = queue(&limiter, 1);
    let _token = engine.ask_for(NOW, &cost(1)).unwrap();
    drop(tasks[0].permit());
    assert_eq!(counts(&limiter), (2, 0));
}

#[test]
fn a_clone_has_no_place_of_its_own() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut engine = Engine::new(limiter.clone());
    assert!(engine.ask(NOW).is_err());
    drop(engine.strategy.clone());
    drop(permit);
    assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange, "the engine still stands in line");
    assert!(engine.ask(NOW).is_ok());
}

/// Two engines with a limit of their own and a shared one. Who lacks only its own keeps no place in the shared line.
#[test]
fn an_engine_waits_only_where_it_is_refused() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut busy = Engine::new((Slots::new(1), limiter.clone()));
    let mut idle = Engine::new((Slots::new(1), limiter.clone()));
    let (own, permit) = busy.ask(NOW).unwrap();
    assert!(busy.ask(NOW).is_err() && idle.ask(NOW).is_err());
    assert_eq!(limiter.waiting(), 2);
    drop(permit);
    assert_eq!([busy.kicks(), idle.kicks()], [1, 0]);
    assert!(busy.ask(NOW).is_err(), "its own limit still holds it back");
    assert_eq!([busy.kicks(), idle.kicks()], [1, 1]);
    drop(idle.ask(NOW).unwrap());
    busy.strategy.0.finish(own, NOW, Outcome::Success);
    assert!(busy.ask(NOW).is_ok());
}

#[test]
fn a_hold_keeps_the_token_until_the_last_holder_is_gone() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let mut engine = Engine::new((limiter.clone(), ()));
    let token = engine.ask(NOW).unwrap();
    let holds = [engine.strategy.hold(&token), engine.strategy.hold(&token)];
    engine.strategy.finish(token, NOW, Outcome::Failure);
    let mut tasks = queue(&limiter, 1);
    for hold in holds {
        assert!(tasks[0].waits());
        assert_eq!((log.lock().unwrap().len(), counts(&limiter)), (0, (1, 1)));
        drop(hold);
    }
    assert_eq!(*log.lock().unwrap(), [Outcome::Failure], "what the engine said");
    drop(tasks[0].permit());
}

#[test]
fn a_hold_that_goes_first_changes_nothing() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let mut engine = Engine::new(limiter.clone());
    let token = engine.ask(NOW).unwrap();
    drop(engine.strategy.hold(&token).and(Hold::none()));
    assert_eq!(counts(&limiter), (1, 0));
    engine.strategy.finish(token, NOW, Outcome::Success);
    assert_eq!(*log.lock().unwrap(), [Outcome::Success]);
}

/// A dropped engine drops its tokens; the task that it spawned is still there.
#[test]
fn a_hold_outlives_its_engine() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let mut engine = Engine::new(limiter.clone());
    let token = engine.ask(NOW).unwrap();
    let hold = engine.strategy.hold(&token);
    drop((token, engine));
    assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange);
    drop(hold);
    assert_eq!(*log.lock().unwrap(), [Outcome::Cancelled]);
    assert!(limiter.try_acquire().is_ok());
}
