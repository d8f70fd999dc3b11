//! The comparison of `fetch`, from its own file: it finds nothing where all tell the truth, and one difference per lie.

#[path = "../../../../examples/examples/fetch/check.rs"]
mod check;

use check::{Answer, Ending, Log, Outcome, Run, with_each_other, with_log};

const PAGE: Answer = Answer::Page { length: 3, digest: [7; 32] };
const HALF: Answer = Answer::CutOff { said: 3, sent: 1 };
const MORE: Answer = Answer::TooMuch { said: 3, sent: 4 };
const BUSY: Answer = Answer::Status(503);

fn pages() -> Vec<String> {
    ["/good", "/busy", "/hangs"].map(str::to_owned).into()
}

/// A run with retries: one page comes at once, one at the second attempt, one never.
fn truth() -> Run {
    let requests =
        [("/good", vec![Some(PAGE)]), ("/busy", vec![Some(BUSY), Some(PAGE)]), ("/hangs", vec![None])];
    let outcome =
        |page: &str, attempts: &[Ending]| Outcome { page: page.to_owned(), attempts: attempts.to_vec() };
    Run {
        face: "Runner",
        limit: 2,
        outcomes: vec![
            outcome("/good", &[Ending::Answer(PAGE)]),
            outcome("/busy", &[Ending::Answer(BUSY), Ending::Answer(PAGE)]),
            outcome("/hangs", &[Ending::TimedOut]),
        ],
        cancelled: None,
        stopped: false,
        log: Log {
            requests: requests.into_iter().map(|(page, answers)| (page.to_owned(), answers)).collect(),
            peak: 2,
            left_open: 0,
        },
    }
}

/// The attempts of the page at this place.
fn told(run: &mut Run, place: usize) -> &mut Vec<Ending> {
    &mut run.outcomes[place].attempts
}

/// What the server noted of this page.
fn noted<'a>(run: &'a mut Run, page: &str) -> &'a mut Vec<Option<Answer>> {
    run.log.requests.get_mut(page).expect("it was asked for")
}

#[test]
fn truth_has_no_differences() {
    assert_eq!(with_log(&truth(), &pages()), [""; 0]);
    assert_eq!(with_each_other(&[truth(), truth()], &pages()), [""; 0]);
    assert_eq!(with_each_other(&[], &pages()), [""; 0]);
}

#[test]
fn each_lie_of_a_face_is_one_difference() {
    type Lie = fn(&mut Run);
    let lies: &[(Lie, &str)] = &[
        (|run| told(run, 0)[0] = Ending::TimedOut, "/good: timed out; the server noted 3 bytes"),
        (|run| told(run, 0)[0] = Ending::Answer(BUSY), "/good: status 503; the server noted 3 bytes"),
        (
            |run| told(run, 0)[0] = Ending::Answer(Answer::Page { length: 2, digest: [7; 32] }),
            "/good: 2 bytes with digest 07070707…; the server noted 3 bytes",
        ),
        (
            |run| told(run, 0)[0] = Ending::Answer(Answer::Page { length: 3, digest: [8; 32] }),
            "/good: 3 bytes with digest 08080808…; the server noted 3 bytes with digest 07070707…",
        ),
        (
            |run| told(run, 0)[0] = Ending::Answer(HALF),
            "/good: cut off after 1 bytes of 3; the server noted 3 bytes",
        ),
        (|run| told(run, 0)[0] = Ending::Other("broken pipe".to_owned()), "/good: broken pipe; the server"),
        (
            |run| told(run, 0)[0] = Ending::NotStarted,
            "/good: requests at the server: 1; told as [not started]",
        ),
        (|run| told(run, 0)[0] = Ending::Cancelled, "/good: cancelled, and nobody asked for that"),
        (|run| told(run, 0).clear(), "/good: requests at the server: 1; told as []"),
        (|run| told(run, 1).truncate(1), "/busy: requests at the server: 2; told as [status 503]"),
        (|run| told(run, 1)[0] = Ending::TimedOut, "/busy: timed out; the server noted status 503"),
        (|run| told(run, 1).swap(0, 1), "/busy: 3 bytes with digest 07070707…; the server noted status 503"),
        (|run| told(run, 2)[0] = Ending::Answer(PAGE), "the server noted no answer"),
        (|run| drop(run.outcomes.pop()), "/hangs: 0 outcomes"),
        (|run| run.outcomes.push(run.outcomes[0].clone()), "/good: 2 outcomes"),
        (|run| run.outcomes[0].page = "/bad".to_owned(), "/bad: has an outcome, and nobody wanted it"),
        (|run| run.cancelled = Some("/hangs".to_owned()), "/hangs: was to be cancelled; told as timed out"),
    ];
    assert_found(lies);
}

#[test]
fn each_line_of_the_log_counts() {
    type Lie = fn(&mut Run);
    let lies: &[(Lie, &str)] = &[
        (|run| noted(run, "/good").push(Some(PAGE)), "/good: requests at the server: 2; told as [3 bytes"),
        (|run| noted(run, "/good").clear(), "/good: requests at the server: 0; told as"),
        (|run| noted(run, "/good")[0] = None, "the server noted no answer"),
        (|run| noted(run, "/good")[0] = Some(MORE), "the server noted 4 bytes instead of 3"),
        (|run| noted(run, "/hangs")[0] = Some(PAGE), "/hangs: timed out; the server noted 3 bytes"),
        (|run| drop(run.log.requests.remove("/busy")), "/busy: requests at the server: 0; told as"),
        (
            |run| drop(run.log.requests.insert("/secret".to_owned(), vec![None])),
            "/secret: the server was asked for it, and nobody wanted it",
        ),
        (|run| run.log.peak = 3, "3 requests at once; at most 2 were allowed"),
        (|run| run.log.left_open = 1, "connections still open at the end: 1"),
    ];
    assert_found(lies);
}

#[track_caller]
fn assert_found(lies: &[(fn(&mut Run), &str)]) {
    for (lie, expected) in lies {
        let mut run = truth();
        lie(&mut run);
        let found = with_log(&run, &pages());
        let expected_lines = found.iter().filter(|line| line.contains(expected)).count();
        assert_eq!(expected_lines, 1, "{expected:?} is not in {found:?}");
        assert!(found.iter().all(|line| line.starts_with("Runner: ")), "{found:?}");
    }
}

#[test]
fn what_was_stopped_or_cancelled_by_key_is_no_difference() {
    let mut run = truth();
    run.cancelled = Some("/hangs".to_owned());
    told(&mut run, 2)[0] = Ending::Cancelled;
    assert_eq!(with_log(&run, &pages()), [""; 0], "cancelled by key");

    let mut run = truth();
    run.stopped = true;
    told(&mut run, 0)[0] = Ending::Cancelled;
    told(&mut run, 1)[1] = Ending::Cancelled;
    noted(&mut run, "/busy").pop();
    told(&mut run, 2)[0] = Ending::NotStarted;
    noted(&mut run, "/hangs").clear();
    assert_eq!(with_log(&run, &pages()), [""; 0], "stopped");
    assert_eq!(with_each_other(&[truth(), run], &pages()), [""; 0]);
}

#[test]
fn faces_that_contradict_each_other_are_named() {
    let mut other = truth();
    other.face = "map";
    told(&mut other, 1)[0] = Ending::TimedOut;
    // A later attempt is a matter of retries, which not every face has.
    told(&mut other, 1).truncate(1);
    let found = with_each_other(&[truth(), other], &pages());
    assert_eq!(found, ["/busy: Runner says status 503, map says timed out"]);
}

#[test]
fn no_pages_have_no_differences() {
    let run = Run { outcomes: Vec::new(), log: Log::default(), ..truth() };
    assert_eq!(with_log(&run, &[]), [""; 0]);
}
