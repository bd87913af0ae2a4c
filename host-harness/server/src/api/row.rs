//! What a row of the [table](super::table) says of an operation.

use super::routes::TokenScope;

/// An operation of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub method: &'static str,
    /// With names in braces, and relative to the organizer or event unless [`Level::Host`].
    pub path: &'static str,
    pub level: Level,
    pub action: Action,
    /// The id of the operation. `None` for names that only the component can know: these are not described.
    pub operation: Option<&'static str>,
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    pub scope: TokenScope,
    pub query: &'static [Parameter],
    /// The schema of the request body, and whether there must be one.
    pub body: Option<(&'static str, bool)>,
    pub success: Success,
    /// `If-Match` and `If-None-Match` count.
    pub conditional: bool,
}

/// Where the path of a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// At the root of the host. These paths need no credentials.
    Host,
    /// Below an organizer.
    Organizer,
    /// Below an organizer, and below an event.
    Both,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Home,
    Health,
    Ready,
    Description,
    Download,
    Page,
    List,
    Create,
    One,
    Replace,
    Patch,
    Delete,
    Runs,
    /// One run of the history.
    Run,
    Exporters,
    Exporter,
    DeletedEvents,
    /// The view that the last segment names.
    View,
    /// The verb that the last segment names.
    Act,
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub name: &'static str,
    pub required: bool,
    pub description: &'static str,
    /// JSON Schema, as JSON.
    pub schema: &'static str,
}

/// The response to a request that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// 200 with a document of this schema.
    Document(&'static str),
    /// 200 with a page of documents of this schema.
    PageOf(&'static str),
    /// 200 with a document of this schema and its `ETag`.
    Versioned(&'static str),
    /// 201 with a document of this schema, its `ETag` and its `Location`.
    Created(&'static str),
    /// 202 with a document of this schema and, of a schedule, the `Location` of the run.
    Accepted(&'static str),
    /// 204.
    Nothing,
    /// 200 with a text for people.
    Text,
    /// A file, or the part of it that was requested.
    File,
    /// 200 with the description of the API.
    Description,
}

/// A path at the root of the host.
pub(super) const fn host(
    path: &'static str,
    action: Action,
    operation: &'static str,
    summary: &'static str,
    success: Success,
) -> Row {
    Row {
        level: Level::Host,
        ..read(path, action, operation, summary, success)
    }
}

/// A GET.
pub(super) const fn read(
    path: &'static str,
    action: Action,
    operation: &'static str,
    summary: &'static str,
    success: Success,
) -> Row {
    Row {
        scope: TokenScope::Read,
        ..write("GET", path, action, operation, summary, success)
    }
}

/// A method that can change something. Below an organizer and below an event, unless the row says otherwise.
pub(super) const fn write(
    method: &'static str,
    path: &'static str,
    action: Action,
    operation: &'static str,
    summary: &'static str,
    success: Success,
) -> Row {
    Row {
        method,
        path,
        level: Level::Both,
        action,
        operation: Some(operation),
        summary,
        scope: TokenScope::Write,
        query: &[],
        body: None,
        success,
        conditional: false,
    }
}

impl Row {
    /// With these parameters.
    pub const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    /// With a request body of this schema.
    pub const fn body(self, schema: &'static str) -> Self {
        let body = Some((schema, true));
        Self { body, ..self }
    }

    /// With a request body of this schema, or none.
    pub const fn optional_body(self, schema: &'static str) -> Self {
        let body = Some((schema, false));
        Self { body, ..self }
    }

    /// With `If-Match` and `If-None-Match`.
    pub const fn conditional(self) -> Self {
        let conditional = true;
        Self { conditional, ..self }
    }

    /// For tokens with the scope `read`: it changes nothing, and shows what is stored.
    pub const fn for_reading(self) -> Self {
        let scope = TokenScope::Read;
        Self { scope, ..self }
    }

    /// For tokens with the scope `read` or `write`.
    pub const fn for_either_scope(self) -> Self {
        let scope = TokenScope::Either;
        Self { scope, ..self }
    }

    /// Not below an event.
    pub const fn at_organizer_level(self) -> Self {
        let level = Level::Organizer;
        Self { level, ..self }
    }

    /// For names that only the component can know.
    pub const fn undescribed(self) -> Self {
        let operation = None;
        Self { operation, ..self }
    }

    /// A GET, or HEAD.
    pub fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// The status of each response, in ascending order.
    pub fn statuses(&self) -> Vec<u16> {
        // Before a path is looked at: `Host`, too large a head, a transfer coding, no place for the connection.
        let mut statuses = vec![400, 431, 501, 503];
        statuses.extend(match self.success {
            Success::Document(_) | Success::PageOf(_) | Success::Versioned(_) | Success::Text => &[200][..],
            Success::Created(_) => &[201],
            Success::Accepted(_) => &[202],
            Success::Nothing => &[204],
            Success::File => &[200, 206, 304, 412, 416, 429, 500],
            Success::Description => &[200, 304],
        });
        if self.level != Level::Host {
            // A component that is older than a row does not find its view or verb.
            statuses.extend([401, 403, 404, 406, 500]);
        }
        match self.action {
            Action::Health | Action::Ready => statuses.push(500),
            Action::Download | Action::Page => statuses.push(404),
            _ => {}
        }
        // A word in place of an id leads to another path.
        if self.path.ends_with("{id}/") && !self.is_read() {
            statuses.push(405);
        }
        if !self.is_read() {
            // The idempotency key.
            statuses.extend([409, 422]);
        }
        if !self.is_read() && self.scope == TokenScope::Write {
            statuses.push(429);
        }
        if self.body.is_some() {
            statuses.extend([408, 413, 415]);
        }
        if self.conditional {
            statuses.push(412);
        }
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}
