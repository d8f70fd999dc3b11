//! The bar, on a terminal in memory.

use super::*;
use indicatif::InMemoryTerm;
use regatta_core::Time;
use std::sync::Arc;

/// A terminal, and a bar on it that is drawn at each change.
fn bar(total: usize) -> (InMemoryTerm, Progress) {
    let terminal = InMemoryTerm::new(4, 80);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), u8::MAX);
    (terminal, Progress::on(target, total))
}

fn tell(progress: &Progress, kind: EventKind<'_>) {
    progress.on_event(&Event::new(0, &"a", Time::ZERO, kind));
}

const OK: EventKind<'_> = EventKind::Finished { attempts: 1, state: "ok", error: None };
const FAILED: EventKind<'_> = EventKind::Finished { attempts: 2, state: "failed", error: Some("no route") };
const NEVER: EventKind<'_> =
    EventKind::Finished { attempts: 0, state: "not started", error: Some("not started: too late") };

#[test]
fn a_bar_is_there_before_the_first_task_ends() {
    let (terminal, progress) = bar(4);
    assert_eq!(terminal.contents(), "");
    tell(&progress, EventKind::Queued);
    let text = terminal.contents();
    assert!(text.starts_with(&"-".repeat(32)) && text.contains(" 0/4 "), "{text:?}");
    tell(&progress, EventKind::Started { attempt: 1 });
    assert_eq!(progress.bar.position(), 0, "a start is no progress");
}

#[test]
fn it_grows_and_tells_what_is_not_ok() {
    let (terminal, progress) = bar(4);
    tell(&progress, EventKind::Queued);
    tell(&progress, OK);
    tell(&progress, FAILED);
    progress.bar.force_draw();
    let text = terminal.contents();
    // Half of it, and the mark at which it grows.
    assert!(text.starts_with(&("#".repeat(17) + &"-".repeat(15))), "{text:?}");
    assert!(text.contains(" 2/4 ") && text.ends_with("1 not ok"), "{text:?}");
}

#[test]
fn what_never_started_is_not_done() {
    let (terminal, progress) = bar(4);
    tell(&progress, OK);
    tell(&progress, NEVER);
    progress.bar.force_draw();
    let text = terminal.contents();
    assert!(text.contains(" 1/4 ") && !text.contains("not ok"), "{text:?}");
}

#[test]
fn it_vanishes_with_the_last_run_that_shares_it() {
    let (terminal, progress) = bar(2);
    let progress = Arc::new(progress);
    for run in [progress.clone(), progress] {
        run.on_event(&Event::new(0, &"a", Time::ZERO, EventKind::Queued));
        assert_ne!(terminal.contents(), "");
        run.on_event(&Event::new(0, &"a", Time::ZERO, OK));
    }
    assert_eq!(terminal.contents(), "");
}

#[test]
fn more_tasks_than_were_announced_do_no_harm() {
    let (terminal, progress) = bar(1);
    tell(&progress, OK);
    tell(&progress, OK);
    progress.bar.force_draw();
    assert!(terminal.contents().contains(" 2/1 "), "{:?}", terminal.contents());
    let (_, nothing) = bar(0);
    tell(&nothing, EventKind::Queued);
}
