//! Prints every way in which a crate can be built with at most one feature, for `.ci/run`.
//!
//! One line per build: the package, then the feature; a line without a feature is the build with none.

use serde_json::Value;
use std::env;
use std::error::Error;
use std::process::{Command, Stdio};

fn main() -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", output.status).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    for package in metadata["packages"].as_array().ok_or("cargo metadata lists no packages")? {
        let name = package["name"].as_str().ok_or("a package has no name")?;
        println!("{name}");
        for feature in package["features"].as_object().ok_or("a package has no features table")?.keys() {
            println!("{name} {feature}");
        }
    }
    Ok(())
}
