//! The rows, the good and the bad.

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    /// Given away once only.
    pub(crate) code: String,
    /// Never negative.
    pub(crate) amount: i64,
}

/// So many rows. Every `bad`th is bad: its amount is negative, or its code is the one of the row before; then one of the
/// two gets in, whichever comes first.
pub(crate) fn rows(count: usize, bad: usize) -> Vec<Row> {
    (1..=count).map(|number| row(number, bad)).collect()
}

fn row(number: usize, bad: usize) -> Row {
    let id = i64::try_from(number).expect("more rows than there is memory for");
    let good = Row { id, code: format!("code-{number}"), amount: id * 37 % 1_000 };
    match (number % bad, number / bad % 2) {
        (0, 0) => Row { amount: -1, ..good },
        (0, _) => Row { code: format!("code-{}", number - 1), ..good },
        (_, _) => good,
    }
}
