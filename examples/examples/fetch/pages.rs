//! The site: what each page is, and how it comes.

use std::time::Duration;

/// How a page comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    AtOnce,
    Slow(Duration),
    /// 404.
    Missing,
    /// 500.
    Error,
    /// 503 the first time.
    BusyAtFirst,
    /// Half of it, then the connection is closed.
    CutOff,
    /// More than its header says.
    TooMuch,
    /// Never.
    Hangs,
}

pub(crate) fn manner(page: usize) -> Manner {
    match page % 50 {
        3 | 13 | 23 | 33 => Manner::Slow(Duration::from_millis(50 + page as u64 * 7 % 151)),
        7 => Manner::Error,
        11 => Manner::Missing,
        19 => Manner::CutOff,
        29 => Manner::TooMuch,
        37 => Manner::BusyAtFirst,
        42 if page % 100 == 42 => Manner::Hangs,
        _ => Manner::AtOnce,
    }
}

/// Empty, small, or too large for one packet.
pub(crate) fn body(page: usize) -> Vec<u8> {
    let length = match page % 50 {
        0 => 0,
        25 => 100_000,
        _ => 100 + page * page * 37 % 5000,
    };
    (0..length).map(|at| (at * 31 + page) as u8).collect()
}

pub(crate) fn path(page: usize) -> String {
    format!("/page/{page}")
}

/// Which page that is.
pub(crate) fn number(path: &str) -> Option<usize> {
    path.strip_prefix("/page/")?.parse().ok()
}
