//! The view `schemas`: JSON Schema 2020-12 of every document, by name. The form of an exporter has a schema of its own, which the view
//! `form` returns.

/// An object of schemas. A reference is `#/components/schemas/NAME`, so that the object is that part of an OpenAPI document.
pub(super) const SCHEMAS: &str = include_str!("schemas.json");
