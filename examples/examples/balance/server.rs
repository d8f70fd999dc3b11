//! A server: plain threads and blocking sockets, a line in, a line out. It can be killed, and come back.

use crate::counts::Log;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long it works on a request, so that some are always under way.
const WORK: Duration = Duration::from_millis(1);

/// For how long the port may still be taken by somebody who happened to get it.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Server {
    address: SocketAddr,
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

struct Desk {
    name: &'static str,
    state: Mutex<State>,
    /// The health, or a connection was closed.
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Well,
    /// It takes requests, and answers none.
    Hangs,
    Dead,
}

#[derive(Default)]
struct State {
    log: Log,
    health: Health,
    next: u64,
    open: HashMap<u64, Arc<TcpStream>>,
}

impl Server {
    /// A server at a free port.
    pub(crate) fn start(name: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let desk = Arc::new(Desk { name, state: Mutex::default(), changed: Condvar::new() });
        Ok(Self { address: listener.local_addr()?, thread: Some(desk.open(listener)), desk })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it saw so far.
    pub(crate) fn log(&self) -> Log {
        self.desk.state().log
    }

    /// From now on it answers nothing, as servers do before they die.
    pub(crate) fn hang(&self) {
        self.desk.state().health = Health::Hangs;
    }

    /// From one moment to the next there are no more answers, and every connection is cut. When this returns, nobody
    /// listens. Returns what it had seen at that moment.
    pub(crate) fn kill(&mut self) -> io::Result<Log> {
        let Some(thread) = self.thread.take() else { return Ok(self.log()) };
        let log = {
            let mut state = self.desk.state();
            state.health = Health::Dead;
            for stream in state.open.values() {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
            state.log
        };
        self.desk.changed.notify_all();
        // The listener may wait for a connection. This one is its last, unless a client's was, and nobody listens now.
        let _ = TcpStream::connect(self.address);
        thread.join().map_err(|_| io::Error::other("the server panicked"))?;
        // Some threads may have a request in hand still. None of them shall note it when the server is back.
        let busy = |state: &mut State| !state.open.is_empty();
        drop(self.desk.changed.wait_while(self.desk.state(), busy));
        Ok(log)
    }

    /// Back at the same port.
    pub(crate) fn come_back(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        };
        self.desk.state().health = Health::Well;
        self.thread = Some(self.desk.open(listener));
        Ok(())
    }
}

impl Desk {
    /// A thread per connection, so that nothing but the client limits how many there are.
    fn open(self: &Arc<Self>, listener: TcpListener) -> JoinHandle<()> {
        let desk = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some((number, stream)) = desk.welcome(stream) else { return };
                let desk = desk.clone();
                thread::spawn(move || {
                    // What fails on its way is for the client to report: the log has no answer then.
                    let _ = desk.serve(&stream);
                    desk.state().open.remove(&number);
                    desk.changed.notify_all();
                });
            }
        })
    }

    /// Nobody, once it is dead.
    fn welcome(&self, stream: TcpStream) -> Option<(u64, Arc<TcpStream>)> {
        let mut state = self.state();
        if state.health == Health::Dead {
            return None;
        }
        let (number, stream) = (state.next, Arc::new(stream));
        state.next += 1;
        state.open.insert(number, stream.clone());
        Some((number, stream))
    }

    fn serve(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        if line == "ping\n" {
            return stream.write_all(b"pong\n");
        }
        let Some(number) = line.strip_suffix('\n') else { return Ok(()) };
        self.state().log.requests += 1;
        thread::sleep(WORK);
        // Under the lock, so that an answer is either out and noted before the kill, or not sent at all.
        let state = self.state();
        let hangs = |state: &mut State| state.health == Health::Hangs;
        let mut state = self.changed.wait_while(state, hangs).expect("nobody panics at the desk");
        if state.health == Health::Well {
            stream.write_all(format!("{number} {}\n", self.name).as_bytes())?;
            state.log.answers += 1;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics at the desk")
    }
}
