//! The body of a write, with its limits.

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use futures_util::StreamExt;

use super::ApiLimits;
use super::negotiation;
use super::problems::Refusal;

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
    String::from_utf8(bytes).map_err(|_| Refusal::BodyNotUtf8)
}
