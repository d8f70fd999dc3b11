//! One file: what it is, and its digest.

use blocking::unblock;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How much is read and hashed by one call to the pool: a millisecond's work or so.
const CHUNK: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Hashed {
    pub(crate) digest: Vec<u8>,
    pub(crate) bytes: u64,
}

#[derive(Debug, Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("not a regular file ({0})")]
    NotAFile(&'static str),
    #[error("broken link to {0:?}")]
    BrokenLink(PathBuf),
    #[error("grew while it was read, from {before} to {after} bytes")]
    Grew { before: u64, after: u64 },
    #[error("shrank while it was read, from {before} to {after} bytes")]
    Shrank { before: u64, after: u64 },
    #[error("was written to while it was read")]
    Changed,
    #[error("has more in it than the {0} bytes that it says")]
    Bottomless(u64),
}

/// Hashes a file on `blocking`'s pool.
///
/// Each chunk is a call of its own. So if this future is dropped, by a timeout or a cancel, the chunk that is being
/// read is the last.
pub(crate) async fn hash(path: PathBuf) -> Result<Hashed, Problem> {
    let mut step = unblock(move || Reading::open(&path)?.chunk()).await?;
    loop {
        match step {
            ControlFlow::Break(hashed) => return Ok(hashed),
            ControlFlow::Continue(reading) => step = unblock(move || reading.chunk()).await?,
        }
    }
}

/// A file of which a part is hashed.
struct Reading {
    file: File,
    before: Metadata,
    hasher: Sha256,
    bytes: u64,
    buffer: Vec<u8>,
}

impl Reading {
    fn open(path: &Path) -> Result<Self, Problem> {
        // Not opened before it is known what it is: opening a FIFO waits until somebody writes to it.
        let kind = fs::metadata(path).map_err(|error| broken_link(path, error))?.file_type();
        if !kind.is_file() {
            return Err(Problem::NotAFile(name(kind)));
        }
        let file = File::open(path)?;
        let before = file.metadata()?;
        let buffer = vec![0; before.len().min(CHUNK) as usize];
        Ok(Self { file, before, hasher: Sha256::new(), bytes: 0, buffer })
    }

    /// Reads the next chunk, and checks the file after the last one.
    fn chunk(mut self) -> Result<ControlFlow<Hashed, Self>, Problem> {
        let left = self.before.len() - self.bytes;
        let chunk = &mut self.buffer[..left.min(CHUNK) as usize];
        match self.file.read_exact(chunk) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.changed(false)?),
            other => other?,
        }
        self.hasher.update(&*chunk);
        self.bytes += chunk.len() as u64;
        if self.bytes < self.before.len() {
            return Ok(ControlFlow::Continue(self));
        }
        // One read beyond the end: files such as those of /proc say that they are empty and are not.
        let more = self.file.read(&mut [0])? > 0;
        let after = self.file.metadata()?;
        if more || after.len() != self.bytes || after.modified().ok() != self.before.modified().ok() {
            return Err(self.changed(more)?);
        }
        Ok(ControlFlow::Break(Hashed { digest: self.hasher.finalize().to_vec(), bytes: self.bytes }))
    }

    /// What happened to the file since it was opened. `more` was found beyond its end.
    fn changed(&self, more: bool) -> io::Result<Problem> {
        let (before, after) = (self.before.len(), self.file.metadata()?.len());
        Ok(match after.cmp(&before) {
            Ordering::Greater => Problem::Grew { before, after },
            Ordering::Less => Problem::Shrank { before, after },
            Ordering::Equal if more => Problem::Bottomless(before),
            Ordering::Equal => Problem::Changed,
        })
    }
}

/// Tells a link that leads nowhere from a file that is gone.
fn broken_link(path: &Path, error: io::Error) -> Problem {
    match (error.kind(), fs::read_link(path)) {
        (ErrorKind::NotFound | ErrorKind::NotADirectory, Ok(target)) => Problem::BrokenLink(target),
        _ => error.into(),
    }
}

#[cfg(unix)]
fn name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_fifo() => "fifo",
        kind if kind.is_socket() => "socket",
        kind if kind.is_char_device() => "character device",
        kind if kind.is_block_device() => "block device",
        kind if kind.is_dir() => "directory",
        _ => "unknown kind",
    }
}

#[cfg(not(unix))]
fn name(kind: FileType) -> &'static str {
    if kind.is_dir() { "directory" } else { "unknown kind" }
}
