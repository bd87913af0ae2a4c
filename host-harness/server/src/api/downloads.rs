//! Files that are fetched with a link: whole or in part, piece by piece out of the store, so many at a time.
//!
//! The link is looked up again for each piece: one that ends while its file is read leads to no further byte.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, REFERRER_POLICY,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use futures_util::stream::try_unfold;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use scheduled_exports_store::FILE_CHUNK;

use super::ApiLimits;
use super::backend::Backend;
use super::etag::Tags;
use super::problems::Refusal;
use super::range::Wanted;
use super::reply::Reply;
use crate::download::Download;

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// What has no place in the value of an extended parameter (RFC 8187, 3.2.1).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The files that are being sent.
#[derive(Default)]
pub(super) struct Downloads {
    /// By the hash of their link; only those that are there.
    open: Mutex<HashMap<[u8; 32], usize>>,
}

/// One of them, until it is dropped.
struct Open {
    downloads: Arc<Downloads>,
    link: [u8; 32],
}

impl Downloads {
    /// The answer to a request for the file of a link.
    pub async fn answer(
        self: &Arc<Self>,
        backend: &Arc<dyn Backend>,
        limits: &ApiLimits,
        parts: &Parts,
        secret: &str,
    ) -> Result<Reply, Refusal> {
        let Some(found) = backend.download(secret).await? else {
            return Err(Refusal::NotFound);
        };
        let tag = found.tag();
        let named = |name| Tags::of(&parts.headers, &name);
        if named(IF_MATCH).is_some_and(|tags| !tags.names_strongly(&tag)) {
            return Err(Refusal::Stale);
        }
        if named(IF_NONE_MATCH).is_some_and(|tags| tags.names(&tag)) {
            return Ok(Reply::new(StatusCode::NOT_MODIFIED, Vec::new()).with(ETAG, tag));
        }
        let size = found.facts.size;
        // Only GET has ranges (RFC 9110, 14.2).
        let wanted = match parts.method {
            Method::GET => Wanted::of(&parts.headers, size, &tag),
            _ => Wanted::Whole,
        };
        let (first, length) = match wanted {
            Wanted::Whole => (0, size),
            Wanted::Part { first, last } => (first, last - first + 1),
            Wanted::Nothing => return Err(Refusal::NoSuchRange { size }),
        };
        let status = match wanted {
            Wanted::Whole => StatusCode::OK,
            _ => StatusCode::PARTIAL_CONTENT,
        };
        let mut reply = headed(status, &found, &tag).with(CONTENT_LENGTH, length);
        if let Wanted::Part { first, last } = wanted {
            reply = reply.with(CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
        }
        if parts.method == Method::HEAD {
            return Ok(reply);
        }
        let open = self.open(found.link, limits)?;
        Ok(reply.streaming(body(Arc::clone(backend), open, first, length)))
    }

    fn open(self: &Arc<Self>, link: [u8; 32], limits: &ApiLimits) -> Result<Open, Refusal> {
        let mut open = self.opened();
        if open.get(&link).is_some_and(|count| *count >= limits.downloads_per_link) {
            return Err(Refusal::LinkInUse);
        }
        if open.values().sum::<usize>() >= limits.downloads {
            return Err(Refusal::TooManyDownloads);
        }
        *open.entry(link).or_default() += 1;
        Ok(Open {
            downloads: Arc::clone(self),
            link,
        })
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<[u8; 32], usize>> {
        // Each change is one step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.downloads.opened();
        if let Some(count) = open.get_mut(&self.link) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.link);
            }
        }
    }
}

/// A file to be saved, whatever the client could do with it.
fn headed(status: StatusCode, found: &Download, tag: &str) -> Reply {
    Reply::new(status, Vec::new())
        .with(CONTENT_TYPE, found.facts.content_type.as_str())
        .with(CONTENT_DISPOSITION, disposition(&found.facts.name))
        .with(ETAG, tag)
        .with(ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .with(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        )
        .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .with(ROBOTS, HeaderValue::from_static("noindex"))
}

/// RFC 6266: a plain name for old clients, and the real one.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._ ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(name, EXTENDED)
    )
}

/// `length` bytes of a file from `first` on, of which one piece at a time is in memory. Where the link ends before, or the store is
/// away, the connection breaks off, which the announced length shows.
fn body(backend: Arc<dyn Backend>, open: Open, first: u64, length: u64) -> Body {
    let from = (backend, open, first, length);
    Body::from_stream(try_unfold(from, |(backend, open, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = FILE_CHUNK as u64;
        let piece = backend
            .download_piece(&open.link, at / size)
            .await
            .map_err(io::Error::other)?;
        let piece = Bytes::from(piece.ok_or_else(|| io::Error::other("the link has ended"))?);
        let begin = usize::try_from(at % size).unwrap_or(usize::MAX);
        if begin >= piece.len() {
            return Err(io::Error::other("the file is shorter than it was said to be"));
        }
        let end = usize::try_from(left).map_or(piece.len(), |left| piece.len().min(begin.saturating_add(left)));
        let sent = piece.slice(begin..end);
        let count = sent.len() as u64;
        io::Result::Ok(Some((sent, (backend, open, at + count, left - count))))
    }))
}
