//! What the rules look at: the files of the workspace, with paths relative to its root.

use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A text file; `path` is relative to the workspace's root and uses `/` on every system.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The finding that `what` is wrong in a line, counted from 0.
    pub(crate) fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, line + 1)
    }

    /// The manifest in this file.
    pub(crate) fn table(&self) -> Table {
        self.text.parse().unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// Reads a file that must exist.
pub(crate) fn read(path: &str) -> File {
    match fs::read_to_string(root().join(path)) {
        Ok(text) => File { path: path.to_owned(), text },
        Err(error) => panic!("{path}: {error}; every checkout has this file, so write it"),
    }
}

/// All text files below a directory, in the order of their paths, without what cargo and git put there.
pub(crate) fn files_below(directory: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&root().join(directory), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

pub(crate) fn rust_files_below(directory: &str) -> Vec<File> {
    let mut files = files_below(directory);
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

fn collect(directory: &Path, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != ".git" && !path.join("CACHEDIR.TAG").exists() {
                collect(&path, files);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root()).expect("only the workspace is read");
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push(File { path: parts.join("/"), text });
        }
    }
}

/// The manifests of `crates/*`.
pub(crate) fn crate_manifests() -> Vec<File> {
    let mut manifests = files_below("crates");
    manifests.retain(|file| file.path.split('/').count() == 3 && file.path.ends_with("/Cargo.toml"));
    assert!(!manifests.is_empty(), "crates/*/Cargo.toml: nothing found");
    manifests
}

/// The manifests of all members of the workspace.
pub(crate) fn member_manifests() -> Vec<File> {
    let mut manifests = crate_manifests();
    manifests.extend([read("examples/Cargo.toml"), read("tests/Cargo.toml")]);
    manifests
}

/// The packages that a manifest's normal and build dependencies name, on any platform; development ones don't ship.
/// `root` is the workspace's manifest, which knows the renamed ones.
pub(crate) fn shipped_dependencies(manifest: &Table, root: &Table) -> Vec<String> {
    let shared = table(root, "workspace").and_then(|workspace| table(workspace, "dependencies"));
    let per_target =
        table(manifest, "target").into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let mut packages: Vec<_> = per_target
        .chain([manifest])
        .flat_map(|place| [table(place, "dependencies"), table(place, "build-dependencies")])
        .flatten()
        .flatten()
        .map(|(name, own)| {
            let shared = shared.and_then(|shared| shared.get(name));
            let renamed =
                [Some(own), shared].into_iter().flatten().find_map(|spec| spec.get("package")?.as_str());
            renamed.unwrap_or(name).to_owned()
        })
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

pub(crate) fn table<'a>(parent: &'a Table, name: &str) -> Option<&'a Table> {
    parent.get(name)?.as_table()
}

pub(crate) fn package_name(manifest: &Table) -> &str {
    let name = table(manifest, "package").and_then(|package| package.get("name")?.as_str());
    name.expect("every manifest names its package")
}

/// Fails with all findings at once, so that one run shows everything that is to be mended.
#[track_caller]
pub(crate) fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn shipped_dependencies_are_found_wherever_they_stand() {
    let root = File::new(
        "Cargo.toml",
        "[workspace.dependencies]\nnick = { package = \"shared\", version = \"1\" }\n",
    );
    let manifest = File::new(
        "crates/x/Cargo.toml",
        "[dependencies]\nplain = \"1\"\nnick.workspace = true\nalias = { package = \"real\", version = \"1\" }\n\
         [dev-dependencies]\ndev = \"1\"\n[build-dependencies]\nbuild = \"1\"\n\
         [target.'cfg(windows)'.dependencies]\nwindows = \"1\"\n",
    );
    let found = shipped_dependencies(&manifest.table(), &root.table());
    assert_eq!(found, ["build", "plain", "real", "shared", "windows"]);
}
