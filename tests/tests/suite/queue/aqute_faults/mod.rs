//! The faults that are known of Aqute: none of them is here.

mod bounds;
mod ends;
mod order;
