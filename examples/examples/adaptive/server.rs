//! The server: everybody may come in, but eight at a time are served, 8 ms each. A byte asks, a byte answers.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

const AT_ONCE: usize = 8;
const SERVICE: Duration = Duration::from_millis(8);

struct Desks {
    free: Mutex<usize>,
    one_is_free: Condvar,
}

/// Starts it at a free port. It ends with the process.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let desks = Arc::new(Desks { free: Mutex::new(AT_ONCE), one_is_free: Condvar::new() });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let desks = desks.clone();
            // A client that breaks off has its reason, and hears of it on its own side.
            thread::spawn(move || stream.and_then(|stream| serve(stream, &desks)));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, desks: &Desks) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        stream.read_exact(&mut [0])?;
        desks.take();
        thread::sleep(SERVICE);
        desks.give_back();
        stream.write_all(b"!")?;
    }
}

impl Desks {
    fn take(&self) {
        let free = self.free.lock().expect("nobody panics here");
        let mut free = self.one_is_free.wait_while(free, |free| *free == 0).expect("nobody panics here");
        *free -= 1;
    }

    fn give_back(&self) {
        *self.free.lock().expect("nobody panics here") += 1;
        self.one_is_free.notify_one();
    }
}
