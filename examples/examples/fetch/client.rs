//! A client for one thing: `GET` over HTTP/1.1, a connection per page.
//!
//! It has no timeout, no retry and no cancel. It is a future: who has waited long enough drops it.

use sha2::{Digest, Sha256};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use std::io;
use thiserror::Error;

/// What a page was, as far as this program cares.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) length: usize,
    pub(crate) digest: [u8; 32],
}

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("cut off: {sent} bytes came of {said}")]
    CutOff { said: usize, sent: usize },
    #[error("{sent} bytes came instead of {said}")]
    TooMuch { said: usize, sent: usize },
    #[error("the answer is not HTTP")]
    NotHttp,
    #[error("not an address that starts with http://, a host and a slash")]
    Url,
}

impl Failure {
    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) | Self::CutOff { .. } => true,
            Self::Status(status) => *status >= 500,
            Self::TooMuch { .. } | Self::NotHttp | Self::Url => false,
        }
    }
}

/// Longer answers are not read to their end.
const LONGEST: u64 = 1 << 24;

/// Fetches one page.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(crate) async fn get(url: &str) -> Result<Page, Failure> {
    let (host, path) = split(url).ok_or(Failure::Url)?;
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    let (status, said, body) = parse(&answer).ok_or(Failure::NotHttp)?;
    match (status, body.len()) {
        (200, sent) if sent < said => Err(Failure::CutOff { said, sent }),
        (200, sent) if sent > said => Err(Failure::TooMuch { said, sent }),
        (200, length) => Ok(Page { length, digest: Sha256::digest(body).into() }),
        (status, _) => Err(Failure::Status(status)),
    }
}

/// Host and path.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(rest.split_at(rest.find('/')?))
}

/// Status, content length and body.
fn parse(answer: &[u8]) -> Option<(u16, usize, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut head = str::from_utf8(&answer[..end]).ok()?.split("\r\n");
    let status = head.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let mut headers = head.filter_map(|line| line.split_once(':'));
    let (_, length) = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    Some((status, length.trim().parse().ok()?, &answer[end + 4..]))
}
