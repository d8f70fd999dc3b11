//! What tasks made from a factory know of their run, and how they may clean up.

mod attempts;
mod grace;
mod tokens;
