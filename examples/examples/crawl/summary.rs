//! What is printed at the end.

use crate::check::{Answer, Crawl, Ending, Log, Told};
use crate::crawler::Links;
use crate::site::HOSTS;
use regatta::Table;

/// So many of the pages that are left are listed.
const LISTED: usize = 20;

/// A line per host, and one for all.
pub(crate) fn table(crawl: &Crawl, log: &Log) -> Table {
    let mut table =
        Table::new(["host", "came", "didn't", "stopped", "left", "requests", "retries", "pauses", "at once"]);
    for column in 1..9 {
        table.align_right(column);
    }
    for name in HOSTS.into_iter().chain([""]) {
        let is_here = |url: &str| url.starts_with(&format!("http://{name}"));
        let told = || crawl.told.iter().filter(|page| is_here(&page.url));
        let ended = |how: fn(&Ending) -> bool| {
            told().filter(|page| page.attempts.last().is_some_and(|last| how(&last.ending))).count()
        };
        let came = ended(|ending| matches!(ending, Ending::Answer(Answer::Page { .. })));
        let stopped = ended(|ending| *ending == Ending::Cancelled);
        let requests =
            log.requests.iter().filter(|(url, _)| is_here(url)).map(|(_, requests)| requests.len());
        let pauses = crawl.pauses.iter().filter(|pause| name.is_empty() || pause.host == name).count();
        let peaks = log.peaks.iter().filter(|(host, _)| name.is_empty() || *host == name);
        let numbers = [
            came,
            told().count() - came - stopped,
            stopped,
            crawl.left.iter().filter(|url| is_here(url)).count(),
            requests.sum(),
            told().map(retries).sum(),
            pauses,
            peaks.map(|(_, peak)| *peak).max().unwrap_or(0),
        ];
        let name = if name.is_empty() { "all" } else { name };
        table.row([name.to_owned()].into_iter().chain(numbers.map(|number| number.to_string())));
    }
    table
}

fn retries(page: &Told) -> usize {
    page.attempts.len().saturating_sub(1)
}

/// What became of the links that were found.
pub(crate) fn links(links: Links) -> String {
    let Links { new, grown, waiting, begun, elsewhere, refused } = links;
    let found = new + waiting + begun + elsewhere + refused;
    format!(
        "links found: {found} = {new} new ({grown} beyond the capacity) + {waiting} to pages in the queue + {begun} to pages that had begun + \
         {elsewhere} elsewhere + {refused} after the stop"
    )
}

/// What was left to do.
pub(crate) fn left(crawl: &Crawl) -> String {
    let mut text = format!("left: {} pages\n", crawl.left.len());
    for url in crawl.left.iter().take(LISTED) {
        text += &format!("  {url}\n");
    }
    if crawl.left.len() > LISTED {
        text += &format!("  and {} more\n", crawl.left.len() - LISTED);
    }
    text
}

/// The last line.
pub(crate) fn verdict(differences: usize, stopped: bool) -> String {
    let agreement = match differences {
        0 => "each page was visited once, with a request per attempt, and no host had more to do than it was promised"
            .to_owned(),
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    };
    if stopped { format!("stopped; as far as it came: {agreement}") } else { agreement }
}
