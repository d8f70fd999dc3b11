//! The comparison: what a face says of each page, against what the server wrote down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How a request was answered. The server notes what it sent, the client what it got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Page { length: usize, digest: [u8; 32] },
    Status(u16),
    CutOff { said: usize, sent: usize },
    TooMuch { said: usize, sent: usize },
}

/// How an attempt ended, as the face tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Answer(Answer),
    TimedOut,
    Cancelled,
    NotStarted,
    /// Anything that the server never does.
    Other(String),
}

/// What a face says of one page: an ending per attempt, in order.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) page: String,
    pub(crate) attempts: Vec<Ending>,
}

/// What the server saw.
#[derive(Clone, Default, Debug)]
pub(crate) struct Log {
    /// The requests for each page, in order, with the answer; none for a client that left before it.
    pub(crate) requests: BTreeMap<String, Vec<Option<Answer>>>,
    /// The most requests at once.
    pub(crate) peak: usize,
    /// Connections that were still open when the run had ended.
    pub(crate) left_open: usize,
}

/// All pages, fetched through one face.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) face: &'static str,
    pub(crate) limit: usize,
    pub(crate) outcomes: Vec<Outcome>,
    /// The page that was cancelled by its key.
    pub(crate) cancelled: Option<String>,
    /// By Ctrl-C.
    pub(crate) stopped: bool,
    pub(crate) log: Log,
}

/// Where a run contradicts the log.
pub(crate) fn with_log(run: &Run, pages: &[String]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differs = |text: String| differences.push(format!("{}: {text}", run.face));
    let known: BTreeSet<&String> = pages.iter().collect();
    for stranger in run.log.requests.keys().filter(|page| !known.contains(page)) {
        differs(format!("{stranger}: the server was asked for it, and nobody wanted it"));
    }
    for stranger in run.outcomes.iter().filter(|outcome| !known.contains(&outcome.page)) {
        differs(format!("{}: has an outcome, and nobody wanted it", stranger.page));
    }
    let mut outcomes = BTreeMap::<&String, Vec<&Outcome>>::new();
    for outcome in &run.outcomes {
        outcomes.entry(&outcome.page).or_default().push(outcome);
    }
    for page in pages {
        let requests = run.log.requests.get(page).map_or(&[][..], Vec::as_slice);
        match outcomes.get(page).map_or(&[][..], Vec::as_slice) {
            [outcome] => {
                if let Some(why) = contradiction(run, outcome, requests) {
                    differs(format!("{page}: {why}"));
                }
            }
            other => differs(format!("{page}: {} outcomes", other.len())),
        }
    }
    if run.log.peak > run.limit {
        differs(format!("{} requests at once; at most {} were allowed", run.log.peak, run.limit));
    }
    if run.log.left_open > 0 {
        differs(format!("connections still open at the end: {}", run.log.left_open));
    }
    differences
}

fn contradiction(run: &Run, outcome: &Outcome, requests: &[Option<Answer>]) -> Option<String> {
    let by_key = run.cancelled.as_ref() == Some(&outcome.page);
    let (asked, attempts) = (requests.len(), outcome.attempts.len());
    let last = outcome.attempts.last();
    let right_number = match last {
        Some(Ending::NotStarted) => attempts == 1 && asked == 0,
        // The last attempt may have been cancelled before its request was sent.
        Some(Ending::Cancelled) => asked == attempts || asked + 1 == attempts,
        _ => attempts > 0 && asked == attempts,
    };
    if !right_number {
        return Some(format!("requests at the server: {asked}; told as {}", list(&outcome.attempts)));
    }
    match last {
        Some(Ending::NotStarted) if !run.stopped => return Some("never started".to_owned()),
        Some(Ending::Cancelled) if !run.stopped && !by_key => {
            return Some("cancelled, and nobody asked for that".to_owned());
        }
        Some(last) if by_key && !run.stopped && *last != Ending::Cancelled => {
            return Some(format!("was to be cancelled; told as {last}"));
        }
        _ => {}
    }
    outcome.attempts.iter().zip(requests).find_map(|(told, seen)| {
        let agree = match (told, seen) {
            (Ending::Answer(told), Some(seen)) => told == seen,
            (Ending::TimedOut, None) => true,
            // It may have been answered already, or not.
            (Ending::Cancelled, _) => true,
            _ => false,
        };
        let seen = || seen.map_or_else(|| "no answer".to_owned(), |answer| answer.to_string());
        (!agree).then(|| format!("{told}; the server noted {}", seen()))
    })
}

/// Where the first attempts of one run contradict those of another. What was stopped contradicts nobody.
pub(crate) fn with_each_other(runs: &[Run], pages: &[String]) -> Vec<String> {
    let firsts = |run: &Run| -> BTreeMap<String, Ending> {
        let mut firsts = BTreeMap::new();
        for outcome in &run.outcomes {
            firsts.extend(outcome.attempts.first().map(|first| (outcome.page.clone(), first.clone())));
        }
        firsts.retain(|_, first| !matches!(first, Ending::Cancelled | Ending::NotStarted));
        firsts
    };
    let tables: Vec<_> = runs.iter().map(|run| (run.face, firsts(run))).collect();
    let mut differences = Vec::new();
    for page in pages {
        let mut told = tables.iter().filter_map(|(face, firsts)| Some((face, firsts.get(page)?)));
        let Some((face, first)) = told.next() else { continue };
        for (other_face, other) in told.filter(|(_, other)| *other != first) {
            differences.push(format!("{page}: {face} says {first}, {other_face} says {other}"));
        }
    }
    differences
}

fn list(attempts: &[Ending]) -> String {
    let texts: Vec<String> = attempts.iter().map(Ending::to_string).collect();
    format!("[{}]", texts.join(", "))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { length, digest: [a, b, c, d, ..] } => {
                write!(f, "{length} bytes with digest {a:02x}{b:02x}{c:02x}{d:02x}…")
            }
            Self::Status(status) => write!(f, "status {status}"),
            Self::CutOff { said, sent } => write!(f, "cut off after {sent} bytes of {said}"),
            Self::TooMuch { said, sent } => write!(f, "{sent} bytes instead of {said}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => answer.fmt(f),
            Self::TimedOut => f.write_str("timed out"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::NotStarted => f.write_str("not started"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
