//! The client: a request through the balancer, and again if its server was lost.

use crate::fleet::{Backend, Fleet};
use regatta::{Outcome, Rejection};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::TcpStream;
use std::io;
use std::net::SocketAddr;
use thiserror::Error;

/// How a request got its answer.
pub(crate) struct Served {
    /// Who signed it.
    pub(crate) by: String,
    /// Where attempts were lost before.
    pub(crate) lost_at: Vec<&'static str>,
}

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Refused(#[from] Rejection),
    #[error("lost {ATTEMPTS} times, the last time because of this: {0}")]
    Lost(io::Error),
}

/// So often a request is sent at most.
const ATTEMPTS: usize = 5;

/// Sends request `number` to whom the balancer says, until there is an answer.
pub(crate) async fn ask(fleet: &Fleet, number: usize) -> Result<Served, Failure> {
    let mut lost_at = Vec::new();
    loop {
        let pick = fleet.balancer.acquire().await?;
        let Backend { name, address } = *pick.endpoint();
        fleet.about_to_send(name);
        match exchange(address, number).await {
            Ok(by) => {
                pick.complete(Outcome::Success);
                return Ok(Served { by, lost_at });
            }
            Err(error) => {
                fleet.has_lost(name);
                // The breaker hears of it, and opens. The permit holds nothing while the request waits for another one.
                pick.complete(Outcome::Failure);
                lost_at.push(name);
                if lost_at.len() == ATTEMPTS {
                    return Err(Failure::Lost(error));
                }
            }
        }
    }
}

/// Whether somebody answers there.
pub(crate) async fn ping(address: SocketAddr) -> bool {
    talk(address, "ping").await.is_ok_and(|answer| answer == "pong\n")
}

/// The name that the answer is signed with.
async fn exchange(address: SocketAddr, number: usize) -> io::Result<String> {
    let answer = talk(address, &number.to_string()).await?;
    let words: Vec<&str> = answer.strip_suffix('\n').unwrap_or_default().split(' ').collect();
    match words[..] {
        [asked, name] if asked == number.to_string() => Ok(name.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was cut")),
    }
}

async fn talk(address: SocketAddr, line: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(answer)
}
