//! The client: a request through the balancer, and what may be sent again.

use crate::counts::SERVERS;
use crate::fleet::{Backend, Fleet};
use regatta::strategies::RetryExt;
use regatta::{Backoff, Outcome, Rejection, Retry};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::TcpStream;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// There was no connection, so nobody has seen the request.
    #[error("{at} can't be reached: {error}")]
    NotSent { at: &'static str, error: io::Error },
    /// There was a connection and no answer: whether the server did what it should, nobody knows.
    #[error("lost at {at}: {error}")]
    Lost { at: &'static str, error: io::Error },
}

impl Failure {
    pub(crate) fn was_not_sent(&self) -> bool {
        matches!(self, Self::NotSent { .. })
    }
}

/// Only what nobody has seen is sent again, at once: the balancer finds another server for it.
pub(crate) fn retry() -> impl Retry<Failure> + Clone {
    Backoff::constant(Duration::ZERO).times(SERVERS.len() as u32).when(Failure::was_not_sent)
}

/// Sends request `number` to whom the balancer says, and returns who signed the answer.
pub(crate) async fn ask(fleet: &Fleet, number: usize) -> Result<String, Failure> {
    let pick = fleet.balancer.acquire().await?;
    let Backend { name: at, address } = *pick.endpoint();
    fleet.about_to_connect(at);
    let answer = match connect(address).await {
        Ok(stream) => exchange(stream, number).await.map_err(|error| Failure::Lost { at, error }),
        Err(error) => Err(Failure::NotSent { at, error }),
    };
    // The breaker hears of both ways to fail.
    pick.complete(if answer.is_ok() { Outcome::Success } else { Outcome::Failure });
    answer
}

/// Whether somebody answers there.
pub(crate) async fn ping(address: SocketAddr) -> bool {
    let pong = async { talk(connect(address).await?, "ping").await };
    pong.await.is_ok_and(|answer| answer == "pong\n")
}

/// The name that the answer is signed with.
async fn exchange(stream: TcpStream, number: usize) -> io::Result<String> {
    let answer = talk(stream, &number.to_string()).await?;
    let words: Vec<&str> = answer.strip_suffix('\n').unwrap_or_default().split(' ').collect();
    match words[..] {
        [asked, name] if asked == number.to_string() => Ok(name.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was cut")),
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // TCP may connect a socket with itself, at a port where nobody listens.
    if stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

async fn talk(mut stream: TcpStream, line: &str) -> io::Result<String> {
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(answer)
}
