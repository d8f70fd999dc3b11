//! The server's desk: who is there, who has left, and the log.

use crate::check::{Answer, Log};
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
    /// Requests that are being answered.
    answering: usize,
}

/// One request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Visit {
    pub(crate) path: String,
    /// How many there were before it for the same page.
    pub(crate) earlier: usize,
}

/// The news that a client has left may take a moment.
const PATIENCE: Duration = Duration::from_secs(1);

impl Desk {
    /// A request has arrived, on a connection that must not block.
    pub(crate) fn arrived(&self, path: String, stream: &Arc<TcpStream>) -> Visit {
        let mut book = self.book();
        let requests = book.log.requests.entry(path.clone()).or_default();
        let visit = Visit { path, earlier: requests.len() };
        requests.push(None);
        book.waiting.insert(visit.clone(), stream.clone());
        // Asking every connection costs a system call each, so only where it matters.
        if book.at_once() > book.log.peak {
            book.waiting.retain(|_, stream| !has_left(stream));
            book.log.peak = book.log.peak.max(book.at_once());
        }
        visit
    }

    /// Whether the client still waits; then its answer begins.
    pub(crate) fn turns_to(&self, visit: &Visit) -> bool {
        let mut book = self.book();
        let waits = book.waiting.remove(visit).is_some_and(|stream| !has_left(&stream));
        book.answering += usize::from(waits);
        waits
    }

    /// The answer is complete, or could not be sent.
    pub(crate) fn answered(&self, visit: &Visit, answer: Option<Answer>) {
        let mut book = self.book();
        book.answering -= 1;
        book.log.requests.get_mut(&visit.path).expect("it was noted when it arrived")[visit.earlier] = answer;
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
        book.log.left_open = book.at_once();
        std::mem::take(&mut book.log)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nobody panics at the desk")
    }
}

impl Book {
    fn at_once(&self) -> usize {
        self.waiting.len() + self.answering
    }
}

fn has_left(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
