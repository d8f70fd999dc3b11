//! Other people's text in ours: it stays on its line, and a panic in it stays its own.

use crate::contain::contain_or;
use std::borrow::Cow;
use std::fmt::{Debug, Display};

/// What `value` displays; a stand-in if that panics.
pub(crate) fn displayed(value: &(impl Display + ?Sized)) -> String {
    contain_or(None, || Some(value.to_string())).unwrap_or_else(|| String::from("(its Display panicked)"))
}

/// What `value` shows to `Debug`; a stand-in if that panics.
pub(crate) fn debugged(value: &(impl Debug + ?Sized)) -> String {
    contain_or(None, || Some(format!("{value:?}"))).unwrap_or_else(|| String::from("(its Debug panicked)"))
}

/// The text with line breaks and control characters escaped.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    Cow::Owned(line)
}
