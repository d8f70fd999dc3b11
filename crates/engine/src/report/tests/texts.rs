//! Errors and moments as text.

use super::*;
use crate::report::moment::rfc3339;
use std::panic::resume_unwind;

#[test]
fn earlier_errors_are_shown_once_and_not_without_end() {
    let mut builder = ReportBuilder::<_, (), _>::new();
    for (index, (key, errors)) in [
        ("same", vec!["busy", "busy", "busy"]),
        ("mixed", vec!["reset", "busy", "reset", "busy", "no route"]),
        ("many", vec!["1", "2", "3", "4", "5", "6"]),
    ]
    .into_iter()
    .enumerate()
    {
        builder.push(key).expect("the keys differ");
        let (last, earlier) = errors.split_last().expect("there are some");
        for error in earlier {
            builder.start(index, Time::ZERO);
            builder.retry(index, Time::ZERO, TaskError::Failed(*error));
        }
        builder.start(index, Time::ZERO);
        builder.settle(index, Time::ZERO, Err(TaskError::Failed(last)));
    }
    builder.push("ok at last").expect("it is new");
    builder.start(3, Time::ZERO);
    builder.retry(3, Time::ZERO, TaskError::Failed("busy"));
    builder.start(3, Time::ZERO);
    builder.settle(3, Time::ZERO, Ok(()));
    let text = closed(builder, StopReason::Completed).to_string();
    let ends: Vec<_> =
        text.lines().map(|line| line.trim().split("0 ns").last().unwrap_or("").trim()).collect();
    assert_eq!(
        ends[1..5],
        ["busy", "no route (before: reset, busy)", "6 (before: 1, 2, 3, …)", "(before: busy)"],
        "{text}"
    );
}

/// Panics when it is shown.
struct Ugly;

impl fmt::Display for Ugly {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new("too ugly to be seen"));
    }
}

impl fmt::Debug for Ugly {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl PartialEq for Ugly {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ugly {}

impl Hash for Ugly {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[test]
fn an_error_that_cannot_be_shown_costs_its_cell() {
    let mut builder = ReportBuilder::<_, (), _>::new();
    builder.push(Ugly).expect("it is the first");
    builder.start(0, Time::ZERO);
    builder.retry(0, Time::ZERO, TaskError::Failed(Ugly));
    builder.start(0, Time::ZERO);
    builder.settle(0, Time::ZERO, Err(TaskError::Failed(Ugly)));
    let text = closed(builder, StopReason::Completed).to_string();
    let cells: Vec<_> = text.lines().nth(1).expect("a row").split("  ").map(str::trim).collect();
    assert_eq!(cells.first(), Some(&"(its Debug panicked)"), "{text}");
    assert_eq!(cells.last(), Some(&"(its Display panicked)"), "{text}");
}

#[test]
fn a_wall_clock_out_of_range_is_written_as_the_nearest_year() {
    let text = |wall| rfc3339(wall, humantime::format_rfc3339_millis).to_string();
    assert_eq!(text(UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    assert_eq!(text(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(UNIX_EPOCH + Duration::from_secs(300_000_000_000)), "9999-12-31T23:59:59.000Z");
    let moment = Moment { at: Time::ZERO, wall: UNIX_EPOCH + Duration::from_secs(1_767_225_600) };
    assert_eq!(format!("{moment:>21}"), " 2026-01-01T00:00:00Z");
}
