//! Builds the examples once, where cargo has built this test: same target directory, same profile, same features as
//! `cargo test --workspace --all-features`, so that it finds most of the work done.

use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program of an example.
pub(crate) fn example(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(build);
    built.get(name).unwrap_or_else(|| panic!("there is no example {name}, only {:?}", built.keys()))
}

fn build() -> BTreeMap<String, PathBuf> {
    // <target directory>/<profile>/deps/<this test>
    let exe = env::current_exe().expect("the system knows this program");
    let profile = exe.ancestors().nth(2).expect("cargo puts tests into a `deps` directory");
    let target = profile.parent().expect("a profile's directory lies in the target directory");
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--workspace", "--all-features", "--examples", "--message-format=json", "--profile"])
        .arg(profile)
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    messages.lines().filter_map(program).collect()
}

/// The name and program of an example, if that is what this message of cargo's is about.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).expect("cargo speaks JSON");
    let name = message.pointer("/target/name")?.as_str()?;
    let is_example = message.pointer("/target/kind/0")?.as_str()? == "example";
    let program = message.get("executable")?.as_str()?;
    is_example.then(|| (name.to_owned(), program.into()))
}
