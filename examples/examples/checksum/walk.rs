//! The search for files. It blocks, and is quick: a system call per directory, not per file.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// What lies below a directory, in the order of the paths' bytes.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// What was not looked into, and why.
    pub(crate) notes: Vec<String>,
    /// Whether the search came to its end.
    pub(crate) complete: bool,
}

/// A file to be hashed, or a directory with the problem that hides what is in it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) problem: Option<io::Error>,
}

pub(crate) struct LeaveOut {
    /// `.git`, and directories that say that they are caches (<https://bford.info/cachedir/>).
    pub(crate) caches: bool,
    /// One file, by its canonical path.
    pub(crate) file: Option<PathBuf>,
}

struct Walk<'a> {
    leave_out: &'a LeaveOut,
    found: Found,
    directories: Vec<PathBuf>,
    links_to_directories: usize,
}

/// Finds everything below `root` that is not a directory, until `stop` says so.
///
/// Links to directories are not followed, so a loop of links can't keep it here.
pub(crate) fn walk(root: &Path, leave_out: &LeaveOut, stop: impl Fn() -> bool) -> Found {
    let found = Found { entries: Vec::new(), notes: Vec::new(), complete: true };
    let mut walk = Walk { leave_out, found, directories: vec![root.to_owned()], links_to_directories: 0 };
    while let Some(directory) = walk.directories.pop() {
        if let Err(problem) = walk.look_into(&directory, &stop) {
            walk.found.entries.push(Entry { path: directory, problem: Some(problem) });
        }
    }
    walk.finish()
}

impl Walk<'_> {
    fn look_into(&mut self, directory: &Path, stop: impl Fn() -> bool) -> io::Result<()> {
        if stop() {
            self.found.complete = false;
            return Ok(());
        }
        for entry in fs::read_dir(directory)? {
            if stop() {
                self.found.complete = false;
                return Ok(());
            }
            self.take(&entry?)?;
        }
        Ok(())
    }

    fn take(&mut self, entry: &DirEntry) -> io::Result<()> {
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if self.leave_out.has_directory(&path) {
                self.found.notes.push(format!("left out: {path:?}"));
            } else {
                self.directories.push(path);
            }
        } else if kind.is_symlink() && path.is_dir() {
            self.links_to_directories += 1;
        } else if self.leave_out.has_file(&path) {
            self.found.notes.push(format!("left out: {path:?}, the list of digests"));
        } else {
            self.found.entries.push(Entry { path, problem: None });
        }
        Ok(())
    }

    fn finish(mut self) -> Found {
        self.found.entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        self.found.notes.sort();
        if self.links_to_directories > 0 {
            self.found
                .notes
                .push(format!("links to directories, not followed: {}", self.links_to_directories));
        }
        if !self.found.complete {
            self.found.notes.push("the search was stopped: there may be more files".to_owned());
        }
        self.found
    }
}

impl LeaveOut {
    fn has_directory(&self, path: &Path) -> bool {
        self.caches && (path.ends_with(".git") || path.join("CACHEDIR.TAG").is_file())
    }

    fn has_file(&self, path: &Path) -> bool {
        // The names first: looking up where a path really leads costs some system calls.
        let same = |file: &Path| {
            file.file_name() == path.file_name() && fs::canonicalize(path).is_ok_and(|path| path == file)
        };
        self.file.as_deref().is_some_and(same)
    }
}
