//! Every setting that can be wrong is refused when it is made: which one, the value, and the rule that it breaks.

use crate::queue::support::{overboard, secs};
use regatta::queue::{self, Builder, Results};
use regatta::{ConfigError, Queue};
use std::time::Duration;

const COUNT: &str = "must be at least 1";

fn builder() -> Builder<u32> {
    Queue::builder()
}

async fn nothing<J, C>(_: J, _: C) -> Result<(), ()> {
    Ok(())
}

/// The setting, the value, and the rule of each refusal; nothing where it was accepted.
macro_rules! refusals {
    ($($made:expr => $field:literal, $value:literal, $rule:expr;)+) => {
        vec![$((stringify!($made), $made.err(), ($field, $value, $rule)),)+]
    };
}

type Refused = (&'static str, Option<ConfigError>, (&'static str, &'static str, &'static str));

fn rules() -> Vec<Refused> {
    let live = || builder().workers(1).unwrap().build(nothing).unwrap();
    refusals! {
        builder().workers(0) => "workers", "0", COUNT;
        builder().capacity(0) => "capacity", "0", COUNT;
        builder().class_limit(0) => "class_limit", "0", COUNT;
        builder().max_failures(0) => "max_failures", "0", COUNT;
        builder().results(Results::Bounded(0)) => "results", "0", COUNT;
        builder().build(nothing) => "workers", "none", "must be set";
        builder().map(0..3, nothing) => "workers", "none", "must be set";
        builder().map_stream(futures::stream::iter(0..3), nothing) => "workers", "none", "must be set";
        builder().for_each(0..3, nothing, async |_| ()) => "workers", "none", "must be set";
        builder().for_each_stream(futures::stream::iter(0..3), nothing, async |_| ()) => "workers", "none", "must be set";
        Queue::<queue::Task<'_, u8, ()>, u8, ()>::of_tasks().build_tasks() => "workers", "none", "must be set";
        queue::map(0..3, 0, nothing) => "workers", "0", COUNT;
        live().0.set_workers(0) => "workers", "0", COUNT;
        live().0.set_capacity(0) => "capacity", "0", COUNT;
    }
}

#[test]
fn every_wrong_setting_is_refused_by_name_value_and_rule() {
    for (made, refusal, (field, value, rule)) in rules() {
        let refusal = refusal.unwrap_or_else(|| panic!("{made} was accepted"));
        assert_eq!((refusal.field, refusal.value.as_str(), refusal.rule), (field, value, rule), "{made}");
        assert_eq!(refusal.to_string(), format!("{field} = {value}: {rule}"));
    }
}

// Zero and the largest are legal wherever they mean something.
#[test]
fn odd_settings_that_mean_something_are_accepted() {
    let built = builder()
        .workers(usize::MAX)
        .and_then(|builder| builder.capacity(usize::MAX))
        .and_then(|builder| builder.class_limit(usize::MAX))
        .and_then(|builder| builder.max_failures(usize::MAX))
        .and_then(|builder| builder.results(Results::Bounded(usize::MAX)))
        .unwrap()
        .growth(0)
        .idle_timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .task_timeout(Duration::MAX)
        .timeout(Duration::MAX)
        .grace(Duration::MAX)
        .build(nothing);
    let (queue, results, mut engine) = built.unwrap();
    for n in 0..3 {
        queue.try_push_with(n, queue::Options::new().priority(i32::MIN).cost(u32::MAX)).unwrap();
    }
    queue.close();
    let finished = futures::executor::block_on(engine.run());
    assert_eq!((finished.stats.ok, results.len()), (3, 3));
}

// A run with no time at all starts nothing, and an idle one ends at once.
#[test]
fn no_time_at_all_starts_nothing() {
    let (queue, _results, mut engine) = builder()
        .workers(1)
        .unwrap()
        .timeout(secs(0))
        .build(async |_, _| -> Result<(), ()> { overboard() })
        .unwrap();
    queue.try_push(1).unwrap();
    let finished = futures::executor::block_on(engine.run());
    assert_eq!((finished.stats.not_started, finished.leftover.len()), (1, 1));
    let (_queue, _results, mut engine) =
        builder().workers(1).unwrap().idle_timeout(secs(0)).build(nothing).unwrap();
    assert_eq!(futures::executor::block_on(engine.run()).stats.admitted, 0);
}

#[test]
fn a_setting_that_is_refused_leaves_the_old_one() {
    let (queue, _results, _engine) =
        builder().workers(1).unwrap().capacity(1).unwrap().build(nothing).unwrap();
    assert!(queue.set_capacity(0).is_err());
    queue.try_push(1).unwrap();
    assert!(queue.try_push(2).is_err());
}
