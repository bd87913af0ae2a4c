//! A disk that is full, and has room again.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

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
        let mut file = self.file().await;
        sqlx::query("create table filler (bytes blob)")
            .execute(&mut file)
            .await
            .expect("the disk is filled");
        sqlx::query("insert into filler values (zeroblob($1))")
            .bind(FILLER)
            .execute(&mut file)
            .await
            .expect("the disk is filled");
        let pages: u32 = sqlx::query_scalar("pragma page_count")
            .fetch_one(&mut file)
            .await
            .expect("a size");
        file.close().await.expect("closed");
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
        let mut file = self.file().await;
        sqlx::query("drop table filler")
            .execute(&mut file)
            .await
            .expect("there is room");
        file.close().await.expect("closed");
    }

    async fn file(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.folder.path().join(STORE))
            .connect()
            .await
            .expect("the store's file")
    }
}
