//! Files on their way into a store: small ones in memory, others on the disk.

use std::io::{self, Cursor, Read, Seek};

use tempfile::SpooledData;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt as _};

use super::StorageError;

/// The bytes of a file, from its beginning.
pub(super) async fn begun(file: &SpooledData) -> Result<Box<dyn AsyncRead + Send + Unpin + '_>, StorageError> {
    match file {
        SpooledData::InMemory(bytes) => Ok(Box::new(bytes.get_ref().as_slice())),
        SpooledData::OnDisk(file) => {
            let mut file = File::from_std(file.try_clone().map_err(|error| unreadable(&error))?);
            file.rewind().await.map_err(|error| unreadable(&error))?;
            Ok(Box::new(file))
        }
    }
}

/// What a file is read from on another thread, as often as it takes.
pub(super) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// The bytes of a file, for another thread.
pub(super) fn elsewhere(file: &SpooledData) -> Result<Box<dyn Source>, StorageError> {
    match file {
        SpooledData::InMemory(bytes) => Ok(Box::new(Cursor::new(bytes.get_ref().clone()))),
        SpooledData::OnDisk(file) => {
            let file = file.try_clone().map_err(|error| unreadable(&error))?;
            Ok(Box::new(file))
        }
    }
}

/// The machine's own files are part of the store that can be away.
pub(super) fn unreadable(error: &io::Error) -> StorageError {
    StorageError::Unavailable(format!("could not read the exported file: {error}"))
}

/// A file of another size than it was said to have is not kept.
pub(super) fn expect_size(read: u64, said: u64) -> Result<(), StorageError> {
    if read == said {
        return Ok(());
    }
    let words = format!("exported file has {read} bytes, expected {said}");
    Err(StorageError::Unavailable(words))
}
