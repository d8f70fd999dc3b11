//! The servers' desk: who is there, who has left, and the log.

use crate::check::{Answer, Log, Request};
use regatta::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(crate) struct Desk(Mutex<Book>);

#[derive(Default)]
struct Book {
    log: Log,
    /// Requests without an answer so far, with connections that never block: they can be asked whether they are alive.
    waiting: BTreeMap<Visit, Arc<TcpStream>>,
    /// Requests that are being answered, by host.
    answering: BTreeMap<&'static str, usize>,
}

/// One request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Visit {
    host: &'static str,
    pub(crate) path: String,
    url: String,
    /// How many there were before it for the same page.
    pub(crate) earlier: usize,
}

/// The news that a client has left may take a moment.
const PATIENCE: Duration = Duration::from_secs(1);

impl Desk {
    /// A request has arrived, on a connection that must not block.
    pub(crate) fn arrived(&self, host: &'static str, path: String, stream: &Arc<TcpStream>) -> Visit {
        let mut book = self.book();
        let url = format!("http://{host}{path}");
        let requests = book.log.requests.entry(url.clone()).or_default();
        let visit = Visit { host, path, url, earlier: requests.len() };
        requests.push(Request { at: SystemClock.now(), answered: None });
        book.waiting.insert(visit.clone(), stream.clone());
        // Asking every connection costs a system call each, so only where it matters.
        if book.at_once(host) > book.log.peaks.get(host).copied().unwrap_or(0) {
            book.waiting.retain(|_, stream| !has_left(stream));
            let at_once = book.at_once(host);
            let peak = book.log.peaks.entry(host.to_owned()).or_default();
            *peak = at_once.max(*peak);
        }
        visit
    }

    /// Whether the client still waits; then its answer begins.
    pub(crate) fn turns_to(&self, visit: &Visit) -> bool {
        let mut book = self.book();
        let waits = book.waiting.remove(visit).is_some_and(|stream| !has_left(&stream));
        *book.answering.entry(visit.host).or_default() += usize::from(waits);
        waits
    }

    /// The answer is complete, or could not be sent.
    pub(crate) fn answered(&self, visit: &Visit, answer: Option<Answer>) {
        let mut book = self.book();
        *book.answering.get_mut(visit.host).expect("it was counted when its answer began") -= 1;
        let requests = book.log.requests.get_mut(&visit.url).expect("it was noted when it arrived");
        requests[visit.earlier].answered = answer.map(|answer| (answer, SystemClock.now()));
    }

    /// Waits until the last client has left, but not for ever, and hands out the log.
    pub(crate) fn close(&self) -> Log {
        let deadline = Instant::now() + PATIENCE;
        let mut book = self.book();
        book.waiting.retain(|_, stream| !has_left(stream));
        while !book.waiting.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
            book.waiting.retain(|_, stream| !has_left(stream));
        }
        book.log.left_open = book.waiting.len() + book.answering.values().sum::<usize>();
        std::mem::take(&mut book.log)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nobody panics at the desk")
    }
}

impl Book {
    fn at_once(&self, host: &str) -> usize {
        let waiting = self.waiting.keys().filter(|visit| visit.host == host).count();
        waiting + self.answering.get(host).copied().unwrap_or(0)
    }
}

fn has_left(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
