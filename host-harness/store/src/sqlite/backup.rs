//! A copy of a store that is in use.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connected;
use crate::StorageError;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be read.
    #[error("could not read the store: {0}")]
    Store(#[from] StorageError),
    /// The copy cannot be written.
    #[error("could not write the backup: {0}")]
    Target(#[from] io::Error),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies the store at `path` as of one moment to the new file `target`, while any number of hosts use it, and answers how many schedules
/// are in the copy. The file is for this user alone, whole when it has its name, and holds nothing that was deleted.
///
/// Copying `path` itself loses whatever is in the log beside it.
///
/// # Errors
/// If the store cannot be read, or there is a file at `target`, or it cannot be written. There is no file at `target` then that was not
/// there before.
pub fn backup(path: &Path, target: &Path) -> Result<u64, BackupError> {
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Private from the beginning, since a file that SQLite makes is as the umask says.
    let new = tempfile::Builder::new().prefix(".backup-").tempfile_in(folder)?;
    let text = new.path().to_str();
    let text = text.ok_or_else(|| io::Error::other(format!("{} is no UTF-8", target.display())))?;
    // In one transaction, which holds up no writer; unlike a copy of the pages, it leaves out what was deleted.
    connected(path)?.execute("vacuum into ?1", [text])?;
    let copy = Connection::open_with_flags(new.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let schedules: i64 = copy.query_row("select count(*) from schedule where parent is null", [], |row| {
        row.get(0)
    })?;
    copy.close().map_err(|(_, error)| error)?;
    new.as_file().sync_all()?;
    new.persist_noclobber(target).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(u64::try_from(schedules).unwrap_or_default())
}
