//! The languages that messages and mails are written in: [`Language`], as listed in the crate `locale-build`.

use std::fmt::Display;

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

impl Language {
    /// The language of a BCP 47 tag (`de`, `de-AT`, `DE`); the first one for a language without catalog.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::ALL[0])
    }

    /// The language of a BCP 47 tag, if it has a catalog.
    #[must_use]
    pub fn known(tag: &str) -> Option<Self> {
        // Some clients send a POSIX locale, `de_DE`.
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

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
