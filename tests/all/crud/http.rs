//! Section 2: the HTTP API.
