//! Which call a method and a path mean. Nothing is looked up here.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use scheduled_exports_store::Scope;

use crate::download;

/// Everything about scheduled exports lies below.
pub(super) const ROOT: &str = "/api/v1/organizers/";
/// The platform's pages, which notices link to, lie below.
const PAGES: &str = "/control/";
/// No slug, identifier or verb is longer, in bytes.
const LONGEST_NAME: usize = 255;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: what is here.
    Home,
    /// `/healthz`.
    Health,
    /// `/readyz`.
    Ready,
    /// A file that is fetched with a link: the link's secret.
    Download(String),
    /// Where links in notices lead: on a real platform, the page on which these schedules are managed. The path of the API below
    /// [`ROOT`] that has them.
    Page(String),
    /// Something of an organizer or event.
    Below(Endpoint),
}

/// Something of an organizer or event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// None: a name that nothing can have, so that nobody has rights there.
    pub scope: Option<Scope>,
    pub resource: Resource,
    /// The path ends with a slash, as it should.
    pub slash: bool,
}

/// What a path names. An id or name is none where nothing can have it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Schedules,
    Schedule(Option<u64>),
    /// [`PREVIEW`] where an id could be.
    Preview,
    /// Another word where an id could be: to GET, a view of the component's, to POST a verb; to all else, an id that is no number.
    Word(Option<String>),
    Runs(Option<u64>),
    /// One entry of a run history: schedule and run.
    Run(Option<u64>, Option<u64>),
    /// A word behind an id: to GET, a view of the component's, to POST a verb.
    Verb(Option<u64>, Option<String>),
    Exporters,
    Exporter(Option<String>),
    /// Of an organizer: what is left of events that are gone.
    DeletedEvents,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read(Read),
    Write(Write),
    /// Something of an id or name that nothing has.
    Nothing {
        needs: TokenScope,
    },
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

impl Route {
    /// None: no such path.
    pub fn find(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Home),
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            _ => match path.strip_prefix(download::PATH) {
                Some(secret) => Some(Self::Download(secret.to_owned())),
                None => match path.strip_prefix(PAGES) {
                    Some(below) => page(below).map(Self::Page),
                    None => Endpoint::find(path.strip_prefix(ROOT)?).map(Self::Below),
                },
            },
        }
    }
}

/// The path of the API for what this page is about.
fn page(below_pages: &str) -> Option<String> {
    let segments: Vec<&str> = below_pages.split('/').take(5).collect();
    let (scope, named) = match *segments.as_slice() {
        [organizer, "scheduled-exports", ""] => (organizer.to_owned(), name(organizer).is_some()),
        [organizer, event, "scheduled-exports", ""] => (
            format!("{organizer}/events/{event}"),
            name(organizer).is_some() && name(event).is_some() && !event.is_empty(),
        ),
        _ => return None,
    };
    (named && !scope.starts_with('/') && !scope.is_empty()).then(|| format!("{ROOT}{scope}/scheduled_exports/"))
}

impl Endpoint {
    fn find(below_root: &str) -> Option<Self> {
        let (names, slash) = match below_root.strip_suffix('/') {
            Some(names) => (names, true),
            None => (below_root, false),
        };
        let segments: Vec<&str> = names.split('/').take(7).collect();
        if segments.contains(&"") {
            return None;
        }
        let (organizer, event, rest) = match *segments.as_slice() {
            [organizer, "events", event, ref rest @ ..] => (name(organizer), Some(name(event)), rest),
            [organizer, ref rest @ ..] => (name(organizer), None, rest),
            [] => return None,
        };
        let organizer_level = event.is_none();
        let scope = match (organizer, event) {
            (Some(organizer), None) => Some(Scope { organizer, event: None }),
            (Some(organizer), Some(Some(event))) => Some(Scope {
                organizer,
                event: Some(event),
            }),
            (None, _) | (_, Some(None)) => None,
        };
        let resource = match *rest {
            ["scheduled_exports"] => Resource::Schedules,
            ["scheduled_exports", "deleted_events"] if organizer_level => Resource::DeletedEvents,
            ["scheduled_exports", id] if is_number(id) => Resource::Schedule(number(id)),
            ["scheduled_exports", word] => match name(word) {
                Some(word) if word == PREVIEW => Resource::Preview,
                word => Resource::Word(word),
            },
            ["scheduled_exports", id, "runs"] => Resource::Runs(number(id)),
            ["scheduled_exports", id, "runs", run] => Resource::Run(number(id), number(run)),
            ["scheduled_exports", id, verb] => Resource::Verb(number(id), name(verb)),
            ["exporters"] => Resource::Exporters,
            ["exporters", identifier] => Resource::Exporter(name(identifier)),
            _ => return None,
        };
        Some(Self { scope, resource, slash })
    }
}

impl Resource {
    /// The value of `Allow`: the methods that are not answered with a 405. None where nothing is known to be there, so that
    /// nothing can be promised.
    pub fn allow(&self) -> Option<&'static str> {
        Some(match self {
            Self::Schedules => "GET, HEAD, POST, OPTIONS",
            Self::Schedule(_) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Self::Verb(_, Some(verb)) if verb == TAKE_OVER => "POST, OPTIONS",
            Self::Preview | Self::Verb(..) => "GET, HEAD, POST, OPTIONS",
            Self::Runs(_) | Self::Run(..) | Self::Exporters | Self::Exporter(_) | Self::DeletedEvents => READ_ONLY,
            Self::Word(_) => return None,
        })
    }

    /// None: no such method here.
    pub fn call(self, method: &Method) -> Option<Call> {
        let read = |found: Option<Read>| {
            found.map_or(
                Call::Nothing {
                    needs: TokenScope::Read,
                },
                Call::Read,
            )
        };
        let write = |found: Option<Write>| {
            found.map_or(
                Call::Nothing {
                    needs: TokenScope::Write,
                },
                Call::Write,
            )
        };
        let reads = is_read(method);
        Some(match self {
            Self::Schedules if reads => Call::Read(Read::List),
            Self::Schedules if method == Method::POST => Call::Write(Write::Create),
            Self::Schedule(id) if reads => read(id.map(Read::One)),
            Self::Schedule(id) if method == Method::PUT => write(id.map(Write::Replace)),
            Self::Schedule(id) if method == Method::PATCH => write(id.map(Write::Patch)),
            Self::Schedule(id) if method == Method::DELETE => write(id.map(Write::Delete)),
            Self::Word(verb) if method == Method::POST => write(verb.map(|verb| Write::Act { id: None, verb })),
            Self::Word(name) if reads => read(
                name.filter(|name| is_view(name))
                    .map(|name| Read::View { id: None, name }),
            ),
            Self::Word(_) => write(None),
            Self::Preview if reads => Call::Read(Read::View {
                id: None,
                name: PREVIEW.to_owned(),
            }),
            Self::Preview if method == Method::POST => Call::Write(Write::Act {
                id: None,
                verb: PREVIEW.to_owned(),
            }),
            Self::Verb(id, name) if reads && name.as_deref() != Some(TAKE_OVER) => {
                let name = name.filter(|name| is_view(name));
                read(id.zip(name).map(|(id, name)| Read::View { id: Some(id), name }))
            }
            Self::Verb(id, verb) if method == Method::POST => {
                write(id.zip(verb).map(|(id, verb)| Write::Act { id: Some(id), verb }))
            }
            Self::Runs(id) if reads => read(id.map(Read::Runs)),
            Self::Run(id, run) if reads => read(id.zip(run).map(|(id, run)| Read::Run { id, run })),
            Self::DeletedEvents if reads => Call::Read(Read::DeletedEvents),
            Self::Exporters if reads => Call::Read(Read::Exporters),
            Self::Exporter(identifier) if reads => read(identifier.map(Read::Exporter)),
            _ => return None,
        })
    }
}

/// The view, and the verb, that answers when a rule runs next, and changes nothing.
const PREVIEW: &str = "preview";
/// The verb that changes the owner; no view has its name.
const TAKE_OVER: &str = "take_over";
/// `Allow` of what can only be read.
pub(super) const READ_ONLY: &str = "GET, HEAD, OPTIONS";

/// GET, or HEAD, which is GET without the body.
pub(super) fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
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

impl Call {
    /// What a token must be good for.
    pub fn needs(&self) -> TokenScope {
        match self {
            Self::Read(Read::View { id: None, name }) if name == PREVIEW => TokenScope::Either,
            Self::Read(_) => TokenScope::Read,
            Self::Write(Write::Act { id: None, verb }) if verb == PREVIEW => TokenScope::Either,
            Self::Write(_) => TokenScope::Write,
            Self::Nothing { needs } => *needs,
        }
    }
}

/// An id. Stores count in 63 bits; a higher number is nobody's id.
fn number(segment: &str) -> Option<u64> {
    let id = is_number(segment).then(|| segment.parse().ok())??;
    (id <= u64::MAX >> 1).then_some(id)
}

/// A slug, identifier or verb, decoded. None for what no store can hold or should be asked for.
fn name(segment: &str) -> Option<String> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    (name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)).then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(path: &str) -> Option<Endpoint> {
        match Route::find(&format!("{ROOT}{path}"))? {
            Route::Below(endpoint) => Some(endpoint),
            Route::Home | Route::Health | Route::Ready | Route::Download(_) | Route::Page(_) => None,
        }
    }

    fn resource(path: &str) -> Resource {
        below(&format!("big/{path}")).expect("a path of the API").resource
    }

    #[test]
    fn both_levels_have_the_same_resources() {
        for level in ["big/", "big/events/conf/"] {
            let event = level.contains("events").then(|| "conf".to_owned());
            for (path, resource) in [
                ("scheduled_exports/", Resource::Schedules),
                ("scheduled_exports/7/", Resource::Schedule(Some(7))),
                ("scheduled_exports/preview/", Resource::Preview),
                ("scheduled_exports/pre%76iew/", Resource::Preview),
                ("scheduled_exports/previews/", Resource::Word(Some("previews".into()))),
                ("scheduled_exports/7/runs/", Resource::Runs(Some(7))),
                ("scheduled_exports/7/runs/812/", Resource::Run(Some(7), Some(812))),
                (
                    "scheduled_exports/7/pause/",
                    Resource::Verb(Some(7), Some("pause".into())),
                ),
                ("exporters/", Resource::Exporters),
                ("exporters/orderlist/", Resource::Exporter(Some("orderlist".into()))),
            ] {
                let scope = Some(Scope {
                    organizer: "big".into(),
                    event: event.clone(),
                });
                let found = below(&format!("{level}{path}"));
                assert_eq!(
                    found,
                    Some(Endpoint {
                        scope,
                        resource,
                        slash: true
                    }),
                    "{level}{path}"
                );
            }
        }
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
            assert_eq!(below(path), None, "{path}");
        }
        for path in [
            "",
            "*",
            "//",
            "/healthz/",
            "/api/v1/",
            "/api/v2/organizers/big/scheduled_exports/",
        ] {
            assert_eq!(Route::find(path), None, "{path}");
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
            let found = Route::find(&format!("{PAGES}{path}"));
            assert_eq!(found, api.map(|api| Route::Page(format!("{ROOT}{api}"))), "{path}");
        }
    }

    #[test]
    fn an_id_is_ascii_digits_up_to_63_bits() {
        let id = |text: &str| resource(&format!("scheduled_exports/{text}/"));
        assert_eq!(id("0"), Resource::Schedule(Some(0)));
        assert_eq!(id("007"), Resource::Schedule(Some(7)));
        assert_eq!(id("9223372036854775807"), Resource::Schedule(Some(u64::MAX >> 1)));
        assert_eq!(id("9223372036854775808"), Resource::Schedule(None));
        assert_eq!(id("99999999999999999999999"), Resource::Schedule(None));
        for word in ["+1", "-1", "1.0", "1e3", "0x1", "٣"] {
            assert_eq!(id(word), Resource::Word(Some(word.into())));
        }
        assert_eq!(resource("scheduled_exports/+1/runs/"), Resource::Runs(None));
    }

    #[test]
    fn a_name_is_decoded_and_nonsense_is_nobodys() {
        let longest = "a".repeat(LONGEST_NAME);
        let exporter = |text: &str| resource(&format!("exporters/{text}/"));
        assert_eq!(exporter("order%6Cist"), Resource::Exporter(Some("orderlist".into())));
        assert_eq!(exporter("a%2Fb"), Resource::Exporter(Some("a/b".into())));
        assert_eq!(exporter("%zz%"), Resource::Exporter(Some("%zz%".into())));
        assert_eq!(exporter(&longest), Resource::Exporter(Some(longest.clone())));
        for nonsense in ["%00", "a%0Ab", "%FF", "%C3", "%C2%85", &format!("{longest}a")] {
            assert_eq!(exporter(nonsense), Resource::Exporter(None), "{nonsense}");
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
        for path in [
            "scheduled_exports/",
            "scheduled_exports/7/",
            "scheduled_exports/7/runs/",
            "scheduled_exports/7/pause/",
            "scheduled_exports/7/take_over/",
            "scheduled_exports/preview/",
            "exporters/",
            "exporters/orderlist/",
        ] {
            let allowed: Vec<&str> = resource(path)
                .allow()
                .expect("something that is there")
                .split(", ")
                .filter(|name| *name != "OPTIONS")
                .collect();
            let called: Vec<&str> = methods
                .into_iter()
                .filter(|name| resource(path).call(&name.parse().expect("a method")).is_some())
                .collect();
            assert_eq!(called, allowed, "{path}");
        }
    }

    #[test]
    fn a_word_is_a_view_to_get_a_verb_to_post_and_else_an_id_that_is_no_number() {
        let call = |method| resource("scheduled_exports/summary/").call(&method);
        let verb = "summary".to_owned();
        assert_eq!(call(Method::POST), Some(Call::Write(Write::Act { id: None, verb })));
        let nothing = |needs| Some(Call::Nothing { needs });
        let name = "summary".to_owned();
        assert_eq!(call(Method::GET), Some(Call::Read(Read::View { id: None, name })));
        assert_eq!(call(Method::PUT), nothing(TokenScope::Write));
        assert_eq!(call(Method::TRACE), nothing(TokenScope::Write));
        assert_eq!(resource("scheduled_exports/summary/").allow(), None);
    }

    #[test]
    fn a_preview_needs_either_scope_any_other_view_to_read_and_any_other_verb_to_write() {
        let called = |path: &str, method: Method| resource(path).call(&method).expect("a view and a verb").needs();
        let needs = |path: &str| called(path, Method::POST);
        assert_eq!(called("scheduled_exports/preview/", Method::GET), TokenScope::Either);
        for view in ["rule", "form", "7/form", "summary"] {
            let path = format!("scheduled_exports/{view}/");
            assert_eq!(called(&path, Method::GET), TokenScope::Read, "{view}");
        }
        assert_eq!(called("scheduled_exports/7/preview/", Method::HEAD), TokenScope::Read);
        assert_eq!(needs("scheduled_exports/preview/"), TokenScope::Either);
        assert_eq!(needs("scheduled_exports/summary/"), TokenScope::Write);
        // Of one schedule, it is a verb that the host knows nothing of.
        assert_eq!(needs("scheduled_exports/7/preview/"), TokenScope::Write);
        assert_eq!(needs("scheduled_exports/7/take_over/"), TokenScope::Write);
    }
}
