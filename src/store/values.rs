//! Values of statements: three kinds for both databases.

use crate::domain::{Credits, Instant};

/// A value to bind. `None` keeps its type, since PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub enum Value {
    /// 64-bit integer.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

/// The values of one column in many rows, bound as an array: PostgreSQL only.
pub enum Column {
    /// 64-bit integers.
    Int(Vec<Option<i64>>),
    /// Text.
    Text(Vec<Option<String>>),
    /// Bytes.
    Blob(Vec<Option<Vec<u8>>>),
}

impl Value {
    /// An empty column of this type.
    #[must_use]
    pub fn column(&self, rows: usize) -> Column {
        match self {
            Self::Int(_) => Column::Int(Vec::with_capacity(rows)),
            Self::Text(_) => Column::Text(Vec::with_capacity(rows)),
            Self::Blob(_) => Column::Blob(Vec::with_capacity(rows)),
        }
    }
}

impl Column {
    /// Appends a value.
    ///
    /// # Errors
    /// The value, if it is of another type.
    pub fn push(&mut self, value: Value) -> Result<(), Value> {
        match (self, value) {
            (Self::Int(column), Value::Int(value)) => column.push(value),
            (Self::Text(column), Value::Text(value)) => column.push(value),
            (Self::Blob(column), Value::Blob(value)) => column.push(value),
            (_, value) => return Err(value),
        }
        Ok(())
    }

    /// PostgreSQL's name of the type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Int(_) => "bigint",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytea",
        }
    }
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $make:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($v: $type) -> Self { $make }
        })*
    };
}

value_from! {
    i64 => |v| Self::Int(Some(v));
    i32 => |v| Self::Int(Some(v.into()));
    bool => |v| Self::Int(Some(v.into()));
    Option<i64> => |v| Self::Int(v);
    &str => |v| Self::Text(Some(v.to_owned()));
    String => |v| Self::Text(Some(v));
    &String => |v| Self::Text(Some(v.clone()));
    Option<String> => |v| Self::Text(v);
    Option<&str> => |v| Self::Text(v.map(str::to_owned));
    Vec<u8> => |v| Self::Blob(Some(v));
    &[u8] => |v| Self::Blob(Some(v.to_vec()));
    Option<Vec<u8>> => |v| Self::Blob(v);
    Credits => |v| Self::Int(Some(v.0));
    Instant => |v| Self::Int(Some(v.timestamp_millis()));
    Option<Instant> => |v| Self::Int(v.map(|at| at.timestamp_millis()));
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(Some(bytes.to_vec()))
    }
}

impl<const N: usize> From<Option<[u8; N]>> for Value {
    fn from(bytes: Option<[u8; N]>) -> Self {
        Self::Blob(bytes.map(|b| b.to_vec()))
    }
}

/// The values of a statement: `args![id, 5_i64]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::values::Value::from($value)),*] };
}
