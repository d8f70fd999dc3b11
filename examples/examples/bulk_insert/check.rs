//! The comparison: what the file holds, against what every caller was told.

use crate::Told;
use crate::rows::Row;
use std::collections::{BTreeMap, BTreeSet};

/// A line for each difference.
pub(crate) fn differences(way: &str, told: &[(Row, Told)], found: &[Row]) -> Vec<String> {
    let mut left: BTreeMap<i64, &Row> = found.iter().map(|row| (row.id, row)).collect();
    let codes: BTreeSet<&str> = found.iter().map(|row| row.code.as_str()).collect();
    let mut differences = Vec::new();
    let mut differ = |id: i64, what: String| differences.push(format!("{way}, row {id}: {what}"));
    for (row, told) in told {
        let there = left.remove(&row.id);
        match (told, there) {
            (Ok(place), Some(_)) if *place != row.id => differ(row.id, format!("it was told of row {place}")),
            (Ok(_), Some(there)) if there == row => {}
            (Ok(_), Some(there)) => differ(row.id, format!("the file holds {there:?}")),
            (Ok(_), None) => differ(row.id, "it was told of success, and is not in the file".to_owned()),
            (Err(error), Some(_)) => differ(row.id, format!("it was told {error:?}, and is in the file")),
            (Err(error), None) => {
                // A good row must not suffer for the company that it was in.
                let bad = row.amount < 0 || codes.contains(row.code.as_str());
                if !bad || !error.failure().is_some_and(|error| error.is_refusal()) {
                    differ(row.id, format!("it was told {error:?}"));
                }
            }
        }
    }
    differences.extend(left.keys().map(|id| format!("{way}, row {id}: nobody was told of it")));
    differences
}
