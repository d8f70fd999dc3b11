//! What a subscriber hears.

mod scribe;

use super::*;
use regatta_core::Time;
use scribe::{Scribe, listen};
use std::panic::resume_unwind;
use tracing::info_span;

fn event<'a>(id: usize, kind: EventKind<'a>) -> Event<'a> {
    Event::new(id, &"a key", Time::ZERO, kind)
}

fn finished<'a>(state: &'a str, error: Option<&'a str>) -> EventKind<'a> {
    EventKind::Finished { attempts: 1, state, error }
}

const OK: EventKind<'static> = EventKind::Finished { attempts: 1, state: "ok", error: None };

#[test]
fn a_whole_life_is_told() {
    let scribe = Scribe::default();
    listen(&scribe, || {
        let mut spans = Spans::new();
        info_span!("request").in_scope(|| spans.open(7, &"ann", Some("night load")));
        let delay = Duration::from_secs(2);
        let failed = Some("no route");
        let life = [
            EventKind::Queued,
            EventKind::Started { attempt: 1 },
            EventKind::Retrying { attempt: 1, delay, error: "busy" },
            EventKind::Started { attempt: 2 },
            EventKind::Finished { attempts: 2, state: "failed", error: failed },
        ];
        for kind in life {
            spans.tell(&event(7, kind));
        }
        assert!(spans.is_empty());
    });
    assert_eq!(
        scribe.heard()[1..],
        [
            r#"regatta ERROR task open in request: run="night load" key="ann" id=7"#,
            "regatta DEBUG queued in task: message=queued",
            "regatta DEBUG started in task: message=started attempt=1",
            r#"regatta WARN retrying in task: message=retrying attempt=1 delay=2s error="busy""#,
            "regatta DEBUG started in task: message=started attempt=2",
            r#"regatta WARN finished in task: message=finished state="failed" attempts=2 error="no route""#,
            // A span that others lie in closes after them.
            "task closed",
            "request closed",
        ],
    );
}

#[test]
fn success_is_no_warning_and_what_is_absent_is_left_out() {
    let scribe = Scribe::default();
    listen(&scribe, || {
        let mut spans = Spans::new();
        spans.open(0, &'a', None);
        spans.tell(&event(0, OK));
        spans.open(1, &'b', None);
        spans.tell(&event(1, finished("cancelled", None)));
    });
    assert_eq!(
        scribe.heard(),
        [
            "regatta ERROR task open in nothing: key='a' id=0",
            r#"regatta INFO finished in task: message=finished state="ok" attempts=1"#,
            "task closed",
            "regatta ERROR task open in nothing: key='b' id=1",
            r#"regatta WARN finished in task: message=finished state="cancelled" attempts=1"#,
            "task closed",
        ]
    );
}

#[test]
fn a_task_is_polled_in_its_span_which_closes_after_its_last_poll() {
    let scribe = Scribe::default();
    listen(&scribe, || {
        let mut spans = Spans::new();
        spans.open(0, &'a', None);
        let polled = spans.span(0);
        polled.in_scope(|| tracing::error!(target: "mine", "from the task"));
        spans.tell(&event(0, OK));
        assert!(spans.span(0).is_none(), "it has ended");
        assert_eq!(scribe.closed(), 0, "the task holds it");
        drop(polled);
        assert_eq!(scribe.closed(), 1);
    });
    assert!(scribe.heard()[1].starts_with("mine ERROR"), "{:?}", scribe.heard());
    assert!(scribe.heard()[1].ends_with("in task: message=from the task"), "{:?}", scribe.heard());
}

#[test]
fn a_run_that_is_dropped_closes_its_spans() {
    let scribe = Scribe::default();
    listen(&scribe, || {
        let mut spans = Spans::new();
        for id in 0..3 {
            spans.open(id, &id, None);
        }
        spans.open(2, &"again", None);
        assert_eq!(scribe.closed(), 1, "one number, one span");
        drop(spans);
        assert_eq!(scribe.closed(), 4);
    });
}

#[test]
fn a_filter_for_warnings_lets_the_key_through() {
    let scribe = Scribe::up_to(Level::WARN);
    listen(&scribe, || {
        let mut spans = Spans::new();
        spans.open(0, &'a', None);
        spans.tell(&event(0, EventKind::Queued));
        spans.tell(&event(0, EventKind::Started { attempt: 1 }));
        spans.tell(&event(0, OK));
    });
    assert_eq!(scribe.heard(), ["regatta ERROR task open in nothing: key='a' id=0", "task closed"]);
}

/// A key that nobody may look at.
struct Secret;

impl Debug for Secret {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new("nobody may look"));
    }
}

#[test]
fn without_a_subscriber_nothing_is_kept_and_no_key_is_looked_at() {
    let scribe = Scribe::default();
    // Nobody listens, but it is this thread's turn with the call sites.
    listen(&scribe, || {
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
            let mut spans = Spans::new();
            spans.open(0, &Secret, None);
            assert!(spans.is_empty() && spans.open.capacity() == 0);
            spans.tell(&event(0, OK));
            assert!(spans.span(0).is_none());
        });
    });
    assert_eq!(scribe.heard(), [""; 0]);
}

#[test]
fn a_key_that_panics_costs_its_span() {
    let scribe = Scribe::default();
    listen(&scribe, || {
        let mut spans = Spans::new();
        spans.open(0, &Secret, None);
        assert!(spans.span(0).is_none());
        spans.tell(&event(0, OK));
        spans.open(1, &'b', None);
        spans.tell(&event(1, OK));
    });
    assert_eq!(scribe.heard().last().map(String::as_str), Some("task closed"));
    assert_eq!(scribe.closed(), 1);
}

#[test]
fn a_subscriber_that_panics_is_survived_wherever_it_does() {
    for at in ["open", "event", "close"] {
        let scribe = Scribe::that_panics_at(at);
        listen(&scribe, || {
            let mut spans = Spans::new();
            spans.open(0, &'a', None);
            assert_eq!(spans.span(0).is_none(), at == "open", "{at}");
            spans.tell(&event(0, EventKind::Queued));
            spans.tell(&event(0, OK));
            assert!(spans.is_empty(), "{at}");
            spans.open(1, &'b', None);
            drop(spans);
        });
    }
}
