//! Whom a TLS connection to the mail server trusts.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SmtpUrlError;

/// The CAs of this machine, or of the file that `SSL_CERT_FILE` names; and this one, a certificate in PEM.
pub fn connector(ca: Option<&[u8]>) -> Result<TlsConnector, SmtpUrlError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if let Some(error) = found.errors.first()
        // A machine without any learns that at the first handshake: perhaps its server has no encryption.
        && std::env::var_os("SSL_CERT_FILE").is_some()
        && roots.is_empty()
    {
        return Err(SmtpUrlError::Encryption(format!("SSL_CERT_FILE: {error}")));
    }
    let wrong = |error: tokio_rustls::rustls::Error| SmtpUrlError::Encryption(error.to_string());
    if let Some(ca) = ca {
        let ca = CertificateDer::from_pem_slice(ca).map_err(|error| SmtpUrlError::Encryption(error.to_string()))?;
        roots.add(ca).map_err(wrong)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
