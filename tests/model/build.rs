//! Core's cancel token for the model checks: the shipped file, but with the `sync` module that is loom's.
//!
//! The engine's files take their types from a `sync` module of their own and are taken in by path. This one stands on
//! `std` alone and has a module of tests beside it, so what differs is replaced here, and nothing else.

use std::path::Path;
use std::{env, fs};

const SHIPPED: &str = "../../crates/core/src/cancel.rs";

/// What is found in the shipped file, and what stands there instead.
const REPLACED: &[(&str, &str)] = &[
    ("use std::sync::atomic::{AtomicBool, Ordering};\n", ""),
    (
        "use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};\n",
        "use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};\nuse std::sync::{Arc, PoisonError, Weak};\n",
    ),
    // A file that is included has no documentation of its own.
    ("//! ", "// "),
    ("#[cfg(test)]\nmod tests;\n", ""),
];

fn main() {
    println!("cargo::rerun-if-changed={SHIPPED}");
    let text = fs::read_to_string(SHIPPED).unwrap_or_else(|error| panic!("{SHIPPED}: {error}"));
    let mut text = text.replace("\r\n", "\n");
    for (found, instead) in REPLACED {
        assert!(text.contains(found), "{SHIPPED}: {found:?} is not there; mend tests/model/build.rs");
        text = text.replace(found, instead);
    }
    let directory = env::var_os("OUT_DIR").expect("cargo says where generated files go");
    fs::write(Path::new(&directory).join("cancel.rs"), text).expect("cargo's directory can be written to");
}
