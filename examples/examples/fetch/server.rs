//! The server: plain threads and blocking sockets, so that it shares nothing with what it is to witness.

use crate::check::{Answer, Log};
use crate::desk::Desk;
use crate::pages::{self, Manner};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    desk: Desk,
    closing: AtomicBool,
}

impl Server {
    /// A server at a free port, with an empty log.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, thread })
    }

    /// What the address of each page begins with.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server, which has no more clients, and hands out its log.
    pub(crate) fn stop(self) -> io::Result<Log> {
        self.shared.closing.store(true, Ordering::SeqCst);
        // It waits for a connection. This one is the last.
        TcpStream::connect(self.address)?;
        self.thread.join().map_err(|_| io::Error::other("the server panicked"))?;
        Ok(self.shared.desk.close())
    }
}

/// A thread per connection, so that nothing but the client limits how many there are.
fn accept(listener: &TcpListener, shared: &Shared) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            if shared.closing.load(Ordering::SeqCst) {
                return;
            }
            // What can't be accepted, or fails on its way, is for the client to report: the log has no answer then.
            scope.spawn(move || stream.and_then(|stream| serve(Arc::new(stream), &shared.desk)));
        }
    });
}

fn serve(stream: Arc<TcpStream>, desk: &Desk) -> io::Result<()> {
    let Some(path) = read_request(&stream)? else { return Ok(()) };
    // From here to the answer the desk looks from time to time whether the client is still there.
    stream.set_nonblocking(true)?;
    let visit = desk.arrived(path, &stream);
    let manner = pages::number(&visit.path).map(|page| (page, pages::manner(page)));
    match manner {
        // The desk keeps the connection until the client gives up.
        Some((_, Manner::Hangs)) => return Ok(()),
        Some((_, Manner::Slow(delay))) => thread::sleep(delay),
        _ => {}
    }
    if !desk.turns_to(&visit) {
        return Ok(());
    }
    let answered = stream.set_nonblocking(false).and_then(|()| answer(&stream, manner, visit.earlier));
    // Written down before the connection is closed, so before the client can know that this is all.
    desk.answered(&visit, answered.ok());
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

fn answer(stream: &TcpStream, manner: Option<(usize, Manner)>, earlier: usize) -> io::Result<Answer> {
    let Some((page, manner)) = manner else { return error(stream, 404) };
    let body = pages::body(page);
    let (said, sent) = match manner {
        Manner::Missing => return error(stream, 404),
        Manner::Error => return error(stream, 500),
        Manner::BusyAtFirst if earlier == 0 => return error(stream, 503),
        Manner::CutOff => (body.len(), body.len() / 2),
        Manner::TooMuch => (body.len() / 2, body.len()),
        Manner::AtOnce | Manner::Slow(_) | Manner::BusyAtFirst | Manner::Hangs => (body.len(), body.len()),
    };
    send(stream, 200, said, &body[..sent])?;
    Ok(match manner {
        Manner::CutOff => Answer::CutOff { said, sent },
        Manner::TooMuch => Answer::TooMuch { said, sent },
        _ => Answer::Page { length: sent, digest: Sha256::digest(&body).into() },
    })
}

fn error(stream: &TcpStream, status: u16) -> io::Result<Answer> {
    let body = b"no page today\n";
    send(stream, status, body.len(), body)?;
    Ok(Answer::Status(status))
}

fn send(mut stream: &TcpStream, status: u16, said: usize, body: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {said}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
