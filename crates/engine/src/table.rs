//! `Table`: plain text in columns.

use crate::text::one_line;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, presets};
use std::fmt;

/// A plain table without colours or terminal control, the same on every output.
///
/// ```
/// let mut table = regatta_engine::Table::new(["file", "bytes"]);
/// table.align_right(1).row(["a.txt", "12"]).row(["b.txt", "7"]);
/// assert_eq!(table.to_string(), " file   bytes \n a.txt     12 \n b.txt      7 ");
/// ```
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(headings.map(Cell::new));
        Self(table)
    }

    /// Aligns a column to the right; for numbers.
    pub fn align_right(&mut self, column: usize) -> &mut Self {
        if let Some(column) = self.0.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        self
    }

    /// Adds a row. Line breaks and control characters in a cell are shown escaped, so that a row stays a line.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        self.0.add_row(cells.into_iter().map(|cell| Cell::new(one_line(cell.as_ref()))));
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}
