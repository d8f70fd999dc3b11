//! The crawler: a queue, its handler, and what they owe the hosts.

use crate::check::{Crawl, Manners, Pause};
use crate::client::{self, Failure};
use crate::journal::Journal;
use crate::options::Executor;
use crate::progress;
use crate::url::{Url, links};
use regatta::queue::{Ctx, Options, PushError, Queue, Refusal};
use regatta::strategies::{Gcra, Keyed, Pausable, RetryExt};
use regatta::{Backoff, Class, Clock, ConfigError, Jitter, Retry, Strategy, SystemClock};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// For all hosts together. Each has fewer, so a slow one holds nobody up.
const WORKERS: usize = 8;

/// Pages that wait. For pushes from outside; the handler's are taken beyond it, or it would wait for itself.
const CAPACITY: usize = 16;

/// After the first attempt.
const RETRIES: u32 = 3;

/// For pages that are on their way when the crawl is stopped.
const GRACE: Duration = Duration::from_millis(500);

/// A queue of pages; the handler makes a length of each.
pub(crate) type Pages = Queue<Url, usize, Failure>;

/// What all visits share.
pub(crate) struct Crawler {
    hosts: BTreeMap<String, Host>,
    book: Mutex<Book>,
}

struct Host {
    address: SocketAddr,
    class: Class,
    pause: Pausable,
}

#[derive(Default)]
struct Book {
    /// Pages whose first attempt has begun. Those that wait for theirs are known to the queue, by their keys.
    begun: HashSet<Url>,
    links: Links,
    refused: BTreeSet<String>,
    pauses: Vec<Pause>,
}

/// Where the links that were found led to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Links {
    pub(crate) new: usize,
    /// Of these, pushed although the queue was full.
    pub(crate) grown: usize,
    pub(crate) waiting: usize,
    pub(crate) begun: usize,
    pub(crate) elsewhere: usize,
    pub(crate) refused: usize,
}

impl Crawler {
    pub(crate) fn new(addresses: &BTreeMap<String, SocketAddr>) -> Arc<Self> {
        let hosts = addresses.iter().map(|(name, address)| {
            let host = Host { address: *address, class: Class::of(name), pause: Pausable::new() };
            (name.clone(), host)
        });
        Arc::new(Self { hosts: hosts.collect(), book: Mutex::default() })
    }

    /// Visits `home` and whatever can be reached from there, on `executor`.
    pub(crate) async fn crawl(
        self: &Arc<Self>,
        home: Url,
        manners: Manners,
        executor: Executor,
        stop_after: Option<usize>,
    ) -> Result<Crawl, Box<dyn Error + Send + Sync>> {
        let crawler = self.clone();
        let (queue, mut results, engine) = Queue::<Url>::builder()
            .workers(WORKERS)?
            .capacity(CAPACITY)?
            .class_limit(manners.at_once)?
            .strategy(self.politeness(manners)?)
            .retry(retry())
            .attempt_timeout(manners.patience)
            .grace(GRACE)
            .build(async move |url, ctx| crawler.visit(&url, &ctx).await)?;
        let journal = Arc::new(Journal::default());
        let engine = engine.observer(journal.clone());
        crate::stop_on_ctrl_c(queue.clone())?;

        queue.push_with(home.clone(), self.options(&home)).await?;
        // Nothing more from outside; what the handler pushes is taken. So the run is over with the last page.
        queue.close();
        let run = engine.spawn_on(move |task| executor.spawn(task));
        let read = async {
            let mut told = Vec::new();
            while let Some(done) = results.next().await {
                told.push(done);
                if stop_after == Some(told.len()) {
                    queue.stop();
                }
            }
            told
        };
        let told = smol::future::or(read, progress::show(&queue)).await;
        let finished = run.await;
        let mut book = self.book();
        book.links.grown = finished.stats.grown;
        Ok(journal.report(told, finished, &book.pauses, &book.refused))
    }

    /// For each host a rate, and a pause when it asks for one.
    fn politeness(
        self: &Arc<Self>,
        manners: Manners,
    ) -> Result<impl Strategy<Token: Send> + Send + use<>, ConfigError> {
        let rate = Gcra::new(1, manners.every)?.burst(manners.burst)?;
        let crawler = self.clone();
        Ok(Keyed::with(move |class| {
            let host = crawler.hosts.values().find(|host| Some(host.class) == class);
            (rate.clone(), host.map(|host| host.pause.clone()))
        }))
    }

    fn options(&self, url: &Url) -> Options {
        let options = Options::new().key(url.to_string());
        match self.hosts.get(&url.host) {
            Some(host) => options.class(host.class),
            None => options,
        }
    }

    /// One attempt: the handler. Gives back how long the page is.
    async fn visit(&self, url: &Url, ctx: &Ctx<Url, usize, Failure>) -> Result<usize, Failure> {
        if ctx.attempt() == 1 {
            self.book().begun.insert(url.clone());
        }
        let host = self.hosts.get(&url.host).ok_or(Failure::UnknownHost)?;
        let answer = client::get(host.address, url).await;
        if let Some(wait) = answer.as_ref().err().and_then(Failure::wait) {
            // For all pages of this host, beside the pause of this one that its retry rule makes.
            let until = SystemClock.now() + wait;
            host.pause.pause_until(until);
            let pause = Pause { host: url.host.clone(), from: SystemClock.now(), until };
            self.book().pauses.push(pause);
        }
        let html = answer?;
        for link in links(&html) {
            self.follow(url.join(link), ctx);
        }
        Ok(html.len())
    }

    fn follow(&self, link: Option<Url>, ctx: &Ctx<Url, usize, Failure>) {
        // Locked until the page is pushed: it can't begin in between, and be finished and forgotten by the queue.
        let mut book = self.book();
        match link.filter(|url| self.hosts.contains_key(&url.host)) {
            None => book.links.elsewhere += 1,
            Some(url) if book.begun.contains(&url) => book.links.begun += 1,
            Some(url) => {
                let options = self.options(&url);
                match ctx.push_with(url, options) {
                    Ok(_) => book.links.new += 1,
                    Err(PushError { why: Refusal::Duplicate(_), .. }) => book.links.waiting += 1,
                    Err(other) => {
                        book.links.refused += 1;
                        book.refused.insert(other.into_job().to_string());
                    }
                }
            }
        }
    }

    pub(crate) fn links(&self) -> Links {
        self.book().links
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics over the book")
    }
}

/// Again after what may pass, with a growing pause; as late as the server says, if it does.
fn retry() -> impl Retry<Failure> + Clone + Send + 'static {
    Backoff::exponential(Duration::from_millis(20))
        .times(RETRIES)
        .jitter(Jitter::Equal)
        .when(Failure::may_pass)
        .hint(Failure::wait)
}
