//! Temporary: a simple loop.

use crate::check::{Answer, Attempt, Counts, Crawl, Ending, Told};
use crate::client::{self, Failure};
use crate::url::{Url, links};
use regatta::{Clock, SystemClock, Time};
use smol::future::FutureExt;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) async fn crawl(
    home: Url,
    addresses: &BTreeMap<String, SocketAddr>,
    stop_after: Option<usize>,
) -> Crawl {
    let mut next = VecDeque::from([home.clone()]);
    let mut seen = HashSet::from([home]);
    let mut told = Vec::new();
    let (mut ok, mut retries) = (0, 0);
    let mut until = BTreeMap::<String, Time>::new();
    let mut last = BTreeMap::<String, Time>::new();
    while let Some(url) = next.pop_front() {
        let mut attempts = Vec::new();
        for attempt in 1..=4 {
            let due = (*last.get(&url.host).unwrap_or(&Time::ZERO) + Duration::from_millis(10))
                .max(*until.get(&url.host).unwrap_or(&Time::ZERO));
            SystemClock.sleep_until(due).await;
            let started = SystemClock.now();
            last.insert(url.host.clone(), started);
            let result = async { Some(client::get(addresses[&url.host], &url).await) }
                .or(async {
                    SystemClock.sleep_until(started + Duration::from_secs(1)).await;
                    None
                })
                .await;
            if let Some(Err(Failure::TooMany { wait })) = &result {
                until.insert(url.host.clone(), SystemClock.now() + *wait);
            }
            let ended = SystemClock.now();
            let ending = match &result {
                Some(Ok(text)) => Ending::Answer(Answer::Page { length: text.len() }),
                Some(Err(Failure::Status(status))) => Ending::Answer(Answer::Status(*status)),
                Some(Err(Failure::TooMany { wait })) => Ending::Answer(Answer::TooMany { wait: *wait }),
                Some(Err(other)) => Ending::Other(other.to_string()),
                None => Ending::TimedOut,
            };
            attempts.push(Attempt { started, ended, ending });
            match result {
                Some(Ok(text)) => {
                    ok += 1;
                    for link in links(&text).filter_map(|link| url.join(link)) {
                        if addresses.contains_key(&link.host) && seen.insert(link.clone()) {
                            next.push_back(link);
                        }
                    }
                    break;
                }
                Some(Err(failure)) if !failure.may_pass() => break,
                _ if attempt < 4 => retries += 1,
                _ => {}
            }
        }
        told.push(Told { url: url.to_string(), attempts });
        if stop_after == Some(told.len()) {
            break;
        }
    }
    let left: Vec<String> = next.iter().map(Url::to_string).collect();
    let counts = Counts { admitted: told.len() + left.len(), ok, retries, not_started: left.len() };
    Crawl { told, left, refused: BTreeSet::new(), counts, stopped: stop_after.is_some() }
}
