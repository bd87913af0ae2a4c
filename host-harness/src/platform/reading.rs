//! What look-ups answer, and look-ups in a SQLite file, on the thread of the call: why is said where the store reads so
//! ([`reading`](crate::storage::sqlite::reading)).

use rusqlite::{CachedStatement, Connection, Row, ToSql};

use super::PlatformError;
use crate::storage::postgres::client as postgres;
use crate::storage::sqlite::reading::Reading;
use crate::storage::sqlite::statement::prepared;

/// What a row is read into, of either database; columns go by their names.
pub(super) trait Found: Sized {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
    fn read_from_server(row: &postgres::Found) -> postgres::Result<Self>;
}

/// Reads a struct of columns, and of parts that are structs of columns of the same row.
macro_rules! found {
    ($row:ident { $($column:ident),* $(,)? $(; $($part:ident),*)? }) => {
        impl $crate::platform::reading::Found for $row {
            fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self {
                    $($column: row.get(stringify!($column))?,)*
                    $($($part: $crate::platform::reading::Found::read(row)?,)*)?
                })
            }

            fn read_from_server(
                row: &$crate::storage::postgres::client::Found,
            ) -> $crate::storage::postgres::client::Result<Self> {
                Ok(Self {
                    $($column: row.try_get(stringify!($column))?,)*
                    $($($part: $crate::platform::reading::Found::read_from_server(row)?,)*)?
                })
            }
        }

        impl $crate::storage::postgres::client::FromRow for $row {
            fn from_row(
                row: $crate::storage::postgres::client::Found,
            ) -> $crate::storage::postgres::client::Result<Self> {
                $crate::platform::reading::Found::read_from_server(&row)
            }
        }
    };
}
pub(super) use found;

/// A row of one column.
impl Found for (bool,) {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok((row.get(0)?,))
    }

    fn read_from_server(row: &postgres::Found) -> postgres::Result<Self> {
        Ok((row.try_get(0)?,))
    }
}

impl From<rusqlite::Error> for PlatformError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(_) => Self::Unavailable(error.to_string()),
            None => Self::Corrupt(error.to_string()),
        }
    }
}

/// Reads the rows of a statement, whose first parameter is `$1`. To SQLite that is a name, not a number.
pub(super) struct Asked<'a> {
    pub sql: &'static str,
    pub parameters: &'a [&'a dyn ToSql],
}

impl Asked<'_> {
    const NAMES: [&'static str; 8] = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8"];

    fn prepared<'c>(&self, on: &'c Connection) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = prepared(on, self.sql)?;
        for (name, parameter) in Self::NAMES.iter().zip(self.parameters) {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, parameter)?;
            }
        }
        Ok(statement)
    }

    pub(super) fn fetch_all<T: Found>(&self, file: &Reading) -> Result<Vec<T>, PlatformError> {
        file.read(|on| {
            let mut statement = self.prepared(on)?;
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(T::read(row)?);
            }
            Ok(found)
        })
    }

    pub(super) fn fetch_optional<T: Found>(&self, file: &Reading) -> Result<Option<T>, PlatformError> {
        file.read(|on| {
            let mut statement = self.prepared(on)?;
            let mut rows = statement.raw_query();
            Ok(rows.next()?.map(T::read).transpose()?)
        })
    }

    pub(super) fn fetch_one<T: Found>(&self, file: &Reading) -> Result<T, PlatformError> {
        let found = self.fetch_optional(file)?;
        found.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }
}
