//! The servers, one per host: plain threads and blocking sockets, so that they share nothing with what they are to
//! witness.

use crate::check::{Answer, Log};
use crate::desk::{Desk, Visit};
use crate::site::{HOSTS, Manner, Site};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

pub(crate) struct Servers {
    addresses: BTreeMap<String, SocketAddr>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    site: Site,
    desk: Desk,
    closing: AtomicBool,
}

impl Servers {
    /// A server at a free port for each host of the site, with one log.
    pub(crate) fn start(site: Site) -> io::Result<Self> {
        let shared = Arc::new(Shared { site, desk: Desk::default(), closing: AtomicBool::new(false) });
        let mut servers = Self { addresses: BTreeMap::new(), shared, threads: Vec::new() };
        for host in HOSTS {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            servers.addresses.insert(host.to_owned(), listener.local_addr()?);
            let shared = servers.shared.clone();
            servers.threads.push(thread::spawn(move || accept(host, &listener, &shared)));
        }
        Ok(servers)
    }

    /// Where each host is.
    pub(crate) fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// Ends the servers, which have no more clients, and hands out their log.
    pub(crate) fn stop(self) -> io::Result<Log> {
        self.shared.closing.store(true, Ordering::SeqCst);
        for address in self.addresses.values() {
            // It waits for a connection. This one is the last.
            TcpStream::connect(address)?;
        }
        for thread in self.threads {
            thread.join().map_err(|_| io::Error::other("a server panicked"))?;
        }
        Ok(self.shared.desk.close())
    }
}

/// A thread per connection, so that nothing but the client limits how many there are.
fn accept(host: &'static str, listener: &TcpListener, shared: &Shared) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            if shared.closing.load(Ordering::SeqCst) {
                return;
            }
            // What can't be accepted, or fails on its way, is for the client to report: the log has no answer then.
            scope.spawn(move || stream.and_then(|stream| serve(host, &Arc::new(stream), shared)));
        }
    });
}

fn serve(host: &'static str, stream: &Arc<TcpStream>, shared: &Shared) -> io::Result<()> {
    let Some(path) = read_request(stream)? else { return Ok(()) };
    // From here to the answer the desk looks from time to time whether the client is still there.
    stream.set_nonblocking(true)?;
    let visit = shared.desk.arrived(host, path, stream);
    let page = shared.site.find(host, &visit.path);
    match page.map(Site::manner) {
        // The desk keeps the connection until the client gives up.
        Some(Manner::HangsAtFirst) if visit.earlier == 0 => return Ok(()),
        Some(Manner::Slow(delay)) => thread::sleep(delay),
        _ => {}
    }
    if !shared.desk.turns_to(&visit) {
        return Ok(());
    }
    let answered = stream.set_nonblocking(false).and_then(|()| answer(stream, shared.site, page, &visit));
    // Written down before the connection is closed, so before the client can know that this is all.
    shared.desk.answered(&visit, answered.ok());
    Ok(())
}

/// The path that is asked for, or nothing if the client has left before it asked.
fn read_request(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(stream).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    for line in lines {
        if line?.is_empty() {
            return Ok(first.split(' ').nth(1).map(str::to_owned));
        }
    }
    Ok(None)
}

fn answer(stream: &TcpStream, site: Site, page: Option<usize>, visit: &Visit) -> io::Result<Answer> {
    let Some(page) = page else { return error(stream, 404) };
    match Site::manner(page) {
        Manner::Missing => error(stream, 404),
        Manner::FailsAlways => error(stream, 500),
        Manner::FailsAtFirst(times) if visit.earlier < times => error(stream, 500),
        Manner::TooManyAtFirst(wait) if visit.earlier == 0 => {
            send(stream, 429, &format!("Retry-After: {}\r\n", wait.as_secs()), "")?;
            Ok(Answer::TooMany { wait })
        }
        _ => {
            let html = site.html(page);
            send(stream, 200, "Content-Type: text/html\r\n", &html)?;
            Ok(Answer::Page { length: html.len() })
        }
    }
}

fn error(stream: &TcpStream, status: u16) -> io::Result<Answer> {
    send(stream, status, "", "no page today\n")?;
    Ok(Answer::Status(status))
}

fn send(mut stream: &TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
