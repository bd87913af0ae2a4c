//! Every caller at every call, scope and id: the status that a small model of behaviour.md's sections 2 and 3 expects, and no
//! word of anybody's data in a refusal. The model knows people and their rights, not the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use scheduled_exports_testing::{Answer, Harness};
use serde_json::{Value, json};
use tests::{BIG, CALLERS, CONF, FEST, JOHN, MARY, SAM, SMALL, but, daily, with};

const NOW: &str = "2026-10-22T12:00:00Z";
const JAZZ: &str = "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/";
const NO_ORGANIZER: &str = "/api/v1/organizers/nowhere/scheduled_exports/";
const NO_EVENT: &str = "/api/v1/organizers/bigevents/events/nowhere/scheduled_exports/";
const FOREIGN_EVENT: &str = "/api/v1/organizers/bigevents/events/jazznight/scheduled_exports/";

const SCOPES: [&str; 8] = [CONF, FEST, BIG, SMALL, JAZZ, NO_ORGANIZER, NO_EVENT, FOREIGN_EVENT];

/// Beside [`CALLERS`]: nobody, as far as the host knows.
const NOBODIES: [(&str, &str); 5] = [
    ("no credentials", ""),
    ("garbage", "Bearer garbage"),
    ("revoked", "Token revoked-token"),
    ("expired", "Bearer expired-oauth"),
    ("inactive", "Bearer ivan-oauth"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    List,
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Runs,
    Exporters,
    Exporter,
    Preview,
}

const CALLS: [Call; 10] = [
    Call::List,
    Call::Get,
    Call::Post,
    Call::Put,
    Call::Patch,
    Call::Runs,
    Call::Exporters,
    Call::Exporter,
    Call::Preview,
    Call::Delete,
];

impl Call {
    fn has_id(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Patch | Self::Delete | Self::Runs)
    }

    fn writes(self) -> bool {
        // A preview is a POST that changes nothing: read-only credentials can ask for one.
        matches!(self, Self::Post | Self::Put | Self::Patch | Self::Delete)
    }

    /// Somebody else's is refused to who could not run it himself.
    fn changes(self) -> bool {
        matches!(self, Self::Put | Self::Patch)
    }
}

/// Whether a caller has something at these scopes.
#[derive(Clone, Copy)]
enum At {
    Nothing,
    BigAll,
    /// The organizer, and of its events Sample Conf.
    BigConf,
    SmallAll,
}

struct Who {
    /// Whose schedules are his own: a user.
    user: Option<&'static str>,
    at: At,
    settings: bool,
    orders: bool,
    writes: bool,
    /// A device or token.
    credentials_known: bool,
}

/// People of the fixture and of [`fixture`], as their teams say.
fn who(name: &str) -> Who {
    let (user, at, settings, orders, writes) = match name {
        "john" => (Some("john"), At::BigAll, true, true, true),
        "john, reading" => (Some("john"), At::BigAll, true, true, false),
        "mary" => (Some("mary"), At::BigConf, false, true, true),
        "vera" => (Some("vera"), At::BigAll, true, false, true),
        "sam" => (Some("sam"), At::SmallAll, true, true, true),
        "settings token" => (None, At::BigAll, true, true, true),
        "orders token" => (None, At::BigConf, false, true, true),
        "device" => (None, At::BigAll, false, false, true),
        _ => (None, At::Nothing, false, false, false),
    };
    Who {
        user,
        at,
        settings,
        orders,
        writes,
        credentials_known: !NOBODIES.iter().any(|(nobody, _)| *nobody == name),
    }
}

impl Who {
    fn reaches(&self, scope: &str) -> bool {
        match self.at {
            At::Nothing => false,
            At::BigAll => [CONF, FEST, BIG].contains(&scope),
            At::BigConf => [CONF, BIG].contains(&scope),
            At::SmallAll => [SMALL, JAZZ].contains(&scope),
        }
    }
}

/// A schedule that was planted: where, and whose.
#[derive(Clone, Debug)]
struct Planted {
    scope: &'static str,
    owner: &'static str,
    id: u64,
    secret: String,
}

/// What section 2's order of checks and section 3 come to. `planted` is the schedule that the id names, if any; `number`: an id
/// can be this.
fn expected(who: &Who, call: Call, scope: &str, number: bool, planted: Option<&Planted>) -> u16 {
    if !who.credentials_known {
        return 401;
    }
    if !who.reaches(scope) || (call.writes() && !who.writes) {
        return 403;
    }
    if !number {
        return 404;
    }
    let device = who.user.is_none() && !who.settings && !who.orders;
    match call {
        Call::Preview if device => return 403,
        Call::Exporters | Call::Preview => return 200,
        Call::Exporter => return if who.orders { 200 } else { 404 },
        Call::Post => {
            return match who.user {
                None => 403,
                Some(_) if who.orders => 201,
                Some(_) => 400, // `export_identifier` is not open
            };
        }
        _ if who.user.is_none() && !who.settings => return 403,
        Call::List => return 200,
        _ => {}
    }
    let here = planted.filter(|planted| planted.scope == scope);
    let own = here.is_some_and(|planted| Some(planted.owner) == who.user);
    match (here, call) {
        (None, _) => 404,
        (Some(_), _) if !own && !who.settings => 404,
        (Some(_), Call::Delete) => 204,
        (Some(_), call) if call.changes() && !own && !who.orders => 403,
        _ => 200,
    }
}

fn fixture() -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["orders_generated"] = json!([]);
        let push = |list: &mut Value, entry: Value| list.as_array_mut().expect("a list").push(entry);
        push(
            &mut fixture["users"],
            json!({"email": "ivan@example.org", "name": "Ivan", "active": false, "locale": "en"}),
        );
        push(&mut fixture["teams"][0]["members"], json!("ivan@example.org"));
        push(
            &mut fixture["teams"][0]["api_tokens"],
            json!({"token": "revoked-token", "active": false}),
        );
        for (token, user, expires) in [
            ("expired-oauth", "john@example.com", Some("2026-10-01T00:00:00Z")),
            ("ivan-oauth", "ivan@example.org", None),
        ] {
            let mut entry =
                json!({"token": token, "user": user, "scopes": ["read", "write"], "organizers": ["bigevents"]});
            if let Some(expires) = expires {
                entry["expires"] = expires.into();
            }
            push(&mut fixture["oauth_tokens"], entry);
        }
    })
}

/// One schedule of each owner at each scope that he reaches, with a subject that nobody else's answer may hold.
async fn plant(host: &Harness, place: usize, scope: &'static str, owner: &'static str, credentials: &str) -> Planted {
    let secret = format!("secret-{place}-of-{owner}");
    let body = but(
        daily(),
        json!({"mail_subject": secret, "mail_additional_recipients": format!("{secret}@example.com")}),
    );
    let id = host.create(scope, credentials, &body).await;
    Planted {
        scope,
        owner,
        id,
        secret,
    }
}

async fn ask(host: &Harness, call: Call, scope: &str, id: &str, credentials: &str) -> Answer {
    let one = format!("{scope}{id}/");
    let exporters = scope.replace("scheduled_exports", "exporters");
    let when = json!({"schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00"});
    match call {
        Call::List => host.get(scope, credentials).await,
        Call::Get => host.get(&one, credentials).await,
        Call::Post => host.post(scope, credentials, &daily()).await,
        Call::Put => host.put(&one, credentials, &daily()).await,
        Call::Patch => {
            host.patch(&one, credentials, &json!({"mail_template": "Changed."}))
                .await
        }
        Call::Delete => host.delete(&one, credentials).await,
        Call::Runs => host.get(&format!("{one}runs/"), credentials).await,
        Call::Exporters => host.get(&exporters, credentials).await,
        Call::Exporter => host.get(&format!("{exporters}orderlist/"), credentials).await,
        Call::Preview => host.post(&format!("{scope}preview/"), credentials, &when).await,
    }
}

/// Secrets in an answer that are not for this caller: all, of a refusal; else those of others where he sees his own alone.
fn leaked<'a>(who: &Who, scope: &str, answer: &Answer, all: &'a [Planted]) -> Vec<&'a str> {
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let mine = |planted: &Planted| {
        answer.status < 300 && planted.scope == scope && (who.settings || Some(planted.owner) == who.user)
    };
    let found = all
        .iter()
        .filter(|planted| text.contains(&planted.secret) && !mine(planted));
    found.map(|planted| planted.secret.as_str()).collect()
}

#[tokio::test]
async fn sections_2_and_3_every_caller_at_every_call_scope_and_id_gets_what_the_rules_say_and_nothing_of_others() {
    let host = Harness::start(&fixture(), NOW).await;
    let mut planted = Vec::new();
    for (scope, owner, credentials) in [
        (CONF, "john", JOHN),
        (CONF, "mary", MARY),
        (FEST, "john", JOHN),
        (BIG, "john", JOHN),
        (BIG, "mary", MARY),
        (SMALL, "sam", SAM),
        (JAZZ, "sam", SAM),
    ] {
        planted.push(plant(&host, planted.len(), scope, owner, credentials).await);
    }
    let no_numbers = ["abc", "-1", "1.5", "%00"];
    let nothing = ["999999", "18446744073709551616"];
    let (mut cases, mut wrong, mut by_status) = (0_u32, String::new(), BTreeMap::<u16, u32>::new());
    for (name, credentials) in CALLERS.iter().chain(&NOBODIES) {
        let who = who(name);
        for call in CALLS {
            for scope in SCOPES {
                let mut ids = vec![(String::new(), None)];
                if call.has_id() {
                    ids = (0..planted.len())
                        .map(|place| (planted[place].id.to_string(), Some(place)))
                        .chain(nothing.iter().chain(&no_numbers).map(|id| ((*id).to_owned(), None)))
                        .collect();
                }
                // The refusals of one call to one caller at one scope, by status: they must not tell ids apart.
                let mut refusals: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
                for (id, place) in ids {
                    let target = place.map(|place| planted[place].clone());
                    let number = !call.has_id() || id.parse::<i64>().is_ok_and(|id| id >= 0);
                    let want = expected(&who, call, scope, number, target.as_ref());
                    let got = ask(&host, call, scope, &id, credentials).await;
                    cases += 1;
                    *by_status.entry(got.status).or_default() += 1;
                    let case = format!("{name}, {call:?} {scope}{id} {target:?}");
                    if got.status != want {
                        let _ = writeln!(wrong, "{case}: {} instead of {want}: {}", got.status, got.body);
                    }
                    let leaked = leaked(&who, scope, &got, &planted);
                    if !leaked.is_empty() {
                        let _ = writeln!(wrong, "{case}: {leaked:?} in {}", got.body);
                    }
                    if got.header("vary") != "Accept, Accept-Language, Authorization" {
                        let _ = writeln!(wrong, "{case}: no Vary");
                    }
                    if [401, 403, 404].contains(&got.status) {
                        // A refusal for want of the right to a schedule that is seen anyway may say so.
                        let seen =
                            got.status == 403 && expected(&who, Call::Get, scope, number, target.as_ref()) == 200;
                        let first = refusals.entry(got.status).or_insert_with(|| got.bytes.clone());
                        if *first != got.bytes && !seen {
                            let _ = writeln!(wrong, "{case}: its refusal tells it from another: {}", got.body);
                        }
                    }
                    // What a case changed is made good, so that each has the same world.
                    match (got.status, call, place) {
                        (201, ..) => {
                            let made = format!("{scope}{}/", got.body["id"]);
                            assert_eq!(host.delete(&made, credentials).await.status, 204);
                        }
                        (200..300, Call::Put | Call::Patch | Call::Delete, Some(place)) => {
                            let old = planted[place].clone();
                            let owner = match old.owner {
                                "john" => JOHN,
                                "mary" => MARY,
                                _ => SAM,
                            };
                            let gone = host.delete(&format!("{}{}/", old.scope, old.id), owner).await.status;
                            assert_eq!(gone, if call == Call::Delete { 404 } else { 204 });
                            planted[place] = plant(&host, place, old.scope, old.owner, owner).await;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    println!("{cases} cases: {by_status:?}");
    assert_eq!(wrong, "");
    assert!(cases > 6_000, "{cases}");
    assert!(
        [200, 201, 204, 400, 401, 403, 404]
            .iter()
            .all(|status| by_status[status] > 0),
        "{by_status:?}"
    );
}
