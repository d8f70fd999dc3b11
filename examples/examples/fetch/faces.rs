//! The same work through three faces.

use crate::check::{Answer, Ending, Outcome};
use crate::client::{self, Failure, Page};
use crate::pages::{self, Manner};
use regatta::strategies::RetryExt;
use regatta::{AddError, Backoff, CancelToken, Jitter, Retry, Runner, TaskError, map, scope};
use std::error::Error;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy)]
pub(crate) enum Face {
    Map,
    Runner,
    Scope,
}

/// What a face says of all pages.
pub(crate) struct Fetched {
    pub(crate) outcomes: Vec<Outcome>,
    /// The page that was cancelled by its key.
    pub(crate) cancelled: Option<String>,
}

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// For each page, over all its attempts. No slow page needs as long, unless the machine has much else to do.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// After the first attempt.
const RETRIES: u32 = 2;

/// So many pages behind one that hangs must have come before the scope gives it up.
const BEHIND: usize = 10;

impl Face {
    pub(crate) const ALL: [Self; 3] = [Self::Map, Self::Runner, Self::Scope];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Runner => "Runner",
            Self::Scope => "scope",
        }
    }

    /// Fetches the pages below `base`.
    pub(crate) async fn fetch(
        self,
        base: &str,
        pages: &[String],
        limit: usize,
        cancel: &CancelToken,
    ) -> Fallible<Fetched> {
        let urls: Vec<String> = pages.iter().map(|page| format!("{base}{page}")).collect();
        let mut fetched = match self {
            Self::Map => with_map(&urls, limit, cancel).await?,
            Self::Runner => with_runner(&urls, limit, cancel).await?,
            Self::Scope => with_scope(&urls, limit, cancel).await?,
        };
        // The port is another one in each run.
        let path = |url: &str| url.strip_prefix(base).unwrap_or(url).to_owned();
        for outcome in &mut fetched.outcomes {
            outcome.page = path(&outcome.page);
        }
        fetched.cancelled = fetched.cancelled.as_deref().map(path);
        Ok(fetched)
    }
}

/// A result per item, in the items' order.
async fn with_map(urls: &[String], limit: usize, cancel: &CancelToken) -> Fallible<Fetched> {
    let results = map(urls, limit, async |url: &String| client::get(url).await)?
        .task_timeout(TIMEOUT)
        .cancel_on(cancel)
        .await;
    // A result without an item would be a page that nobody wanted.
    let url = |index: usize| urls.get(index).cloned().unwrap_or_else(|| format!("item {index}"));
    let outcomes = results.iter().enumerate().map(|(index, result)| outcome(url(index), result)).collect();
    Ok(Fetched { outcomes, cancelled: None })
}

/// Keyed tasks, retries, and a report of every attempt.
async fn with_runner(urls: &[String], limit: usize, cancel: &CancelToken) -> Fallible<Fetched> {
    let mut runner = Runner::new().limit(limit)?.task_timeout(TIMEOUT).cancel_on(cancel);
    for url in urls {
        runner.add_retry(url, retry(), move || client::get(url))?;
    }
    let report = runner.run().await;
    let outcomes = report.tasks().iter().map(|task| {
        let mut attempts: Vec<_> = task.retried().iter().map(|attempt| ending(attempt.error())).collect();
        let mut outcome = outcome(task.key().to_string(), task.result());
        attempts.append(&mut outcome.attempts);
        Outcome { attempts, ..outcome }
    });
    Ok(Fetched { outcomes: outcomes.collect(), cancelled: None })
}

/// Tasks that a body spawns, and results that it reads while others run.
///
/// The first page that hangs is cancelled by its key, once enough of those behind it have come.
async fn with_scope(urls: &[String], limit: usize, cancel: &CancelToken) -> Fallible<Fetched> {
    let hanging = (0..urls.len()).find(|page| matches!(pages::manner(*page), Manner::Hangs));
    scope(limit, async |s| {
        let mut fetched = Fetched { outcomes: Vec::new(), cancelled: None };
        for (page, url) in urls.iter().enumerate() {
            match s.spawn(page, client::get(url)) {
                Ok(()) => {}
                // Ctrl-C came first.
                Err(AddError::Closed) => fetched.outcomes.push(never_started(url)),
                Err(error) => return Err(error.into()),
            }
        }
        let mut behind = 0;
        while let Some((page, result)) = s.next().await {
            fetched.outcomes.push(outcome(urls[page].clone(), &result));
            let Some(hanging) = hanging else { continue };
            behind += usize::from(page > hanging);
            if page > hanging && behind == BEHIND && s.cancel(&hanging) {
                fetched.cancelled = Some(urls[hanging].clone());
            }
        }
        Ok(fetched)
    })?
    .task_timeout(TIMEOUT)
    .cancel_on(cancel)
    .await
}

/// Again after what may pass, with a growing pause; a missing page stays missing.
fn retry() -> impl Retry<Failure> {
    Backoff::exponential(Duration::from_millis(10))
        .times(RETRIES)
        .jitter(Jitter::Equal)
        .when(Failure::may_pass)
}

fn outcome(page: String, result: &Result<Page, TaskError<Failure>>) -> Outcome {
    let ending = match result {
        Ok(page) => Ending::Answer(Answer::Page { length: page.length, digest: page.digest }),
        Err(error) => ending(error),
    };
    Outcome { page, attempts: vec![ending] }
}

fn never_started(url: &str) -> Outcome {
    Outcome { page: url.to_owned(), attempts: vec![Ending::NotStarted] }
}

fn ending(error: &TaskError<Failure>) -> Ending {
    match error {
        TaskError::Failed(Failure::Status(status)) => Ending::Answer(Answer::Status(*status)),
        TaskError::Failed(Failure::CutOff { said, sent }) => {
            Ending::Answer(Answer::CutOff { said: *said, sent: *sent })
        }
        TaskError::Failed(Failure::TooMuch { said, sent }) => {
            Ending::Answer(Answer::TooMuch { said: *said, sent: *sent })
        }
        TaskError::TimedOut { .. } => Ending::TimedOut,
        TaskError::Cancelled => Ending::Cancelled,
        TaskError::NotStarted(_) => Ending::NotStarted,
        other => Ending::Other(other.to_string()),
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
