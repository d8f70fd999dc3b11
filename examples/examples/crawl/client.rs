//! A client for one thing: `GET` over HTTP/1.1, a connection per page.
//!
//! It knows nothing of timeouts, retries and limits. It is a future: who has waited long enough drops it.

use crate::url::Url;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("status 429, too many requests; again after {wait:?}")]
    TooMany { wait: Duration },
    #[error("cut off: {sent} bytes came of {said}")]
    CutOff { said: usize, sent: usize },
    #[error("the answer is not HTTP with a text")]
    NotHttp,
    #[error("no host of that name")]
    UnknownHost,
}

impl Failure {
    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) | Self::CutOff { .. } | Self::TooMany { .. } => true,
            Self::Status(status) => *status >= 500,
            Self::NotHttp | Self::UnknownHost => false,
        }
    }

    /// How long the server wants to be left alone.
    pub(crate) fn wait(&self) -> Option<Duration> {
        if let Self::TooMany { wait } = self { Some(*wait) } else { None }
    }
}

/// Longer answers are not read to their end.
const LONGEST: u64 = 1 << 24;

/// Fetches the text of one page from the host at `address`.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(crate) async fn get(address: SocketAddr, url: &Url) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", url.path, url.host);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    let answer = parse(&answer).ok_or(Failure::NotHttp)?;
    match answer.status {
        200 if answer.body.len() < answer.length => {
            Err(Failure::CutOff { said: answer.length, sent: answer.body.len() })
        }
        200 => Ok(answer.body.to_owned()),
        429 => Err(Failure::TooMany { wait: answer.retry_after }),
        status => Err(Failure::Status(status)),
    }
}

struct Answer<'a> {
    status: u16,
    length: usize,
    retry_after: Duration,
    body: &'a str,
}

fn parse(answer: &[u8]) -> Option<Answer<'_>> {
    let (head, body) = str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let mut answer = Answer { status, length: 0, retry_after: Duration::ZERO, body };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => answer.length = value.trim().parse().ok()?,
            // It may also be a date; these servers count seconds.
            "retry-after" => answer.retry_after = Duration::from_secs(value.trim().parse().ok()?),
            _ => {}
        }
    }
    Some(answer)
}
