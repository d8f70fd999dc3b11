//! When things happened, and what it costs to keep that.

use super::*;

#[test]
fn a_task_that_is_never_retried_pays_nothing_for_retries() {
    type Task = TaskReport<u64, u64, String>;
    let result = size_of::<Result<u64, TaskError<String>>>();
    // The box, attempts with rank, and three times.
    assert_eq!(size_of::<Task>(), size_of::<u64>() + result + 5 * size_of::<u64>());
}

#[test]
fn every_time_is_kept() {
    let at = Time::from_nanos;
    let mut builder = ReportBuilder::<_, (), _>::new();
    for key in ["early", "late", "never"] {
        builder.push(key).expect("the keys differ");
    }
    builder.queue(1, at(50));
    builder.start(0, at(110));
    builder.retry(0, at(120), TaskError::Failed("busy"));
    builder.start(0, at(150));
    builder.start(1, at(160));
    builder.retry(0, at(170), TaskError::TimedOut { after: Duration::from_nanos(20) });
    builder.start(0, at(200));
    builder.settle(0, at(230), Ok(()));
    builder.queue(1, at(140));
    let report = builder.close(None, moment(100), at(300), StopReason::Cancelled);

    let times: Vec<_> = report.tasks().iter().map(|t| (t.queued(), t.started(), t.ended())).collect();
    let nobody = None::<Time>;
    assert_eq!(
        times,
        [
            (at(100), Some(at(110)), Some(at(230))),
            (at(140), Some(at(160)), nobody),
            (at(100), nobody, nobody)
        ]
    );
    let waited: Vec<_> = report.tasks().iter().map(|t| t.waited().map(|d| d.as_nanos())).collect();
    assert_eq!(waited, [Some(10), Some(20), None]);
    let early = &report.tasks()[0];
    let attempts: Vec<_> = early.retried().iter().map(|a| (a.started(), a.ended())).collect();
    assert_eq!(attempts, [(at(110), at(120)), (at(150), at(170))]);
    assert_eq!(early.last_started(), Some(at(200)));
    assert_eq!(report.tasks()[1].last_started(), Some(at(160)));
    assert_eq!(report.began(), moment(100));
    assert_eq!(report.ended(), Moment { at: at(300), wall: UNIX_EPOCH + Duration::from_nanos(200) });
    assert_eq!(report.wall(at(230)), UNIX_EPOCH + Duration::from_nanos(130));
}

#[test]
fn a_retry_that_is_taken_back_leaves_the_last_attempt() {
    let at = Time::from_nanos;
    let mut builder = ReportBuilder::<_, (), _>::new();
    builder.push("a").expect("it is the first");
    assert!(builder.take_retried(0).is_none());
    for (start, end) in [(10, 20), (30, 40)] {
        builder.start(0, at(start));
        builder.retry(0, at(end), TaskError::Failed("busy"));
    }
    let error = builder.take_retried(0).expect("it has failed");
    builder.settle(0, at(50), Err(error));
    let report = closed(builder, StopReason::StopRule);
    let task = &report.tasks()[0];
    assert_eq!((task.retried().len(), task.last_started(), task.ended()), (1, Some(at(30)), Some(at(50))));
}
