//! What look-ups answer, and look-ups in a SQLite file, on the thread of the call: why is said where the store reads so
//! ([`reading`](scheduled_exports_store::sqlite::reading)).

use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, Row, ToSql};
use scheduled_exports_store::postgres::client as postgres;
use scheduled_exports_store::sqlite::reading::Reading;
use scheduled_exports_store::sqlite::statement::prepared;

use super::PlatformError;

/// What a row is read into, of either database; columns go by their names.
pub(super) trait Found: Sized {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Self>;
    fn read_from_server(row: &postgres::Found) -> postgres::Result<Self>;
}

/// The columns of a row.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    /// Place of the one after the one that was read last.
    next: usize,
}

impl<'r> Columns<'r> {
    fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// To look a name up compares it with each column's. Most are read in the order of the query, so the next column comes first.
    pub(super) fn named<T: FromSql>(&mut self, name: &str) -> rusqlite::Result<T> {
        let statement = self.row.as_ref();
        let place = match statement.column_name(self.next) {
            Ok(next) if next == name => self.next,
            _ => statement.column_index(name)?,
        };
        self.next = place + 1;
        self.row.get(place)
    }
}

/// Reads a struct of columns, and of parts that are structs of columns of the same row.
macro_rules! found {
    ($row:ident { $($column:ident),* $(,)? $(; $($part:ident),*)? }) => {
        impl $crate::reading::Found for $row {
            fn read(row: &mut $crate::reading::Columns<'_>) -> rusqlite::Result<Self> {
                Ok(Self {
                    $($column: row.named(stringify!($column))?,)*
                    $($($part: $crate::reading::Found::read(row)?,)*)?
                })
            }

            fn read_from_server(
                row: &scheduled_exports_store::postgres::client::Found,
            ) -> scheduled_exports_store::postgres::client::Result<Self> {
                Ok(Self {
                    $($column: row.try_get(stringify!($column))?,)*
                    $($($part: $crate::reading::Found::read_from_server(row)?,)*)?
                })
            }
        }

        impl scheduled_exports_store::postgres::client::FromRow for $row {
            fn from_row(
                row: scheduled_exports_store::postgres::client::Found,
            ) -> scheduled_exports_store::postgres::client::Result<Self> {
                $crate::reading::Found::read_from_server(&row)
            }
        }
    };
}
pub(super) use found;

/// A row of these columns, by their places.
macro_rules! columns {
    ($($column:ident $place:literal),*) => {
        impl<$($column: FromSql + for<'r> tokio_postgres::types::FromSql<'r>),*> Found for ($($column,)*) {
            fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Self> {
                Ok(($(columns.row.get::<_, $column>($place)?,)*))
            }

            fn read_from_server(row: &postgres::Found) -> postgres::Result<Self> {
                Ok(($(row.try_get::<$column>($place)?,)*))
            }
        }
    };
}

columns!(A 0);
columns!(A 0, B 1);

impl From<rusqlite::Error> for PlatformError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(_) => Self::Unavailable(error.to_string()),
            None => Self::Corrupt(error.to_string()),
        }
    }
}

/// A statement whose first parameter is `$1`. To SQLite that is a name, not a number.
pub(super) struct Asked<'a> {
    pub sql: &'a str,
    pub parameters: &'a [&'a dyn ToSql],
}

impl Asked<'_> {
    const NAMES: [&'static str; 9] = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"];

    fn prepared<'c>(&self, on: &'c Connection) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = prepared(on, self.sql)?;
        debug_assert!(self.parameters.len() <= Self::NAMES.len(), "{}", self.sql);
        for (name, parameter) in Self::NAMES.iter().zip(self.parameters) {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, parameter)?;
            }
        }
        Ok(statement)
    }

    /// Carries it out; how many rows it has touched.
    pub(super) fn execute(&self, on: &Connection) -> Result<u64, PlatformError> {
        Ok(self.prepared(on)?.raw_execute()? as u64)
    }

    /// Gives its rows, one by one, to who says whether another is wanted; true: all were.
    pub(super) fn each<T: Found>(
        &self,
        on: &Connection,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<bool, PlatformError> {
        let mut statement = self.prepared(on)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if !take(T::read(&mut Columns::of(row))?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn all<T: Found>(&self, on: &Connection) -> Result<Vec<T>, PlatformError> {
        let mut found = Vec::new();
        self.each(on, |row| {
            found.push(row);
            true
        })?;
        Ok(found)
    }

    pub(super) fn first<T: Found>(&self, on: &Connection) -> Result<Option<T>, PlatformError> {
        let mut statement = self.prepared(on)?;
        let mut rows = statement.raw_query();
        Ok(rows.next()?.map(|row| T::read(&mut Columns::of(row))).transpose()?)
    }

    pub(super) fn fetch_all<T: Found>(&self, file: &Reading) -> Result<Vec<T>, PlatformError> {
        file.read(|on| self.all(on))
    }

    pub(super) fn fetch_optional<T: Found>(&self, file: &Reading) -> Result<Option<T>, PlatformError> {
        file.read(|on| self.first(on))
    }

    pub(super) fn fetch_one<T: Found>(&self, file: &Reading) -> Result<T, PlatformError> {
        let found = self.fetch_optional(file)?;
        found.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }
}
