//! A disk that is full, and has room again.

use rusqlite::Connection;

use super::{Harness, STORE};

/// What lies on the disk beside the store, in bytes.
const FILLER: i64 = 32 << 20;

impl Harness {
    /// Opens the store again on a disk that has room for `free` more pages of it, until [`Harness::make_room`].
    ///
    /// The file itself holds what fills the disk, and may not grow: whatever its connections write needs a page of their own,
    /// as on any file system.
    ///
    /// # Panics
    /// As [`Harness::start`].
    #[must_use]
    pub async fn on_full_disk(self, free: u32) -> Self {
        let file = self.file();
        file.execute_batch(&format!(
            "create table filler (bytes blob); insert into filler values (zeroblob({FILLER}))"
        ))
        .expect("the disk is filled");
        let pages: u32 = file
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .expect("a size");
        drop(file);
        Self {
            pages: Some(pages + free),
            ..self
        }
        .restart()
        .await
    }

    /// Takes away what fills the disk. Nothing is opened again: a host that runs finds room at its next try.
    ///
    /// # Panics
    /// If the store can't be written.
    pub async fn make_room(&self) {
        self.file().execute_batch("drop table filler").expect("there is room");
    }

    fn file(&self) -> Connection {
        Connection::open(self.folder.path().join(STORE)).expect("the store's file")
    }
}
