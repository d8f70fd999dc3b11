//! mm-concurrency, a peer in Python. It is measured in a process of its own, and left out where it isn't installed.

use super::{AT_ONCE, Kind, Ready, Yield1};
use crate::measure::Medians;
use crate::options::Scale;
use std::io;
use std::process::{Command, Stdio};

pub(super) const FACE: &str = "mm-concurrency";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/mm_concurrency.py");

/// Its medians, or `None` where it isn't installed.
pub(super) fn medians(scale: Scale) -> io::Result<Option<Medians>> {
    if !is_installed() {
        eprintln!("skipped: {FACE}, because `python3 -c \"import mm_concurrency\"` fails");
        return Ok(None);
    }
    let numbers = [scale.tasks, AT_ONCE as u64, scale.rounds as u64].map(|number| number.to_string());
    let mut medians = Medians::new();
    for kind in [Ready::NAME, Yield1::NAME] {
        let measured = Command::new("python3").args(["-P", SCRIPT, kind]).args(&numbers).output()?;
        let printed = String::from_utf8_lossy(&measured.stdout);
        let Ok(nanos) = printed.trim().parse() else {
            return Err(io::Error::other(String::from_utf8_lossy(&measured.stderr)));
        };
        medians.insert((FACE, kind), nanos);
    }
    Ok(Some(medians))
}

fn is_installed() -> bool {
    let import = ["-P", "-c", "import mm_concurrency"];
    let status = Command::new("python3").args(import).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
