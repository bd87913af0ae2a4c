//! Which row of the [table](super::table) a method and a path mean. Nothing is looked up here.

use std::borrow::Cow;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use scheduled_exports_store::Scope;

use super::row::{Action, Level, Row};
use super::table::{ROOT, ROWS};

/// No slug, identifier or verb is longer, in bytes.
const LONGEST_NAME: usize = 255;
/// Every method that the API has, in the order of `Allow`.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Route {
    /// All rows of the path.
    rows: &'static [Row],
    /// `None` for a name that nothing can have, so that nobody has permissions there.
    pub scope: Option<Scope>,
    /// The id in the path: `Some(None)` for one that nothing can have.
    id: Option<Option<u64>>,
    /// The last segment, decoded; `None` for a name that nothing can have.
    name: Option<String>,
    /// The path ends with a slash, as it should.
    pub slash: bool,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read(Read),
    Write(Write),
    /// Something of an id or name that nothing has.
    Nothing,
}

/// What changes nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    List,
    One(u64),
    Runs(u64),
    /// One entry of the run history of schedule `id`.
    Run {
        id: u64,
        run: u64,
    },
    Exporters,
    Exporter(String),
    View {
        id: Option<u64>,
        name: String,
    },
    DeletedEvents,
}

/// The scope that a call needs of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenScope {
    Read,
    Write,
    /// Either of them: a preview is a POST and changes nothing.
    Either,
}

/// What may change something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write {
    Create,
    Replace(u64),
    Patch(u64),
    Delete(u64),
    Act { id: Option<u64>, verb: String },
}

impl Write {
    /// A body says something here; any other is not read.
    pub fn has_body(&self) -> bool {
        !matches!(self, Self::Delete(_))
    }
}

/// Of one path of the table: its rows.
pub(super) fn paths() -> impl Iterator<Item = &'static [Row]> {
    ROWS.chunk_by(|one, next| (one.path, one.level == Level::Host) == (next.path, next.level == Level::Host))
}

/// The value of `Allow` for these rows: the methods that are not answered with a 405.
pub(super) fn allow(rows: &[Row]) -> String {
    let mut allow = String::new();
    for method in METHODS
        .into_iter()
        .filter(|method| rows.iter().any(|row| row.method == *method))
    {
        allow.push_str(method);
        allow.push_str(if method == "GET" { ", HEAD, " } else { ", " });
    }
    allow + "OPTIONS"
}

impl Route {
    /// `None` if there is no such path.
    pub fn find(path: &str) -> Option<Self> {
        match path.strip_prefix(ROOT) {
            Some(below) => Self::below(below),
            None => Self::of_host(path),
        }
    }

    fn of_host(path: &str) -> Option<Self> {
        let segments = match path.strip_prefix(DOWNLOADS) {
            // Whatever is below it reads like a secret that nobody has.
            Some(secret) => ["", "download", secret].map(Segment::of).into(),
            None => Segment::split(path),
        };
        let mut rows = paths().filter(|rows| rows[0].level == Level::Host);
        let rows = rows.find(|rows| matches(rows[0].path, &segments))?;
        let captured = |name| captured(rows[0].path, &segments, name);
        let scope = captured("{organizer}").map(|organizer| {
            let event = captured("{event}").map(Segment::name);
            scope(organizer.name(), event)
        });
        Some(Self {
            rows,
            scope: scope.flatten(),
            id: None,
            // A secret is not decoded.
            name: segments.last().map(|segment| segment.raw.to_owned()),
            slash: true,
        })
    }

    fn below(below_root: &str) -> Option<Self> {
        let (names, slash) = match below_root.strip_suffix('/') {
            Some(names) => (names, true),
            None => (below_root, false),
        };
        let segments = Segment::split(names);
        if segments.iter().any(|segment| segment.raw.is_empty()) {
            return None;
        }
        let (organizer, event, rest) = match segments.as_slice() {
            [organizer, events, event, rest @ ..] if events.raw == "events" => (organizer, Some(event), rest),
            [organizer, rest @ ..] => (organizer, None, rest),
            [] => return None,
        };
        let level = |row: &Row| row.level == Level::Both || (row.level == Level::Organizer && event.is_none());
        let mut rows = paths().filter(|rows| level(&rows[0]));
        let rows = rows.find(|rows| matches(rows[0].path.trim_end_matches('/'), rest))?;
        Some(Self {
            rows,
            scope: scope(organizer.name(), event.map(Segment::name)),
            id: captured(rows[0].path.trim_end_matches('/'), rest, "{id}").map(|id| number(id.raw)),
            name: rest.last().and_then(Segment::name),
            slash,
        })
    }

    /// The value of `Allow`. `None` where nothing is known to be there, so that nothing can be promised.
    pub fn allow(&self) -> Option<String> {
        let is_word = self.id.is_none() && self.rows[0].operation.is_none();
        (!is_word).then(|| allow(self.rows))
    }

    /// The row of this method. HEAD is GET without the body.
    pub fn row(&self, method: &Method) -> Option<&'static Row> {
        let method = if *method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        self.rows.iter().find(|row| row.method == method)
    }

    /// What a row of this path asks for.
    pub fn call(&self, row: &Row) -> Call {
        self.found(row).unwrap_or(Call::Nothing)
    }

    /// `None` if nothing can have the id or name.
    fn found(&self, row: &Row) -> Option<Call> {
        let id = self.id.flatten();
        let name = || self.name.clone();
        Some(match row.action {
            Action::List => Call::Read(Read::List),
            Action::One => Call::Read(Read::One(id?)),
            Action::Runs => Call::Read(Read::Runs(id?)),
            Action::Run => Call::Read(Read::Run {
                id: id?,
                run: number(self.name.as_deref()?)?,
            }),
            Action::Exporters => Call::Read(Read::Exporters),
            Action::Exporter => Call::Read(Read::Exporter(name()?)),
            Action::DeletedEvents => Call::Read(Read::DeletedEvents),
            Action::View => {
                let id = self.id.map_or(Some(None), |id| id.map(Some))?;
                let name = name().filter(|name| is_view(name))?;
                Call::Read(Read::View { id, name })
            }
            Action::Create => Call::Write(Write::Create),
            Action::Replace => Call::Write(Write::Replace(id?)),
            Action::Patch => Call::Write(Write::Patch(id?)),
            Action::Delete => Call::Write(Write::Delete(id?)),
            Action::Act => {
                let id = self.id.map_or(Some(None), |id| id.map(Some))?;
                Call::Write(Write::Act { id, verb: name()? })
            }
            Action::Home | Action::Health | Action::Ready | Action::Description | Action::Download | Action::Page => {
                return None;
            }
        })
    }

    /// The secret of a download link, as it was sent.
    pub fn secret(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// The path of the API with the schedules that a page for people is about.
pub(super) fn managed(page: &str) -> String {
    let names: Vec<&str> = page.split('/').skip(2).take(4).collect();
    match *names.as_slice() {
        [organizer, event, _, _] => format!("{ROOT}{organizer}/events/{event}/scheduled_exports/"),
        [organizer, ..] => format!("{ROOT}{organizer}/scheduled_exports/"),
        [] => ROOT.to_owned(),
    }
}

/// What a download link begins with.
const DOWNLOADS: &str = "/download/";

/// A segment of a path.
struct Segment<'a> {
    raw: &'a str,
    /// `None` if it is not UTF-8.
    decoded: Option<Cow<'a, str>>,
}

impl<'a> Segment<'a> {
    /// The segments of a path, up to one more than any row has.
    fn split(path: &'a str) -> Vec<Self> {
        let segments = path.split('/').take(7);
        segments.map(Self::of).collect()
    }

    fn of(raw: &'a str) -> Self {
        Self {
            raw,
            decoded: percent_decode_str(raw).decode_utf8().ok(),
        }
    }

    /// A slug, identifier or verb, decoded. `None` for what no store can hold or should be asked for.
    fn name(&self) -> Option<String> {
        let name = self.decoded.as_deref()?;
        (name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)).then(|| name.to_owned())
    }

    fn is(&self, template: &str, last: bool) -> bool {
        match template {
            // A word in its place is a view or verb; before another segment, it is an id that nothing has.
            "{id}" if last => is_number(self.raw),
            _ if template.starts_with('{') => !self.raw.is_empty(),
            _ => self.decoded.as_deref() == Some(template),
        }
    }
}

fn matches(template: &str, segments: &[Segment<'_>]) -> bool {
    let mut places = segments.iter().enumerate();
    let mut names = template.split('/');
    loop {
        match (names.next(), places.next()) {
            (Some(name), Some((place, segment))) if segment.is(name, place + 1 == segments.len()) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// The segment in the place of a name.
fn captured<'s, 'a>(template: &str, segments: &'s [Segment<'a>], name: &str) -> Option<&'s Segment<'a>> {
    let place = template.split('/').position(|segment| segment == name)?;
    segments.get(place)
}

/// `None` if one of the names is one that nothing can have.
fn scope(organizer: Option<String>, event: Option<Option<String>>) -> Option<Scope> {
    let organizer = organizer?;
    let event = match event {
        Some(event) => Some(event?),
        None => None,
    };
    Some(Scope { organizer, event })
}

/// Can a view have this name? A lower-case letter comes first, then also digits, `_` and `-`.
fn is_view(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

fn is_number(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id. Stores count in 63 bits; a higher number is nobody's id.
fn number(segment: &str) -> Option<u64> {
    let id = is_number(segment).then(|| segment.parse().ok())??;
    (id <= u64::MAX >> 1).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(path: &str) -> Option<Route> {
        Route::find(&format!("{ROOT}{path}"))
    }

    fn route(path: &str) -> Route {
        below(&format!("big/{path}")).expect("a path of the API")
    }

    /// The path in the table that this one leads to.
    fn template(path: &str) -> &'static str {
        route(path).rows[0].path
    }

    fn call(path: &str, method: &Method) -> Option<Call> {
        let route = route(path);
        route.row(method).map(|row| route.call(row))
    }

    fn get(path: &str) -> Option<Call> {
        call(path, &Method::GET)
    }

    #[test]
    fn both_levels_have_the_same_paths() {
        for level in ["big/", "big/events/conf/"] {
            let event = level.contains("events").then(|| "conf".to_owned());
            for (path, template, id) in [
                ("scheduled_exports/", "scheduled_exports/", None),
                ("scheduled_exports/7/", "scheduled_exports/{id}/", Some(Some(7))),
                ("scheduled_exports/preview/", "scheduled_exports/preview/", None),
                ("scheduled_exports/pre%76iew/", "scheduled_exports/preview/", None),
                ("scheduled_exports/previews/", "scheduled_exports/{name}/", None),
                (
                    "scheduled_exports/7/runs/",
                    "scheduled_exports/{id}/runs/",
                    Some(Some(7)),
                ),
                (
                    "scheduled_exports/7/runs/812/",
                    "scheduled_exports/{id}/runs/{run}/",
                    Some(Some(7)),
                ),
                (
                    "scheduled_exports/7/archive/",
                    "scheduled_exports/{id}/{name}/",
                    Some(Some(7)),
                ),
                ("exporters/", "exporters/", None),
                ("exporters/orderlist/", "exporters/{identifier}/", None),
            ] {
                let scope = Some(Scope {
                    organizer: "big".into(),
                    event: event.clone(),
                });
                let found = below(&format!("{level}{path}")).expect("a path of the API");
                assert_eq!(
                    (found.rows[0].path, found.scope, found.id, found.slash),
                    (template, scope, id, true),
                    "{level}{path}"
                );
            }
        }
        assert_eq!(
            template("scheduled_exports/deleted_events/"),
            "scheduled_exports/deleted_events/"
        );
        assert_eq!(
            template("events/conf/scheduled_exports/deleted_events/"),
            "scheduled_exports/{name}/"
        );
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in [
            "",
            "big/",
            "big//",
            "/scheduled_exports/",
            "big//scheduled_exports/",
            "big/scheduled_exports//",
            "big/scheduled_exports/7//",
            "big/scheduled_exports/7/runs/1/2/",
            "big/scheduled_exports/7/runs/1/2/3/4/5/",
            "big/events/",
            "big/events/conf/",
            "big/events//scheduled_exports/",
            "big/event/conf/scheduled_exports/",
            "big/exporters/orderlist/fields/",
            "big/Scheduled_exports/",
        ] {
            assert!(below(path).is_none(), "{path}");
        }
        for path in [
            "",
            "*",
            "//",
            "/healthz/",
            "/api/v1/",
            "/api/v2/organizers/big/scheduled_exports/",
        ] {
            assert!(Route::find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_page_that_notices_link_to_stands_for_a_path_of_the_api() {
        for (path, api) in [
            ("big/scheduled-exports/", Some("big/scheduled_exports/")),
            (
                "big/conf/scheduled-exports/",
                Some("big/events/conf/scheduled_exports/"),
            ),
            ("b%20g/scheduled-exports/", Some("b%20g/scheduled_exports/")),
            ("", None),
            ("big/", None),
            ("big/scheduled-exports", None),
            ("big/scheduled-exports/7/", None),
            ("/scheduled-exports/", None),
            ("//scheduled-exports/", None),
            ("/conf/scheduled-exports/", None),
            ("big//scheduled-exports/", None),
            ("big/conf/more/scheduled-exports/", None),
            ("%00/scheduled-exports/", None),
            ("big/%FF/scheduled-exports/", None),
        ] {
            let path = format!("/control/{path}");
            let found = Route::find(&path).filter(|route| route.scope.is_some());
            assert_eq!(
                found.map(|_| managed(&path)),
                api.map(|api| format!("{ROOT}{api}")),
                "{path}"
            );
        }
    }

    #[test]
    fn an_id_is_ascii_digits_up_to_63_bits() {
        let id = |text: &str| get(&format!("scheduled_exports/{text}/"));
        assert_eq!(id("0"), Some(Call::Read(Read::One(0))));
        assert_eq!(id("007"), Some(Call::Read(Read::One(7))));
        assert_eq!(id("9223372036854775807"), Some(Call::Read(Read::One(u64::MAX >> 1))));
        assert_eq!(id("9223372036854775808"), Some(Call::Nothing));
        assert_eq!(id("99999999999999999999999"), Some(Call::Nothing));
        for word in ["+1", "-1", "1.0", "1e3", "0x1", "٣"] {
            assert_eq!(
                template(&format!("scheduled_exports/{word}/")),
                "scheduled_exports/{name}/"
            );
        }
        assert_eq!(get("scheduled_exports/+1/runs/"), Some(Call::Nothing));
    }

    #[test]
    fn a_name_is_decoded_and_nonsense_is_nobodys() {
        let longest = "a".repeat(LONGEST_NAME);
        let exporter = |text: &str| get(&format!("exporters/{text}/"));
        let named = |name: &str| Some(Call::Read(Read::Exporter(name.to_owned())));
        assert_eq!(exporter("order%6Cist"), named("orderlist"));
        assert_eq!(exporter("a%2Fb"), named("a/b"));
        assert_eq!(exporter("%zz%"), named("%zz%"));
        assert_eq!(exporter(&longest), named(&longest));
        for nonsense in ["%00", "a%0Ab", "%FF", "%C3", "%C2%85", &format!("{longest}a")] {
            assert_eq!(exporter(nonsense), Some(Call::Nothing), "{nonsense}");
        }
        for path in ["%00/exporters/", "big/events/%FF/exporters/"] {
            assert_eq!(below(path).expect("a path of the API").scope, None, "{path}");
        }
    }

    #[test]
    fn allow_names_the_methods_that_have_a_call() {
        let methods = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW",
        ];
        for (path, allowed) in [
            ("scheduled_exports/", "GET, HEAD, POST"),
            ("scheduled_exports/7/", "GET, HEAD, PUT, PATCH, DELETE"),
            ("scheduled_exports/7/runs/", "GET, HEAD"),
            ("scheduled_exports/7/rule/", "GET, HEAD"),
            ("scheduled_exports/7/pause/", "POST"),
            ("scheduled_exports/7/archive/", "GET, HEAD, POST"),
            ("scheduled_exports/7/take_over/", "POST"),
            ("scheduled_exports/preview/", "GET, HEAD, POST"),
            ("scheduled_exports/form/", "GET, HEAD"),
            ("exporters/", "GET, HEAD"),
            ("exporters/orderlist/", "GET, HEAD"),
        ] {
            let allow = route(path).allow().expect("something that is there");
            assert_eq!(allow, format!("{allowed}, OPTIONS"), "{path}");
            let called: Vec<&str> = methods
                .into_iter()
                .filter(|name| call(path, &name.parse().expect("a method")).is_some())
                .collect();
            assert_eq!(called.join(", "), allowed, "{path}");
        }
        assert_eq!(allow(ROWS), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }

    #[test]
    fn a_word_is_a_view_to_get_a_verb_to_post_and_else_an_id_that_is_no_number() {
        let summary = |method| call("scheduled_exports/summary/", &method);
        let verb = "summary".to_owned();
        assert_eq!(summary(Method::POST), Some(Call::Write(Write::Act { id: None, verb })));
        let name = "summary".to_owned();
        assert_eq!(summary(Method::GET), Some(Call::Read(Read::View { id: None, name })));
        assert_eq!(summary(Method::PUT), None);
        assert_eq!(summary(Method::TRACE), None);
        assert_eq!(route("scheduled_exports/summary/").allow(), None);
    }

    #[test]
    fn a_preview_needs_either_scope_any_other_view_to_read_and_any_other_verb_to_write() {
        let called = |path: &str, method: &Method| route(path).row(method).expect("a view and a verb").scope;
        let needs = |path: &str| called(path, &Method::POST);
        assert_eq!(called("scheduled_exports/preview/", &Method::GET), TokenScope::Either);
        for view in ["rule", "form", "7/form", "summary"] {
            let path = format!("scheduled_exports/{view}/");
            assert_eq!(called(&path, &Method::GET), TokenScope::Read, "{view}");
        }
        assert_eq!(called("scheduled_exports/7/preview/", &Method::HEAD), TokenScope::Read);
        assert_eq!(needs("scheduled_exports/preview/"), TokenScope::Either);
        assert_eq!(needs("scheduled_exports/summary/"), TokenScope::Write);
        // Of one schedule, it shows what is stored.
        assert_eq!(needs("scheduled_exports/7/preview/"), TokenScope::Read);
        assert_eq!(needs("scheduled_exports/7/take_over/"), TokenScope::Write);
    }

    #[test]
    fn a_row_that_takes_the_place_of_a_generic_path_is_found_before_it() {
        // `{name}` comes last, or the rows behind it would never be reached.
        for rows in paths() {
            let level = rows[0].level;
            let path = rows[0].path.replace("{id}", "7").replace('{', "a").replace('}', "");
            let found = match level {
                Level::Host => Route::find(&path).expect("a path of the table"),
                _ => route(&path),
            };
            assert_eq!(found.rows[0].path, rows[0].path);
        }
    }
}
