//! Tables brought up to a version, on either database: which files there are, and which of them are still to be carried out.

use sha2::{Digest as _, Sha384};

use super::StorageError;

/// One file of statements. Once it has been carried out anywhere, it is not changed any more.
#[derive(Debug)]
pub struct Migration {
    /// Its place among the others, from 1.
    pub version: i64,
    /// What it is about.
    pub description: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

/// A module's files, by their versions, and the table in which is written down what has been carried out.
#[derive(Debug)]
pub struct Migrations {
    /// A name that no other module in the database uses.
    pub table: &'static str,
    /// All of them.
    pub all: &'static [Migration],
}

/// Files by version and description, whose paths are relative to the file that names them, for the table of that name.
#[doc(hidden)]
#[macro_export]
macro_rules! migrations {
    ($table:literal, $($version:literal $description:literal $path:literal),+ $(,)?) => {
        $crate::migrations::Migrations {
            table: $table,
            all: &[$($crate::migrations::Migration {
                version: $version,
                description: $description,
                sql: include_str!($path),
            }),+],
        }
    };
}
pub use migrations;

impl Migration {
    /// SHA-384 of its statements.
    #[must_use]
    pub fn checksum(&self) -> Vec<u8> {
        Sha384::digest(self.sql).to_vec()
    }
}

impl Migrations {
    /// Those that are still to be carried out where these have been, versions with their checksums.
    ///
    /// # Errors
    /// The tables are of a later version, or of other files.
    pub fn left(&self, done: &[(i64, Vec<u8>)]) -> Result<Vec<&'static Migration>, StorageError> {
        for (version, checksum) in done {
            let Some(known) = self.all.iter().find(|one| one.version == *version) else {
                return Err(StorageError::Corrupt(format!(
                    "database schema version {version} is newer than this program supports"
                )));
            };
            if *checksum != known.checksum() {
                return Err(StorageError::Corrupt(format!(
                    "the tables were made by another `{}` than this program's (version {version})",
                    known.description
                )));
            }
        }
        let is_done = |one: &Migration| done.iter().any(|(version, _)| *version == one.version);
        Ok(self.all.iter().filter(|one| !is_done(one)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Migrations = Migrations {
        table: "done",
        all: &[
            Migration {
                version: 1,
                description: "first",
                sql: "create table a (b int)",
            },
            Migration {
                version: 2,
                description: "second",
                sql: "create table c (d int)",
            },
        ],
    };

    #[test]
    fn what_has_not_been_carried_out_is_left() {
        let [first, second] = ALL.all else { unreachable!() };
        let versions =
            |done: &[(i64, Vec<u8>)]| -> Vec<i64> { ALL.left(done).unwrap().iter().map(|one| one.version).collect() };
        assert_eq!(versions(&[]), [1, 2]);
        assert_eq!(versions(&[(1, first.checksum())]), [2]);
        assert!(versions(&[(1, first.checksum()), (2, second.checksum())]).is_empty());
    }

    #[test]
    fn tables_of_a_later_version_or_of_other_files_are_refused_in_words() {
        let later = ALL.left(&[(9999, Vec::new())]).unwrap_err().to_string();
        assert!(later.contains("schema version 9999 is newer"), "{later}");
        let other = ALL.left(&[(2, vec![7])]).unwrap_err().to_string();
        assert!(other.contains("another `second`"), "{other}");
    }
}
