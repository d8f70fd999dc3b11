//! The command line.

use crate::{GROUPS, Group};

/// What was asked for.
pub struct Options {
    /// The groups to run.
    pub groups: Vec<&'static Group>,
    /// One JSON object per row instead of the table.
    pub json: bool,
    /// Fail if a goal is missed.
    pub gate: bool,
    /// How much work.
    pub scale: Scale,
}

/// How much work a measurement does.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Tasks in one round.
    pub tasks: u64,
    /// Measured rounds.
    pub rounds: usize,
    /// Rounds before those.
    pub warm_up: usize,
}

impl Scale {
    const FULL: Self = Self { tasks: 100_000, rounds: 31, warm_up: 2 };
    const QUICK: Self = Self { tasks: 2_000, rounds: 3, warm_up: 1 };
}

/// How to call it.
pub const USAGE: &str =
    "usage: cargo bench --manifest-path benches/Cargo.toml -- [GROUP] [--json] [--gate] [--quick]";

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// What is wrong with them, to be shown to the user.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { groups: GROUPS.iter().collect(), json: false, gate: false, scale: Scale::FULL };
        let mut wanted = None;
        for arg in args {
            match arg.as_str() {
                // Cargo passes it to every bench.
                "--bench" => {}
                "--json" => options.json = true,
                "--gate" => options.gate = true,
                "--quick" => options.scale = Scale::QUICK,
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}\n{USAGE}")),
                _ if wanted.is_some() => return Err(format!("one group at most\n{USAGE}")),
                _ => wanted = Some(arg),
            }
        }
        if let Some(wanted) = wanted {
            options.groups.retain(|group| group.name == wanted);
        }
        if options.groups.is_empty() {
            let known: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
            return Err(format!("no such group; known: {}\n{USAGE}", known.join(", ")));
        }
        Ok(options)
    }
}
