//! What goes into a statement and comes out of it.

use std::borrow::Cow;
use std::fmt;

use tokio_postgres::row::RowIndex;
use tokio_postgres::types::{FromSql, FromSqlOwned, ToSql, Type};

use super::Result;

/// A parameter of a statement.
pub trait Parameter: Sync {
    /// The type that the server is told it has: to the server, `$1 is null` says nothing about `$1`.
    fn said(&self) -> Type;
    /// Itself, as the client library takes it.
    fn value(&self) -> &(dyn ToSql + Sync);
}

/// A type of Rust that is one type of the server's.
trait Typed {
    const TYPE: Type;
}

macro_rules! typed {
    ($($rust:ty => $server:ident),* $(,)?) => {
        $(impl Typed for $rust {
            const TYPE: Type = Type::$server;
        })*
    };
}

typed! {
    bool => BOOL,
    i64 => INT8,
    str => TEXT,
    String => TEXT,
    Cow<'_, str> => TEXT,
    [u8] => BYTEA,
    Vec<u8> => BYTEA,
    [i64] => INT8_ARRAY,
    Vec<i64> => INT8_ARRAY,
    Vec<Option<i64>> => INT8_ARRAY,
    Vec<bool> => BOOL_ARRAY,
    [&str] => TEXT_ARRAY,
    Vec<&str> => TEXT_ARRAY,
    [String] => TEXT_ARRAY,
    Vec<String> => TEXT_ARRAY,
    Vec<Vec<u8>> => BYTEA_ARRAY,
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Typed + ?Sized> Typed for &T {
    const TYPE: Type = T::TYPE;
}

impl<T: Typed + ToSql + Sync> Parameter for T {
    fn said(&self) -> Type {
        T::TYPE
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

/// A row that a statement answers.
pub struct Found(pub(super) tokio_postgres::Row);

impl Found {
    /// A column, by name or place.
    ///
    /// # Errors
    /// There is none, or it holds something else.
    pub fn try_get<'r, T: FromSql<'r>>(&'r self, column: impl RowIndex + fmt::Display) -> Result<T> {
        Ok(self.0.try_get(column)?)
    }
}

/// What a row is read into: itself, its one column, a tuple of its columns, or a struct.
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    /// It holds something else.
    fn from_row(row: Found) -> Result<Self>;
}

impl FromRow for Found {
    fn from_row(row: Found) -> Result<Self> {
        Ok(row)
    }
}

macro_rules! one_column {
    ($($rust:ty),*) => {
        $(impl FromRow for $rust {
            fn from_row(row: Found) -> Result<Self> {
                row.try_get(0)
            }
        })*
    };
}

one_column!(bool, i64, String, Vec<u8>, Option<bool>, Option<i64>, Option<String>);

macro_rules! columns {
    ($($column:ident $place:literal),*) => {
        impl<$($column: FromSqlOwned),*> FromRow for ($($column,)*) {
            fn from_row(row: Found) -> Result<Self> {
                Ok(($(row.try_get::<$column>($place)?,)*))
            }
        }
    };
}

columns!(A 0);
columns!(A 0, B 1);
columns!(A 0, B 1, C 2);
columns!(A 0, B 1, C 2, D 3);
