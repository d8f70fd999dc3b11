use super::*;

const SEC: Duration = Duration::from_secs(1);

fn course(change: impl FnOnce(&mut CourseSettings)) -> Course {
    let mut course = Course::new();
    change(&mut course.settings);
    course
}

fn at(seconds: u64) -> Time {
    Time::ZERO + SEC * u32::try_from(seconds).expect("small")
}

/// All controls of one pass.
fn pass(course: &mut Course, now: Time, unfinished: bool) -> Vec<Control> {
    std::iter::from_fn(|| course.control(now, unfinished, Time::MAX)).collect()
}

#[test]
fn a_timeout_counts_from_the_first_pass() {
    let mut c = course(|s| s.timeout = 10 * SEC);
    assert_eq!(pass(&mut c, at(5), true), [Control::WakeAt(at(15))]);
    assert_eq!(pass(&mut c, at(14), true), []);
    assert_eq!(pass(&mut c, at(15), true), [Control::CancelAll, Control::WakeAt(Time::MAX)]);
    assert!(!c.is_open());
    assert!(matches!(c.stopped_error::<()>(), TaskError::TimedOut { after } if after == 10 * SEC));
    assert!(matches!(c.reason(), StopReason::TimedOut));
}

#[test]
fn a_run_that_is_finished_in_time_has_not_timed_out() {
    let mut c = course(|s| s.deadline = at(3));
    pass(&mut c, at(1), true);
    assert!(!pass(&mut c, at(3), false).contains(&Control::CancelAll));
    assert!(matches!(c.reason(), StopReason::Completed));
}

#[test]
fn a_run_that_has_stopped_nothing_is_completed_after_all() {
    let mut c = course(|s| s.timeout = SEC);
    pass(&mut c, at(0), true);
    assert!(pass(&mut c, at(1), true).contains(&Control::CancelAll));
    c.settled(true);
    assert!(matches!(c.reason(), StopReason::Completed));
}

#[test]
fn a_zero_timeout_stops_before_anything_starts() {
    let mut c = course(|s| s.timeout = Duration::ZERO);
    assert_eq!(pass(&mut c, at(5), true), [Control::CancelAll]);
    assert!(!c.is_open());
}

#[test]
fn cancelling_stops_starts_at_once_and_what_runs_after_the_grace() {
    let mut c = course(|s| s.grace = 2 * SEC);
    pass(&mut c, at(1), true);
    c.cancel();
    assert!(!c.is_open());
    assert_eq!(pass(&mut c, at(1), true), [Control::WakeAt(at(3))]);
    assert_eq!(pass(&mut c, at(2), true), []);
    assert_eq!(pass(&mut c, at(3), true), [Control::CancelAll, Control::WakeAt(Time::MAX)]);
    assert!(matches!(c.stopped_error::<()>(), TaskError::Cancelled));
    assert!(matches!(c.reason(), StopReason::Cancelled));
}

#[test]
fn the_grace_does_not_outlast_the_run() {
    let mut c = course(|s| (s.grace, s.timeout) = (10 * SEC, 3 * SEC));
    pass(&mut c, at(1), true);
    c.cancel();
    assert_eq!(pass(&mut c, at(2), true), []);
    assert!(pass(&mut c, at(4), true).contains(&Control::CancelAll));
}

#[test]
fn an_idle_run_closes_at_once_without_its_grace() {
    let mut c = course(|s| s.grace = 10 * SEC);
    pass(&mut c, at(1), true);
    c.idle();
    assert!(!c.is_open());
    assert!(matches!(c.not_started(), NotStarted::Stopped));
    assert_eq!(pass(&mut c, at(2), true), [Control::CancelAll]);
    let reason = c.reason();
    assert!(matches!(reason, StopReason::Idle));
    assert_eq!(reason.to_string(), "stopped after its idle timeout");
}

#[test]
fn a_run_that_has_stopped_is_not_idle() {
    let mut c = course(|s| s.timeout = SEC);
    pass(&mut c, at(0), true);
    pass(&mut c, at(1), true);
    c.idle();
    assert_eq!(pass(&mut c, at(2), true), []);
    c.left_over();
    assert!(matches!(c.reason(), StopReason::TimedOut));
}

#[test]
fn stop_rules_count() {
    let cases = [
        (StopOn::FirstError, [true, false].as_slice(), 2),
        (StopOn::failures(2).unwrap(), &[false, true, false], 3),
        (StopOn::FirstOk, &[false, true], 2),
    ];
    for (rule, outcomes, met_after) in cases {
        let mut c = course(|s| s.stop_on = rule);
        for (n, ok) in outcomes.iter().enumerate() {
            assert!(c.is_open(), "{rule:?} is not met after {n}");
            c.settled(*ok);
            assert_eq!(!c.is_open(), n + 1 == met_after, "{rule:?} after {}", n + 1);
        }
        assert_eq!(pass(&mut c, at(1), true), [Control::CancelAll]);
        assert!(matches!(c.reason(), StopReason::StopRule));
    }
    assert_eq!(StopOn::failures(0).unwrap_err().field, "failures");
}
