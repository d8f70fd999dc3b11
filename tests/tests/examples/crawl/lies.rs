//! The comparison of `crawl`, from its own file: it finds nothing where all tell the truth, and every lie.

#[path = "../../../../examples/examples/crawl/check.rs"]
mod check;

use check::{Answer, Attempt, Counts, Crawl, Ending, Log, Manners, Pause, Request, Site, Told, differences};
use regatta::Time;
use std::collections::BTreeSet;
use std::time::Duration;

const HOME: &str = "http://ant.test/";
const BUSY: &str = "http://ant.test/busy";
const GONE: &str = "http://bee.test/gone";
const SLOW: &str = "http://bee.test/slow";

const PAGE: Answer = Answer::Page { length: 3 };
const WAIT: Answer = Answer::TooMany { wait: Duration::from_millis(500) };
const LOST: Answer = Answer::Status(404);

const MANNERS: Manners =
    Manners { at_once: 2, every: Duration::from_millis(10), burst: 2, patience: Duration::from_millis(100) };

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn site() -> Site {
    let urls = |urls: &[&str]| Some(urls.iter().map(|url| (*url).to_owned()).collect());
    let pages =
        [(HOME, urls(&[BUSY, GONE, SLOW, HOME])), (BUSY, urls(&[HOME])), (GONE, None), (SLOW, urls(&[]))];
    pages.map(|(url, links)| (url.to_owned(), links)).into()
}

/// Home comes at once, one page wants a pause first, one is missing, one hangs the first time.
fn truth() -> (Crawl, Log) {
    let pages: [(&str, &[(u64, Option<Answer>)]); 4] = [
        (HOME, &[(0, Some(PAGE))]),
        (BUSY, &[(10, Some(WAIT)), (520, Some(PAGE))]),
        (GONE, &[(10, Some(LOST))]),
        (SLOW, &[(10, None), (150, Some(PAGE))]),
    ];
    let told = pages.map(|(url, attempts)| {
        let attempts = attempts.iter().map(|(start, answer)| Attempt {
            started: at(*start),
            ending: answer.map_or(Ending::TimedOut, Ending::Answer),
        });
        let attempts: Vec<_> = attempts.collect();
        Told { url: url.to_owned(), starts: attempts.len() as u32, attempts }
    });
    let requests = pages.map(|(url, attempts)| {
        let request = |(start, answer): &(u64, Option<Answer>)| Request {
            at: at(start + 1),
            answered: answer.map(|answer| (answer, at(start + 2))),
        };
        (url.to_owned(), attempts.iter().map(request).collect())
    });
    let crawl = Crawl {
        told: told.into(),
        pauses: vec![Pause { host: "ant.test".to_owned(), from: at(13), until: at(513) }],
        left: Vec::new(),
        refused: BTreeSet::new(),
        counts: Counts { admitted: 4, ok: 3, retries: 2, not_started: 0, unsettled: 0 },
        stopped: false,
    };
    let peaks = [("ant.test".to_owned(), 1), ("bee.test".to_owned(), 2)].into();
    (crawl, Log { requests: requests.into(), peaks, left_open: 0 })
}

/// What the queue told of the page at this place.
fn told(crawl: &mut Crawl, place: usize) -> &mut Vec<Attempt> {
    &mut crawl.told[place].attempts
}

/// What the server noted of this page.
fn noted<'a>(log: &'a mut Log, url: &str) -> &'a mut Vec<Request> {
    log.requests.get_mut(url).expect("it was asked for")
}

fn found((crawl, log): &(Crawl, Log)) -> Vec<String> {
    differences(crawl, log, &site(), HOME, MANNERS)
}

#[test]
fn truth_has_no_differences() {
    assert_eq!(found(&truth()), [""; 0]);
}

type Lie = fn(&mut Crawl, &mut Log);

/// A lie may be found in several ways; this is the one that it is told for.
#[track_caller]
fn assert_found(lies: &[(Lie, &str)]) {
    for (lie, expected) in lies {
        let (mut crawl, mut log) = truth();
        lie(&mut crawl, &mut log);
        let found = found(&(crawl, log));
        let lines = found.iter().filter(|line| line.contains(expected)).count();
        assert_eq!(lines, 1, "{expected:?} is not in {found:?}");
    }
}

#[test]
fn each_lie_of_the_queue_is_found() {
    assert_found(&[
        (|crawl, _| told(crawl, 0).clear(), "ant.test/: requests at the server: 1; told as []"),
        (
            |crawl, _| drop(told(crawl, 1).pop()),
            "busy: requests at the server: 2; told as [status 429 for 500ms]",
        ),
        (|crawl, _| told(crawl, 1).swap(0, 1), "busy: 3 bytes; the server noted status 429"),
        (
            |crawl, _| told(crawl, 2)[0].ending = Ending::Answer(PAGE),
            "gone: 3 bytes; the server noted status 404",
        ),
        (
            |crawl, _| told(crawl, 2)[0].ending = Ending::TimedOut,
            "gone: timed out; the server noted status 404",
        ),
        (
            |crawl, _| told(crawl, 2)[0].ending = Ending::Other("broken pipe".to_owned()),
            "gone: broken pipe; the server noted status 404",
        ),
        (
            |crawl, _| told(crawl, 2)[0].ending = Ending::Cancelled,
            "gone: cancelled, and nobody asked for that",
        ),
        (
            |crawl, _| told(crawl, 3)[0].ending = Ending::Answer(PAGE),
            "slow: 3 bytes; the server noted no answer",
        ),
        (|crawl, _| told(crawl, 3)[1].started = at(160), "slow: the server saw a request at another time"),
        (|crawl, _| told(crawl, 3)[1].started = at(10), "slow: the server saw a request at another time"),
        (|crawl, _| drop(crawl.told.pop()), "slow: requests at the server: 2; told of none"),
        (|crawl, _| crawl.told.push(crawl.told[2].clone()), "gone: was told twice"),
        (|crawl, _| crawl.counts.admitted += 1, "the queue counts"),
        (|crawl, _| crawl.counts.ok -= 1, "the queue counts"),
        (|crawl, _| crawl.counts.retries += 1, "the queue counts"),
        (|crawl, _| crawl.counts.not_started += 1, "the queue counts"),
        (|crawl, _| crawl.counts.unsettled += 1, "the queue counts"),
    ]);
}

#[test]
fn each_line_of_the_log_counts() {
    assert_found(&[
        (|_, log| noted(log, GONE).clear(), "gone: requests at the server: 0; told as [status 404]"),
        (
            |_, log| {
                let twice = noted(log, GONE)[0].clone();
                noted(log, GONE).push(twice);
            },
            "gone: requests at the server: 2; told as [status 404]",
        ),
        (|_, log| noted(log, HOME)[0].answered = None, "ant.test/: 3 bytes; the server noted no answer"),
        (
            |_, log| noted(log, SLOW)[0].answered = Some((PAGE, at(20))),
            "slow: timed out; the server noted 3 bytes",
        ),
        (
            |_, log| drop(log.requests.insert("http://bee.test/secret".to_owned(), Vec::new())),
            "secret: requests at the server: 0; told of none",
        ),
        (|_, log| log.left_open = 1, "connections still open at the end: 1"),
    ]);
}

#[test]
fn a_page_that_is_forgotten_or_invented_is_found() {
    fn forget(crawl: &mut Crawl, log: &mut Log, place: usize) {
        let page = crawl.told.remove(place);
        log.requests.remove(&page.url);
    }
    assert_found(&[
        (|crawl, log| forget(crawl, log, 2), "gone: is linked to, and nobody went there"),
        (
            |crawl, log| {
                forget(crawl, log, 2);
                crawl.stopped = true;
            },
            "gone: is linked to, and nobody went there",
        ),
        (|crawl, log| forget(crawl, log, 0), "gone: nothing that came links to it"),
        (|crawl, _| crawl.left.push(GONE.to_owned()), "gone: is left, and was visited"),
        (
            |crawl, log| {
                forget(crawl, log, 2);
                crawl.left.push(GONE.to_owned());
            },
            "gone: was left, and nobody stopped",
        ),
        (|crawl, _| crawl.told[2].url += "/to", "gone/to: is not on the site"),
        (|crawl, _| drop(told(crawl, 3).pop()), "slow: comes in the end, and was given up"),
        (|crawl, _| told(crawl, 2)[0].ending = Ending::Answer(PAGE), "gone: never comes, and came"),
        (
            |crawl, log| {
                // Nobody links to anything, so only the site knows.
                forget(crawl, log, 3);
                forget(crawl, log, 2);
                forget(crawl, log, 1);
                told(crawl, 0)[0].ending = Ending::TimedOut;
            },
            "slow: can be reached, and nobody went there",
        ),
    ]);
}

#[test]
fn each_unkindness_is_found() {
    assert_found(&[
        (
            |_, log| log.peaks.extend([("bee.test".to_owned(), 3)]),
            "bee.test: 3 requests at once; at most 2 were allowed",
        ),
        // Two at once are allowed, and a third only ten milliseconds later.
        (|crawl, _| told(crawl, 3)[1].started = at(10), "bee.test: 3 requests began within 0ns"),
        (|crawl, _| crawl.pauses.clear(), "busy: asked for a pause of 500ms, and had none"),
        (|crawl, _| crawl.pauses[0].until = at(511), "busy: asked for a pause of 500ms, and had none"),
        (|crawl, _| crawl.pauses[0].from = at(11), "busy: asked for a pause of 500ms, and had none"),
        (
            |crawl, _| crawl.pauses[0].host = "bee.test".to_owned(),
            "bee.test: requests that began in a pause: 1",
        ),
        (|crawl, _| told(crawl, 1)[1].started = at(512), "ant.test: requests that began in a pause: 1"),
    ]);
}

#[test]
fn the_edges_of_manners_are_no_difference() {
    let (mut crawl, log) = truth();
    // At the very end of the pause, and of what the rate wants.
    told(&mut crawl, 1)[1].started = at(513);
    assert_eq!(found(&(crawl, log)), [""; 0]);
    let (mut crawl, mut log) = truth();
    told(&mut crawl, 3)[1].started = at(20);
    noted(&mut log, SLOW)[1].at = at(20);
    assert_eq!(found(&(crawl, log)), [""; 0]);
    let (crawl, mut log) = truth();
    noted(&mut log, SLOW)[0].answered = Some((PAGE, at(110)));
    assert_eq!(found(&(crawl, log)), [""; 0], "an answer that came too late");
}

#[test]
fn what_a_stop_leaves_is_no_difference() {
    let (mut crawl, mut log) = truth();
    crawl.stopped = true;
    // Cancelled before its request, in the middle of it, and never begun; and one that the queue no longer took.
    told(&mut crawl, 1)[1].ending = Ending::Cancelled;
    noted(&mut log, BUSY).pop();
    told(&mut crawl, 2)[0].ending = Ending::Cancelled;
    let slow = crawl.told.pop().expect("there were four");
    log.requests.remove(SLOW);
    crawl.counts = Counts { admitted: 3, ok: 1, retries: 1, not_started: 0, unsettled: 0 };
    let mut never = (crawl.clone(), log.clone());
    never.0.left.push(slow.url.clone());
    never.0.counts = Counts { admitted: 4, not_started: 1, ..crawl.counts };
    assert_eq!(found(&never), [""; 0]);
    crawl.refused.insert(slow.url);
    assert_eq!(found(&(crawl, log)), [""; 0]);
}
