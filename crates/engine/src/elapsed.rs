//! `Elapsed`: a duration as people read it.

use std::fmt;
use std::time::Duration;

/// Displays a duration as people read it: three significant digits up to a minute, then the two largest units.
///
/// Width and alignment are respected, so that it can stand in a column.
///
/// ```
/// use regatta_engine::Elapsed;
/// use std::time::Duration;
///
/// let text = |nanos| Elapsed(Duration::from_nanos(nanos)).to_string();
/// assert_eq!(text(0), "0 ns");
/// assert_eq!(text(1_504_999), "1.50 ms");
/// assert_eq!(text(59_940_000_000), "59.9 s");
/// assert_eq!(text(125_000_000_000), "2 min 5 s");
/// assert_eq!(Elapsed(Duration::from_secs(5 * 3600)).to_string(), "5 h");
/// assert_eq!(format!("{:>8}", Elapsed(Duration::from_millis(20))), " 20.0 ms");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Elapsed(pub Duration);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded before the unit is chosen: 999.9 µs are 1.00 ms, and 59.96 s are a minute.
        f.pad(&match three_digits(self.0.as_nanos()) {
            nanos if nanos < 1_000 => format!("{nanos} ns"),
            nanos if nanos < 1_000_000 => decimal(nanos, 1_000, "µs"),
            nanos if nanos < 1_000_000_000 => decimal(nanos, 1_000_000, "ms"),
            nanos if nanos < u128::from(MINUTE) * 1_000_000_000 => decimal(nanos, 1_000_000_000, "s"),
            _ => long(self.0),
        })
    }
}

/// `n`, rounded to three significant digits.
fn three_digits(n: u128) -> u128 {
    let unit = 10_u128.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(2));
    (n + unit / 2) / unit * unit
}

/// `nanos` in a unit of so many nanoseconds, with as many decimals as make three digits.
fn decimal(nanos: u128, unit: u128, name: &str) -> String {
    let whole = nanos / unit;
    let decimals = match whole {
        100.. => return format!("{whole} {name}"),
        10.. => 1,
        _ => 2,
    };
    let fraction = nanos % unit * 10_u128.pow(decimals) / unit;
    format!("{whole}.{fraction:0width$} {name}", width = decimals as usize)
}

/// A minute and more.
fn long(duration: Duration) -> String {
    let rounded = |unit: u64| duration.as_secs().saturating_add(unit / 2) / unit * unit;
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_millis() >= 500));
    if seconds < HOUR {
        return units(seconds, (MINUTE, "min"), (1, "s"));
    }
    match rounded(MINUTE) {
        seconds if seconds < DAY => units(seconds, (HOUR, "h"), (MINUTE, "min")),
        _ => units(rounded(HOUR), (DAY, "d"), (HOUR, "h")),
    }
}

fn units(seconds: u64, (large, name): (u64, &str), (small, rest): (u64, &str)) -> String {
    match seconds % large / small {
        0 => format!("{} {name}", seconds / large),
        left => format!("{} {name} {left} {rest}", seconds / large),
    }
}

#[cfg(test)]
mod tests;
