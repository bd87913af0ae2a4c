//! Certificate and key of the servers, made for nothing but this: [`CA`] signed [`SERVER`] for `localhost` and `127.0.0.1`, valid
//! from 2020 to 9999, both with openssl on P-256 keys. The CA's key was thrown away.

/// The certificate to trust, as PEM.
pub const CA: &str = include_str!("certificate/ca.pem");
/// The servers' certificate, as PEM.
pub const SERVER: &str = include_str!("certificate/server.pem");
/// The servers' key, as PEM.
pub const KEY: &str = include_str!("certificate/server.key");
