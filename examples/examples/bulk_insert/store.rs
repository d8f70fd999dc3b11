//! The table, in a real file. It knows nothing of batchers.

use crate::rows::Row;
use rusqlite::{Connection, ErrorCode, params};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct StoreError(#[from] rusqlite::Error);

impl StoreError {
    /// Whether a rule of the table was broken. Then SQLite has rolled back, and nothing was written.
    pub(crate) fn is_refusal(&self) -> bool {
        self.0.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
    }
}

/// Clones share the connection.
#[derive(Clone)]
pub(crate) struct Store(Arc<Desk>);

struct Desk {
    connection: Mutex<Connection>,
    transactions: AtomicUsize,
}

impl Store {
    /// A new file with an empty table.
    pub(crate) fn create(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE rows (
                 id     INTEGER PRIMARY KEY,
                 code   TEXT NOT NULL UNIQUE,
                 amount INTEGER NOT NULL CHECK (amount >= 0)
             ) STRICT;",
        )?;
        Ok(Self(Arc::new(Desk { connection: Mutex::new(connection), transactions: AtomicUsize::new(0) })))
    }

    /// Writes all rows or none, in one transaction, and says where they are. Blocks.
    pub(crate) fn insert(&self, rows: &[Row]) -> Result<Vec<i64>, StoreError> {
        self.0.transactions.fetch_add(1, Ordering::Relaxed);
        let mut connection = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropped without a commit, it is rolled back.
        let transaction = connection.transaction()?;
        let mut places = Vec::with_capacity(rows.len());
        let mut insert =
            transaction.prepare_cached("INSERT INTO rows (id, code, amount) VALUES (?1, ?2, ?3)")?;
        for row in rows {
            places.push(insert.insert(params![row.id, row.code, row.amount])?);
        }
        drop(insert);
        transaction.commit()?;
        Ok(places)
    }

    /// How many were begun, those that were rolled back included.
    pub(crate) fn transactions(&self) -> usize {
        self.0.transactions.load(Ordering::Relaxed)
    }
}

/// All that is in the file, by id.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, StoreError> {
    let connection = Connection::open(path)?;
    let mut select = connection.prepare("SELECT id, code, amount FROM rows ORDER BY id")?;
    let rows = select
        .query_map([], |row| Ok(Row { id: row.get(0)?, code: row.get(1)?, amount: row.get(2)? }))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// Where the two files are; a directory for what is temporary, removed with this.
pub(crate) struct Files {
    temporary: PathBuf,
    bulk: PathBuf,
    single: PathBuf,
}

impl Files {
    pub(crate) fn new(keep: Option<PathBuf>) -> io::Result<Self> {
        let temporary = std::env::temp_dir().join(format!("regatta-bulk-insert-{}", process::id()));
        // A directory that was there before is another's, or left behind; nothing in it is trusted.
        fs::create_dir(&temporary)?;
        let bulk = keep.unwrap_or_else(|| temporary.join("bulk.sqlite"));
        let single = temporary.join("single.sqlite");
        Ok(Self { temporary, bulk, single })
    }

    pub(crate) fn bulk(&self) -> &Path {
        &self.bulk
    }

    pub(crate) fn single(&self) -> &Path {
        &self.single
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.temporary) {
            eprintln!("bulk_insert: {}: {error}", self.temporary.display());
        }
    }
}
