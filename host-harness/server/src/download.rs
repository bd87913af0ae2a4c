//! Files that are fetched with a link instead of being mailed.
//!
//! A link ends in a secret of 256 random bits, of which the store keeps only the hash: who reads the store can't fetch files
//! with what he finds there, and nobody can guess one.
//!
//! ```
//! use reference_server::download::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new()?;
//! let link = secret.to_string(); // into the mail; the store gets `secret.hash()`
//! assert_eq!(Secret::read(&link).map(|read| read.hash()), Some(secret.hash()));
//! assert!(Secret::read("anything else").is_none());
//! # Ok(())
//! # }
//! ```

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use scheduled_exports_store::FileFacts;

/// How long a link leads to its file, in seconds: seven days.
pub const LIFETIME: i64 = 7 * 24 * 60 * 60;
/// What the path of a link begins with; the secret follows.
pub const PATH: &str = "/download/";

/// What a link ends in.
pub struct Secret([u8; 32]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// None: no link ends like that.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What the store knows it by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", HEXLOWER.encode_display(&self.0))
    }
}

/// A file that a link leads to. Its bytes stay in the store until they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Its name, type and size.
    pub facts: FileFacts,
    /// What the store knows the link by.
    pub link: [u8; 32],
}

impl Download {
    /// The strong entity tag of the file: a link leads to one file for as long as it leads to any.
    #[must_use]
    pub fn tag(&self) -> String {
        // Not the hash that the store has, which is nobody else's to know.
        let mut tag = Sha256::new_with_prefix(b"entity tag");
        tag.update(self.link);
        format!("\"{:.32x}\"", tag.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_no_other_text_is_one() {
        let secret = Secret::new().expect("randomness");
        let text = secret.to_string();
        assert_eq!(Secret::read(&text).expect("a secret").hash(), secret.hash());
        let upper = text.to_uppercase();
        for other in [
            "",
            "a",
            &text[1..],
            &format!("{text}0"),
            &upper[..63],
            "ä".repeat(32).as_str(),
        ] {
            assert!(Secret::read(other).is_none(), "{other}");
        }
        assert_ne!(Secret::new().expect("randomness").hash(), secret.hash());
    }
}
