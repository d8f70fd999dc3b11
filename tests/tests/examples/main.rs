//! The examples, run as a user would run them: as programs of their own, on real files, with real signals.
//!
//! Time is real here: timeouts, graces and Ctrl-C of a process are the subject. Nothing sleeps; what must be waited for
//! is waited for with a deadline.
//!
//! Some checks need a tool (`sha256sum`) or a right (a user who isn't root). Where that is missing they say `skipped:`
//! on standard error; with `REGATTA_REQUIRE_TOOLS=1` they fail instead.

mod adaptive;
mod balance;
mod build;
mod bulk_insert;
mod checksum;
mod crawl;
mod fetch;
mod folder;
mod program;
mod short;
#[cfg(unix)]
mod stops;
mod tokio_clock;
mod usage;

use std::io::{self, Write};

/// Says that a check is left out, past the test harness, which would keep it to itself.
///
/// # Panics
///
/// If nothing may be left out.
fn skip(what: &str) {
    assert!(
        std::env::var_os("REGATTA_REQUIRE_TOOLS").is_none(),
        "this machine can't check everything: {what}"
    );
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "skipped: {what}");
}
