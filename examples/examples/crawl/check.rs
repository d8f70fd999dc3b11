//! The comparison: what the queue says of each page, against what the servers wrote down.

use regatta::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// How a request was answered. The servers note what they sent, the client what it got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Page { length: usize },
    Status(u16),
    TooMany { wait: Duration },
}

/// How an attempt ended, as the queue tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Answer(Answer),
    TimedOut,
    Cancelled,
    /// Anything that the servers never do.
    Other(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) started: Time,
    pub(crate) ending: Ending,
}

/// What the queue says of one page: all attempts, in order.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) url: String,
    /// How often it was started, as counted by the queue.
    pub(crate) starts: u32,
    pub(crate) attempts: Vec<Attempt>,
}

/// The queue's own counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) admitted: usize,
    pub(crate) ok: usize,
    pub(crate) retries: usize,
    pub(crate) not_started: usize,
    /// Without an end.
    pub(crate) unsettled: usize,
}

/// A time without requests, because a host asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    pub(crate) host: String,
    pub(crate) from: Time,
    pub(crate) until: Time,
}

/// A crawl, as the queue tells it.
#[derive(Clone, Debug)]
pub(crate) struct Crawl {
    pub(crate) told: Vec<Told>,
    pub(crate) pauses: Vec<Pause>,
    /// Pages that were in the queue and never began.
    pub(crate) left: Vec<String>,
    /// Pages that the queue no longer took.
    pub(crate) refused: BTreeSet<String>,
    pub(crate) counts: Counts,
    pub(crate) stopped: bool,
}

/// A request, as a server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: Time,
    /// Nothing for a client that left before it.
    pub(crate) answered: Option<(Answer, Time)>,
}

/// What the servers saw.
#[derive(Clone, Default, Debug)]
pub(crate) struct Log {
    /// The requests for each page, in order.
    pub(crate) requests: BTreeMap<String, Vec<Request>>,
    /// The most requests at once, by host.
    pub(crate) peaks: BTreeMap<String, usize>,
    /// Connections that were still open when the crawl had ended.
    pub(crate) left_open: usize,
}

/// What the crawler owes each host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// So many requests at once.
    pub(crate) at_once: usize,
    /// One request in this time,
    pub(crate) every: Duration,
    /// or up to so many after a quiet time.
    pub(crate) burst: u32,
    /// How long it waits for an answer.
    pub(crate) patience: Duration,
}

/// All pages that can be reached, with where each leads to, if it comes sooner or later.
pub(crate) type Site = BTreeMap<String, Option<Vec<String>>>;

/// Where a crawl that began at `home` contradicts the log, the site or its manners.
pub(crate) fn differences(
    crawl: &Crawl,
    log: &Log,
    site: &Site,
    home: &str,
    manners: Manners,
) -> Vec<String> {
    let mut differences = Vec::new();
    requests(crawl, log, manners, &mut differences);
    pages(crawl, site, home, &mut differences);
    counts(crawl, &mut differences);
    politeness(crawl, log, manners, &mut differences);
    differences
}

/// Each page was requested once per attempt, and the answers are those that the attempts ended with.
fn requests(crawl: &Crawl, log: &Log, manners: Manners, differences: &mut Vec<String>) {
    let mut told = BTreeSet::new();
    for page in &crawl.told {
        if !told.insert(&page.url) {
            differences.push(format!("{}: was told twice", page.url));
        }
        let requests = log.requests.get(&page.url).map_or(&[][..], Vec::as_slice);
        differences.extend(
            contradiction(crawl, page, requests, manners).map(|text| format!("{}: {text}", page.url)),
        );
    }
    for (url, requests) in log.requests.iter().filter(|(url, _)| !told.contains(url)) {
        differences.push(format!("{url}: requests at the server: {}; told of none", requests.len()));
    }
    if log.left_open > 0 {
        differences.push(format!("connections still open at the end: {}", log.left_open));
    }
}

fn contradiction(crawl: &Crawl, page: &Told, requests: &[Request], manners: Manners) -> Option<String> {
    let (asked, attempts) = (requests.len(), page.attempts.len());
    let cancelled = page.attempts.iter().position(|attempt| attempt.ending == Ending::Cancelled);
    // What was stopped may not have sent its request yet.
    let unsent = usize::from(cancelled.is_some() && crawl.stopped);
    if attempts == 0 || !(asked..=asked + unsent).contains(&attempts) {
        let endings: Vec<String> = page.attempts.iter().map(|attempt| attempt.ending.to_string()).collect();
        return Some(format!("requests at the server: {asked}; told as [{}]", endings.join(", ")));
    }
    if page.starts as usize != attempts {
        return Some(format!("was started {} times, and {attempts} attempts were told", page.starts));
    }
    if cancelled.is_some_and(|place| place + 1 < attempts || !crawl.stopped) {
        return Some("cancelled, and nobody asked for that".to_owned());
    }
    page.attempts.iter().zip(requests).enumerate().find_map(|(place, (attempt, request))| {
        let agree = match (&attempt.ending, &request.answered) {
            (Ending::Answer(told), Some((seen, _))) => told == seen,
            (Ending::TimedOut, None) | (Ending::Cancelled, _) => true,
            // An answer that was too late for its client.
            (Ending::TimedOut, Some((_, at))) => *at >= attempt.started + manners.patience,
            _ => false,
        };
        if !agree {
            let seen =
                request.answered.map_or_else(|| "no answer".to_owned(), |(answer, _)| answer.to_string());
            return Some(format!("{}; the server noted {seen}", attempt.ending));
        }
        let next = page.attempts.get(place + 1).map_or(Time::MAX, |next| next.started);
        let outside = request.at < attempt.started || request.at > next;
        outside.then(|| "the server saw a request at another time than that of its attempt".to_owned())
    })
}

/// Whatever a page links to was visited, and nothing else; only who was stopped may leave pages for later.
fn pages(crawl: &Crawl, site: &Site, home: &str, differences: &mut Vec<String>) {
    let mut linked = BTreeSet::from([home]);
    let mut done = BTreeSet::new();
    for page in &crawl.told {
        let came =
            matches!(page.attempts.last(), Some(Attempt { ending: Ending::Answer(Answer::Page { .. }), .. }));
        done.insert(page.url.as_str());
        match site.get(&page.url) {
            None => differences.push(format!("{}: is not on the site", page.url)),
            Some(Some(links)) if came => linked.extend(links.iter().map(String::as_str)),
            Some(Some(_)) if crawl.stopped => {}
            Some(Some(_)) => differences.push(format!("{}: comes in the end, and was given up", page.url)),
            Some(None) if came => differences.push(format!("{}: never comes, and came", page.url)),
            Some(None) => {}
        }
    }
    let left: BTreeSet<&str> = crawl.left.iter().map(String::as_str).collect();
    differences.extend(left.intersection(&done).map(|url| format!("{url}: is left, and was visited")));
    let refused = crawl.refused.iter().map(String::as_str);
    let all: BTreeSet<&str> = done.iter().copied().chain(left).chain(refused).collect();
    differences
        .extend(linked.difference(&all).map(|url| format!("{url}: is linked to, and nobody went there")));
    differences.extend(all.difference(&linked).map(|url| format!("{url}: nothing that came links to it")));
    if !crawl.stopped {
        differences.extend(all.difference(&done).map(|url| format!("{url}: was left, and nobody stopped")));
        let missed = site.keys().filter(|url| !done.contains(url.as_str()));
        differences.extend(missed.map(|url| format!("{url}: can be reached, and nobody went there")));
    }
}

/// The queue's counts are those of what it told.
fn counts(crawl: &Crawl, differences: &mut Vec<String>) {
    let came = |page: &&Told| {
        page.attempts.last().is_some_and(|last| matches!(last.ending, Ending::Answer(Answer::Page { .. })))
    };
    let counted = Counts {
        admitted: crawl.told.len() + crawl.left.len(),
        ok: crawl.told.iter().filter(came).count(),
        retries: crawl.told.iter().map(|page| page.attempts.len().saturating_sub(1)).sum(),
        not_started: crawl.left.len(),
        unsettled: 0,
    };
    if counted != crawl.counts {
        differences.push(format!("the queue counts {:?}; told were {counted:?}", crawl.counts));
    }
}

/// No host had more to do than it was promised, and one that asked for a pause had it.
fn politeness(crawl: &Crawl, log: &Log, manners: Manners, differences: &mut Vec<String>) {
    for (host, peak) in log.peaks.iter().filter(|(_, peak)| **peak > manners.at_once) {
        let most = manners.at_once;
        differences.push(format!("{host}: {peak} requests at once; at most {most} were allowed"));
    }
    let mut starts = BTreeMap::<&str, Vec<Time>>::new();
    for page in &crawl.told {
        let host = starts.entry(host(&page.url)).or_default();
        host.extend(page.attempts.iter().map(|attempt| attempt.started));
    }
    for (host, starts) in &mut starts {
        starts.sort();
        if let Some((count, span)) = too_fast(starts, manners) {
            differences.push(format!("{host}: {count} requests began within {span:?}"));
        }
    }
    for pause in &crawl.pauses {
        let within = |start: &&Time| **start > pause.from && **start < pause.until;
        let early = starts.get(pause.host.as_str()).into_iter().flatten().filter(within).count();
        if early > 0 {
            differences.push(format!("{}: requests that began in a pause: {early}", pause.host));
        }
    }
    for page in &crawl.told {
        let requests = log.requests.get(&page.url).into_iter().flatten();
        for (attempt, request) in page.attempts.iter().zip(requests) {
            // What was stopped has not heard of it.
            let Ending::Answer(Answer::TooMany { wait }) = attempt.ending else { continue };
            let Some((_, at)) = request.answered else { continue };
            let is_this = |pause: &&Pause| {
                pause.host == host(&page.url) && pause.from >= at && pause.until >= at + wait
            };
            if !crawl.pauses.iter().any(|pause| is_this(&pause)) {
                differences.push(format!("{}: asked for a pause of {wait:?}, and had none", page.url));
            }
        }
    }
}

/// The first stretch of time in which more began than the rate and its burst allow: how many, and how long it is.
fn too_fast(starts: &[Time], manners: Manners) -> Option<(usize, Duration)> {
    starts.iter().enumerate().find_map(|(last, end)| {
        starts[..last].iter().enumerate().find_map(|(first, start)| {
            let (count, span) = (last - first + 1, end.since(*start));
            let allowed = manners.burst as u128 + span.as_nanos() / manners.every.as_nanos();
            (count as u128 > allowed).then_some((count, span))
        })
    })
}

fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap_or(url)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { length } => write!(f, "{length} bytes"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooMany { wait } => write!(f, "status 429 for {wait:?}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => answer.fmt(f),
            Self::TimedOut => f.write_str("timed out"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
