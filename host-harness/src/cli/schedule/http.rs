//! Requests over a network.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::cli::mail::is_of_this_machine;
use crate::cli::{Failure, failed};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole request may take: longer than a host lets one of its calls run.
const WHOLE: Duration = Duration::from_secs(120);

/// A host on a network.
pub struct Http {
    agent: ureq::Agent,
    /// Without a slash at its end.
    url: String,
    authorization: HeaderValue,
}

impl Http {
    /// `url`: a checked base URL.
    pub fn new(url: String, authorization: HeaderValue) -> Self {
        if is_readable_on_the_way(&url) {
            tracing::warn!("{url} is not encrypted, so others on the network can read the token: use https://");
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could lead the token elsewhere, and the API has none for these paths.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE));
        if url.starts_with("https:") {
            let authorities: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
                .certs
                .iter()
                .map(|one| Certificate::from_der(one).to_owned())
                .collect();
            let tls = TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .root_certs(RootCerts::new_with_certs(&authorities))
                .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
                .build();
            config = config.tls_config(tls);
        }
        Self {
            agent: config.build().into(),
            url,
            authorization,
        }
    }

    /// Status, headers and body of the response.
    pub async fn send(&self, request: Request<Option<String>>) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let (mut parts, body) = request.into_parts();
        parts.uri = format!("{}{}", self.url, parts.uri).parse()?;
        parts.headers.insert(AUTHORIZATION, self.authorization.clone());
        let agent = self.agent.clone();
        let sent = spawn_blocking(move || {
            let mut response = match body {
                Some(body) => agent.run(Request::from_parts(parts, body))?,
                None => agent.run(Request::from_parts(parts, ()))?,
            };
            let body = response.body_mut().read_to_vec()?;
            Ok::<_, ureq::Error>((response.status(), response.headers().clone(), body))
        });
        let sent = sent.await?;
        sent.map_err(|reason| failed(format!("could not reach {}", self.url))(&reason))
    }
}

/// Whether other machines on the way to this URL can read a token.
fn is_readable_on_the_way(url: &str) -> bool {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse();
    url.starts_with("http:") && host != "localhost" && !number.is_ok_and(is_of_this_machine)
}

#[cfg(test)]
mod tests {
    use super::is_readable_on_the_way;

    #[test]
    fn a_token_is_readable_on_the_way_to_another_machine_without_encryption() {
        for (url, readable) in [
            ("http://tickets.example", true),
            ("http://10.0.0.7:8080", true),
            ("https://tickets.example", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
            ("http://localhost:8080/exports", false),
        ] {
            assert_eq!(is_readable_on_the_way(url), readable, "{url}");
        }
    }
}
