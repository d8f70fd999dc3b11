use super::*;
use crate::{RetryBudget, RetryExt};
use regatta_core::{Retry, retry_fn};
use std::cell::Cell;

const TIMED_OUT: TaskError<Fault> = TaskError::TimedOut { after: Duration::ZERO };

/// What a rule says to one failure after another, 10 ms apart from time 0, until it stops.
fn pauses(rule: &mut impl Retry<Fault>, failures: &[TaskError<Fault>]) -> Vec<Duration> {
    rule.begin(Time::ZERO);
    let mut now = Time::ZERO;
    let mut pauses = Vec::new();
    for (failure, attempts) in failures.iter().zip(1..) {
        now = now + ms(10);
        let Some(pause) = rule.delay(now, attempts, failure) else { break };
        now = now + pause;
        pauses.push(pause);
    }
    pauses
}

#[test]
fn smoke() {
    let mut rule = every(20).when(Fault::may_pass).hint(Fault::retry_after).within(ms(100));
    let failures = [BUSY, TaskError::Failed(Fault::BusyFor(35)), BUSY, BUSY];
    assert_eq!(pauses(&mut rule, &failures), [ms(20), ms(35)], "the next pause would end at 115");
    assert_eq!(pauses(&mut rule, &[TaskError::Failed(Fault::Missing)]), []);
}

#[test]
fn only_the_tasks_own_errors_are_asked_about() {
    let asked = Cell::new(0);
    let mut rule = every(5).when(|fault: &Fault| {
        asked.set(asked.get() + 1);
        fault.may_pass()
    });
    assert_eq!(rule.delay(Time::ZERO, 1, &TIMED_OUT), Some(ms(5)));
    assert_eq!(rule.delay(Time::ZERO, 1, &TaskError::Cancelled), None, "the inner rule says no");
    assert_eq!(asked.get(), 0);
    assert_eq!(rule.delay(Time::ZERO, 1, &BUSY), Some(ms(5)));
    assert_eq!(rule.delay(Time::ZERO, 1, &TaskError::Failed(Fault::Missing)), None);
    assert_eq!(asked.get(), 2);
}

#[test]
fn after_an_unwanted_error_nothing_further_in_is_asked() {
    let inner = retry_fn(|_, _: &TaskError<Fault>| panic!("it was asked"));
    let mut rule = inner.when(Fault::may_pass);
    assert_eq!(rule.delay(Time::ZERO, 1, &TaskError::Failed(Fault::Missing)), None);
}

#[test]
fn the_longer_of_pause_and_hint_counts() {
    let mut rule = every(20).delay_max(ms(20)).hint(Fault::retry_after);
    for (hint, pause) in [(0, 20), (19, 20), (20, 20), (21, 21), (5_000, 5_000)] {
        let failure = TaskError::Failed(Fault::BusyFor(hint));
        assert_eq!(rule.delay(Time::ZERO, 1, &failure), Some(ms(pause)), "hint of {hint} ms");
    }
    assert_eq!(rule.delay(Time::ZERO, 1, &TIMED_OUT), Some(ms(20)), "a timeout carries no hint");
}

#[test]
fn a_hint_retries_nothing_that_the_rule_does_not() {
    let mut rule = Backoff::constant(ms(20)).times(1).hint(Fault::retry_after);
    assert_eq!(rule.delay(Time::ZERO, 2, &TaskError::Failed(Fault::BusyFor(1))), None);
}

#[test]
fn a_pause_that_ends_at_the_deadline_is_not_waited_for() {
    for (total, allowed) in [(0, false), (29, false), (30, false), (31, true)] {
        let mut within = every(20).within(ms(total));
        let mut until = every(20).until(at(total));
        Retry::<Fault>::begin(&mut within, Time::ZERO);
        assert_eq!(within.delay(at(10), 1, &BUSY).is_some(), allowed, "within {total} ms");
        assert_eq!(until.delay(at(10), 1, &BUSY).is_some(), allowed, "until {total} ms");
    }
}

#[test]
fn at_the_deadline_itself_not_even_a_retry_without_a_pause() {
    let mut rule = every(0).until(at(10));
    assert_eq!(rule.delay(at(9), 1, &BUSY), Some(Duration::ZERO));
    assert_eq!(rule.delay(at(10), 1, &BUSY), None);
    assert_eq!(rule.delay(at(99), 1, &BUSY), None);
}

#[test]
fn the_end_of_time_is_no_deadline() {
    let mut endless = Backoff::constant(Duration::MAX).within(Duration::MAX).until(Time::MAX);
    Retry::<Fault>::begin(&mut endless, at(5));
    assert_eq!(endless.delay(Time::MAX, 1, &BUSY), Some(Duration::MAX));
}

#[test]
fn the_time_counts_from_the_start_of_the_first_attempt() {
    let mut rule = every(10).within(ms(50));
    Retry::<Fault>::begin(&mut rule, at(1_000));
    assert_eq!(Retry::<Fault>::deadline(&rule), at(1_050));
    assert!(rule.delay(at(1_039), 1, &BUSY).is_some());
    assert!(rule.delay(at(1_040), 2, &BUSY).is_none());
    let mut again = rule.clone();
    Retry::<Fault>::begin(&mut again, at(2_000));
    assert!(again.delay(at(2_000), 1, &BUSY).is_some(), "a clone measures anew");
}

#[test]
fn without_a_beginning_the_time_counts_from_the_first_failure() {
    let mut rule = every(10).within(ms(50));
    assert!(rule.delay(at(1_000), 1, &BUSY).is_some());
    assert!(rule.delay(at(1_040), 2, &BUSY).is_none());
}

#[test]
fn a_clock_that_goes_backwards_does_no_harm() {
    let mut rule = every(10).within(ms(50)).until(at(60)).hint(Fault::retry_after);
    Retry::<Fault>::begin(&mut rule, at(100));
    assert_eq!(rule.delay(Time::ZERO, 1, &BUSY), Some(ms(10)));
    assert_eq!(rule.delay(Time::MAX, 1, &BUSY), None);
}

/// A hint further out than the deadline once led past it: the deadline had seen the shorter pause.
#[test]
fn a_hint_never_leads_past_a_deadline_whichever_is_further_out() {
    let long = TaskError::Failed(Fault::BusyFor(100));
    let mut outside = every(1).hint(Fault::retry_after).within(ms(100));
    let mut inside = every(1).within(ms(100)).hint(Fault::retry_after);
    let mut far_inside =
        every(1).until(at(100)).within(ms(500)).when(Fault::may_pass).hint(Fault::retry_after);
    for rule in [&mut outside as &mut dyn Retry<Fault>, &mut inside, &mut far_inside] {
        rule.begin(Time::ZERO);
        assert_eq!(rule.delay(Time::ZERO, 1, &long), None);
        assert_eq!(rule.delay(Time::ZERO, 1, &BUSY), Some(ms(1)));
    }
}

#[test]
fn what_is_forbidden_further_out_takes_nothing_from_a_budget() {
    let budget = RetryBudget::new(0.0).unwrap().reserve(2);
    let mut late = every(10).budget(&budget).within(ms(10));
    let mut hinted = every(1).within(ms(10)).budget(&budget).hint(Fault::retry_after).when(Fault::may_pass);
    for rule in [&mut late as &mut dyn Retry<Fault>, &mut hinted] {
        rule.begin(Time::ZERO);
        assert_eq!(rule.delay(Time::ZERO, 1, &TaskError::Failed(Fault::BusyFor(10))), None);
        assert_eq!(budget.balance(), 2);
    }
    assert!(hinted.delay(Time::ZERO, 1, &BUSY).is_some());
    assert_eq!(budget.balance(), 1);
    Retry::<Fault>::forgo(&mut hinted);
    assert_eq!(budget.balance(), 2);
}

#[test]
fn rules_say_whether_they_measure_time() {
    fn timed(rule: &impl Retry<Fault>) -> bool {
        rule.timed()
    }
    let plain = RetryBudget::new(0.5).unwrap();
    let with_rate = plain.clone().per_second(1);
    let untimed = every(1).when(Fault::may_pass).hint(Fault::retry_after);
    assert!(!timed(&untimed) && !timed(&untimed.clone().budget(&plain)));
    assert!(timed(&untimed.budget(&with_rate)));
    assert!(timed(&every(1).within(ms(1))) && timed(&every(1).until(at(1))));
    let boxed: Box<dyn Retry<Fault> + Send> = Box::new(every(1).until(at(1)));
    assert!(timed(&boxed) && boxed.deadline() == at(1));
    assert!(timed(&boxed.when(Fault::may_pass)));
}
