//! Aqute, a peer in Python. It is measured in a process of its own, and left out where it isn't installed.

use super::{CAPACITY, TOKIO, TOKIO_YIELD, WORKERS};
use crate::measure::Medians;
use crate::options::Scale;
use std::io;
use std::process::{Command, Stdio};

const FACE: &str = "Aqute";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/aqute_engine.py");

/// It takes microseconds for each job: more rounds would tell no more.
const ROUNDS: usize = 5;

/// Its medians, or `None` where it isn't installed.
pub(super) fn medians(scale: Scale) -> io::Result<Option<Medians>> {
    if !is_installed() {
        eprintln!("skipped: {FACE}, because `python3 -c \"import aqute\"` fails");
        return Ok(None);
    }
    let numbers = [scale.tasks as usize, WORKERS, CAPACITY, scale.rounds.min(ROUNDS)];
    let numbers = numbers.map(|number| number.to_string());
    let mut medians = Medians::new();
    for (kind, handler) in [(TOKIO, "ready"), (TOKIO_YIELD, "yield1")] {
        let measured = Command::new("python3").args(["-P", SCRIPT, handler]).args(&numbers).output()?;
        let printed = String::from_utf8_lossy(&measured.stdout);
        let Ok(nanos) = printed.trim().parse() else {
            return Err(io::Error::other(String::from_utf8_lossy(&measured.stderr)));
        };
        medians.insert((FACE, kind), nanos);
    }
    Ok(Some(medians))
}

fn is_installed() -> bool {
    let import = ["-P", "-c", "import aqute"];
    let status = Command::new("python3").args(import).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
