//! Files of a kernel: a few words, read whole.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::str::FromStr;

/// The text of a file.
///
/// # Errors
///
/// Names the file.
pub(super) fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// The same; `None` if there is no such file.
pub(super) fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The words after `key`, which begins a line.
pub(super) fn line<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (first, rest) = line.split_once(char::is_whitespace)?;
        (first == key).then_some(rest.trim())
    })
}

pub(super) fn number<T: FromStr>(word: &str) -> Option<T> {
    word.trim().parse().ok()
}

/// The file is there, and says something else than it should.
pub(super) fn odd(path: &Path, wanted: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: there is no {wanted} in it", path.display()))
}

/// `part / whole`, from 0 to 1. All of nothing is in use.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 1.0 }
}
