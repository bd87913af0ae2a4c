//! The part of a mail that holds its file, under a name that every mail program reads.
//!
//! The name is in Content-Disposition and in Content-Type, since each is all that some programs read. As long as it is ASCII of
//! at most 78 characters it is one plain parameter (RFC 2183, 2). Otherwise Content-Disposition has it by RFC 2231, and the
//! older `name` of Content-Type is for the programs that do not know that: whole if it is ASCII, else in encoded words.

use lettre::message::SinglePart;
use lettre::message::header::{ContentDisposition, ContentType, Header, HeaderName, HeaderValue};

use super::is_control;
use super::message::{base64_body, encoded_words};
use crate::FileFacts;

/// Maximum length of a name that is one plain parameter.
const MAX_PLAIN: usize = 78;
/// Preferred length of a line (RFC 5322, 2.1.1).
const MAX_LINE: usize = 78;
/// Maximum length of a name without its extension, in characters.
const MAX_STEM: usize = 150;

pub(super) fn attachment(facts: &FileFacts, bytes: &[u8]) -> SinglePart {
    let name = file_name(&facts.name);
    SinglePart::builder()
        .header(PartType::new(&content_type(&facts.content_type), &name))
        .header(Disposition::new(&name))
        .body(base64_body(bytes.to_vec()))
}

/// The exporter's content type if it is one that a base64 part can have.
fn content_type(given: &str) -> String {
    let kind = given.to_ascii_lowercase();
    // RFC 2045, 6.4: these two are never base64.
    let composite = kind.starts_with("multipart/") || kind.starts_with("message/");
    // A second name would contradict the file's.
    let named = kind.contains("name");
    if given.len() <= 200 && is_plain(given) && !composite && !named && ContentType::parse(given).is_ok() {
        return given.trim().to_owned();
    }
    "application/octet-stream".to_owned()
}

/// The exporter's file name as a bare name: no directory, no character that a file system forbids, at most [`MAX_STEM`]
/// characters and its extension.
fn file_name(given: &str) -> String {
    let bare = |c: char| {
        if is_control(c) || matches!(c, '/' | '\\' | '"' | '?' | '*' | ':' | '<' | '>' | '|') {
            '_'
        } else {
            c
        }
    };
    let clean: String = given.trim().chars().map(bare).collect();
    let (stem, extension) = match clean.rfind('.').map(|dot| clean.split_at(dot)) {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 10 => (stem, extension),
        _ => (clean.as_str(), ""),
    };
    match stem {
        "" => "export".to_owned(),
        stem => stem.chars().take(MAX_STEM).chain(extension.chars()).collect(),
    }
}

/// Can these characters stand between quotes in a header as they are?
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// A header's value with a parameter, which is on a line of its own if the first one would get too long.
fn parameter(header: &HeaderName, value: &str, parameter: &str) -> String {
    let line = header.len() + ": ".len() + value.len() + "; ".len() + parameter.len();
    let fold = if line <= MAX_LINE { "" } else { "\r\n" };
    format!("{value};{fold} {parameter}")
}

/// Content-Type with `name`.
#[derive(Clone)]
struct PartType(String);

impl PartType {
    fn new(kind: &str, name: &str) -> Self {
        let name = if is_plain(name) {
            name.to_owned()
        } else {
            encoded_words(name)
        };
        Self(parameter(&Self::name(), kind, &format!("name=\"{name}\"")))
    }
}

impl Header for PartType {
    fn name() -> HeaderName {
        ContentType::name()
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(value.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

/// Content-Disposition with `filename`.
#[derive(Clone)]
struct Disposition(HeaderValue);

impl Disposition {
    fn new(name: &str) -> Self {
        if !is_plain(name) || name.len() > MAX_PLAIN {
            return Self(ContentDisposition::attachment(name).display());
        }
        // lettre would split this one into continuations where it makes its line longer than 76 characters.
        let value = parameter(&Self::name(), "attachment", &format!("filename=\"{name}\""));
        Self(HeaderValue::dangerous_new_pre_encoded(
            Self::name(),
            value.clone(),
            value,
        ))
    }
}

impl Header for Disposition {
    fn name() -> HeaderName {
        ContentDisposition::name()
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(ContentDisposition::parse(value)?.display()))
    }

    fn display(&self) -> HeaderValue {
        self.0.clone()
    }
}
