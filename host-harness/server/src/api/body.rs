//! The body of a write, with its limits.

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use futures_util::StreamExt;

use super::ApiLimits;
use super::negotiation;
use super::problems::Refusal;

/// The byte order mark, with which some programs begin texts in UTF-8.
const MARK: char = '\u{feff}';

/// The document that was sent, as text; empty where nothing was. That it is JSON is for the component to see.
pub(super) async fn document(headers: &HeaderMap, body: Body, limits: &ApiLimits) -> Result<String, Refusal> {
    if body.is_end_stream() {
        return Ok(String::new());
    }
    negotiation::sends_json(headers).map_err(Refusal::UnsupportedBody)?;
    let limit = limits.body_bytes;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(announced);
    let mut chunks = body.into_data_stream();
    let whole = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Refusal::BodyBroken)?;
            if chunk.len() > limit - bytes.len() {
                return Err(Refusal::BodyTooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(limits.body_timeout, whole)
        .await
        .map_err(|_| Refusal::BodyTooSlow)??;
    if is_wide(&bytes) {
        return Err(Refusal::BodyWide);
    }
    let text = String::from_utf8(bytes).map_err(|_| Refusal::BodyNotUtf8)?;
    // One at the beginning is for the component to drop.
    let marked = text.strip_prefix(MARK).unwrap_or(&text).trim_start().starts_with(MARK);
    if marked { Err(Refusal::BodyMark) } else { Ok(text) }
}

/// Is it UTF-16 or UTF-32? It has that mark, or the zero bytes of the ASCII that every document begins with, and that no document
/// in UTF-8 has.
fn is_wide(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(2).any(|byte| *byte == 0)
}
