//! The languages that messages and mails are written in: [`Language`], as listed in the crate `locale-build`.

use std::fmt::Display;

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A whole number in a text.
pub trait Number: Copy + Display {
    /// The absolute value, which determines the plural form.
    fn magnitude(self) -> u64;
}

macro_rules! unsigned {
    ($($number:ty)*) => {$(
        impl Number for $number {
            fn magnitude(self) -> u64 {
                self.into()
            }
        }
    )*};
}

unsigned!(u32 u64);

impl Number for usize {
    fn magnitude(self) -> u64 {
        self.try_into().unwrap_or(u64::MAX)
    }
}

impl Number for i64 {
    fn magnitude(self) -> u64 {
        self.unsigned_abs()
    }
}
