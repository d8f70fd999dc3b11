//! `Folder`: files to try a program on, gone after the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("regatta-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the temporary directory can be written");
        // As the system sees it: on some, the temporary directory is behind a link.
        Self(fs::canonicalize(path).expect("it was made a line ago"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the directories that it lies in.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("directories can be made");
        fs::write(&path, content).expect("files can be written");
        path
    }

    /// Makes a file that takes no space and very long to read.
    #[cfg(unix)]
    pub(crate) fn write_huge(&self, name: &str) -> PathBuf {
        let path = self.write(name, b"");
        let file = fs::File::options().write(true).open(&path).expect("it was made a line ago");
        file.set_len(1 << 40).expect("the file system knows files with holes");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed stays in the temporary directory; that fails no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}
