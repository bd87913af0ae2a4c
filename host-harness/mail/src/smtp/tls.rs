//! Whom a TLS connection to the mail server trusts.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SmtpUrlError;

/// The CAs of this machine, or of the file that `SSL_CERT_FILE` names; and this one, a certificate in PEM.
pub fn connector(ca: Option<&[u8]>) -> Result<TlsConnector, SmtpUrlError> {
    if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
        has_certificates(Path::new(&file)).map_err(|why| SmtpUrlError::Encryption(format!("SSL_CERT_FILE: {why}")))?;
    }
    // A machine without any learns that at the first handshake: perhaps its server has no encryption.
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
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

/// A file that holds a certificate in PEM, or else why it is of no use.
fn has_certificates(file: &Path) -> Result<(), String> {
    let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(format!("{} holds no certificate in PEM", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_cas_that_is_missing_a_folder_or_no_pem_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let (good, other) = (folder.path().join("ca.pem"), folder.path().join("ca.der"));
        std::fs::write(&good, scheduled_exports_test_servers::smtp_server::SmtpServer::CA).unwrap();
        std::fs::write(&other, [0x30, 0x82, 0x01]).unwrap();
        assert_eq!(has_certificates(&good), Ok(()));
        for bad in [other.as_path(), folder.path(), folder.path().join("gone").as_path()] {
            let why = has_certificates(bad).unwrap_err();
            assert!(
                why.starts_with(&bad.display().to_string()) && !why.contains('\n'),
                "{why}"
            );
        }
    }
}
