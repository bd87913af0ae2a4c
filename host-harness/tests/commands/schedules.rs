//! `harness schedule`: against a real server, on a real store, and against a host that says what no plugin of today does.

mod hand_over;
mod stub;

use std::path::Path;

use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};
use serde_json::{Value, json};

use self::stub::Stub;
use super::process::{Ended, Log, Serving, command, fixture, run, seeded};

const NOW: &str = "2026-10-22T12:00:00Z";
/// What `create` has to be told.
const WEEKLY: [&str; 16] = [
    "--set",
    "export_identifier=orderlist",
    "--set",
    "form._format=xlsx",
    "--set",
    "form.date_range=week_previous",
    "--set",
    "form.events=sampleconf,summerfest",
    "--set",
    // Nothing of it is due while a test runs.
    r"schedule_rrule=DTSTART:20980106T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO",
    "--set",
    "schedule_rrule_time=06:30",
    "--set",
    "mail_subject=Orders of last week",
    "--set",
    "mail_template=Every Monday.",
];

/// `harness schedule`, with the token of a user where one is given.
fn schedule(token: Option<&str>, arguments: &[&str], input: &str) -> Ended {
    let mut command = command();
    command.arg("schedule").args(arguments);
    if let Some(token) = token {
        command.env("HARNESS_TOKEN", token);
    }
    run(command, input)
}

/// On a store, on behalf of this user.
fn as_user(folder: &Path, user: &str, arguments: &[&str]) -> Ended {
    let data = folder.to_str().expect("text");
    let target = ["--data", data, "--as", user, "--organizer", "bigevents", "--now", NOW];
    schedule(None, &[arguments, &target].concat(), "")
}

fn as_john(folder: &Path, arguments: &[&str]) -> Ended {
    as_user(folder, "john@example.com", arguments)
}

/// Over HTTP.
fn at(url: &str, token: &str, arguments: &[&str]) -> Ended {
    schedule(
        Some(token),
        &[arguments, &["--url", url, "--organizer", "bigevents"]].concat(),
        "",
    )
}

fn objects(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn the_same_commands_work_over_http_and_on_the_store_under_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let serving = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    let data = folder.path().to_str().expect("text");
    let over_http = |arguments: &[&str]| at(&serving.url, "john-oauth", arguments);
    let on_store = |arguments: &[&str]| {
        let target = ["--data", data, "--as", "john@example.com", "--organizer", "bigevents"];
        schedule(None, &[arguments, &target].concat(), "")
    };

    let created = over_http(&[&["create", "--json"][..], &WEEKLY].concat()).well();
    let created = &objects(&created)[0];
    assert_eq!(created["owner"], "john@example.com");
    assert_eq!(
        created["export_form_data"],
        json!({"_format": "xlsx", "date_range": "week_previous", "events": ["sampleconf", "summerfest"]})
    );
    let id = created["id"].to_string();
    assert_eq!(&objects(&on_store(&["show", &id, "--json"]).well())[0], created);
    for view in [
        &["show", &id][..],
        &[
            "preview",
            "--set",
            r"schedule_rrule=DTSTART:20980106T000000\nRRULE:FREQ=DAILY",
            "--set",
            "schedule_rrule_time=04:00",
        ],
    ] {
        assert_eq!(over_http(view).well(), on_store(view).well(), "{view:?}");
    }
    let list = ["list", "--json", "--ordering", "-id"];
    let ids = |listed: Ended| -> Vec<String> {
        objects(&listed.well())
            .iter()
            .map(|one| one["id"].to_string())
            .collect()
    };
    assert_eq!(ids(over_http(&list)), [id.as_str(), "2"]);
    assert_eq!(ids(on_store(&list)), [id.as_str(), "2"]);

    // One member of the form changes, the others stay.
    on_store(&["edit", &id, "--set", "form._format=excel", "--unset", "locale"]).well();
    let edited = &objects(&over_http(&["show", &id, "--json"]).well())[0];
    assert_eq!(
        edited["export_form_data"],
        json!({"_format": "excel", "date_range": "week_previous", "events": ["sampleconf", "summerfest"]})
    );
    assert_eq!(over_http(&["delete", &id]).well(), format!("schedule {id} deleted\n"));
    let gone = on_store(&["show", &id]);
    let sentence = format!(
        "schedule {id} does not exist at organizer bigevents (its events need --event), or this caller cannot see it"
    );
    assert_eq!(gone.sentence(), sentence);
    assert_eq!(serving.end("TERM").0, Some(0));
}

#[test]
fn people_read_tables() {
    let folder = seeded(NOW);
    let john = |arguments: &[&str]| as_john(folder.path(), arguments).well();
    assert_eq!(
        john(&["list"]),
        "id  exporter   next run (UTC)        failures  owner             subject\n\
         2   orderlist  2026-11-02T05:30:00Z  0         john@example.com  Monthly order list\n"
    );
    let shown = john(&["show", "1", "--event", "sampleconf"]);
    assert!(
        shown.contains("\nmail_template                   Here is last week's order list\n\n                                Cheers\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\nexport_form_data.date_range     week_previous\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\nrule in words                   every Tuesday, Wednesday and Thursday at 04:00\n"),
        "{shown}"
    );
    assert_eq!(
        john(&[
            "preview",
            "--set",
            "schedule_rrule=RRULE:FREQ=DAILY",
            "--set",
            "schedule_rrule_time=02:30",
            "-n",
            "4"
        ]),
        "local time               UTC offset  UTC                   clock\n\
         Fri 2026-10-23 02:30:00  +02:00      2026-10-23T00:30:00Z\n\
         Sat 2026-10-24 02:30:00  +02:00      2026-10-24T00:30:00Z\n\
         Sun 2026-10-25 02:30:00  +02:00      2026-10-25T00:30:00Z  repeated-hour\n\
         Mon 2026-10-26 02:30:00  +01:00      2026-10-26T01:30:00Z\n\
         warning:  2026-10-25T02:30:00 occurs twice because clocks go back; the export runs at the first occurrence only.\n\n\
         rule  every day at 02:30\n"
    );
    let mary = as_user(folder.path(), "mary@example.org", &["list"]).well();
    assert_eq!(mary, "no schedules\n", "mary sees her own alone");
}

#[test]
fn every_page_of_a_long_list_is_read() {
    let folder = seeded(NOW);
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx", "all_events": true},
        "mail_subject": "Orders", "mail_template": "All.", "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00",
    });
    let mut fixture: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture()).expect("the fixture")).expect("JSON");
    let schedules = fixture["schedules"].as_array_mut().expect("a list");
    for _ in 0..60 {
        let mut schedule = document.clone();
        schedule["organizer"] = "bigevents".into();
        schedule["owner"] = "john@example.com".into();
        schedules.push(schedule);
    }
    let (data, file) = (folder.path().join("many"), folder.path().join("many.json"));
    std::fs::write(&file, fixture.to_string()).expect("written");
    let seed = [
        "seed",
        "--data",
        data.to_str().expect("text"),
        "--fixture",
        file.to_str().expect("text"),
        "--now",
        NOW,
    ];
    super::process::harness(seed).well();
    let listed = objects(&as_john(&data, &["list", "--json"]).well());
    let ids: Vec<u64> = listed.iter().filter_map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids, (2..=62).collect::<Vec<u64>>());
}

#[test]
fn a_rejected_document_ends_with_1_and_every_invalid_field() {
    let folder = seeded(NOW);
    let wrong = [
        "--set",
        "form.date_range=last_week",
        "--set",
        "schedule_rrule_time=26:30",
    ];
    let edit = |more: &[&str]| as_john(folder.path(), &[&["edit", "2"], &wrong[..], more].concat());
    let rejected = edit(&[]);
    assert_eq!((rejected.code, rejected.out.as_str()), (Some(1), ""), "{rejected:?}");
    let lines: Vec<&str> = rejected.err.lines().collect();
    assert_eq!(lines[0], "harness: rejected with status 400: the request is invalid");
    assert!(
        lines[1].starts_with("  export_form_data.date_range: “last_week” is not a valid date range."),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("  schedule_rrule_time: “26:30” is not a valid time of day."),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 3);
    // Programs get the response as well.
    let rejected = edit(&["--json"]);
    let body = &objects(&rejected.out)[0];
    assert!(body["export_form_data"]["date_range"].is_array(), "{body}");
    assert_eq!(rejected.code, Some(1));
    // Nothing was changed.
    let shown = as_john(folder.path(), &["show", "2", "--json"]).well();
    assert_eq!(objects(&shown)[0]["schedule_rrule_time"], "06:30:00");
}

#[test]
fn a_field_that_the_form_does_not_have_or_of_another_type_ends_with_2() {
    let folder = seeded(NOW);
    for (arguments, sentence) in [
        (
            &["edit", "2", "--set", "form.paid_only=maybe"][..],
            "form.paid_only: expected true or false, got `maybe`",
        ),
        (
            &["edit", "2", "--set", "subject=x"],
            "unknown field subject: expected one of export_identifier, ",
        ),
        (
            &["edit", "2", "--set", "locale=fr"],
            "locale: expected en, de, got `fr`",
        ),
        (&["edit", "2"], "nothing to change: expected --set, --unset or --file"),
        (
            &["preview", "--set", "mail_subject=x"],
            "unknown field mail_subject: expected one of schedule_rrule, ",
        ),
        (
            &["create", "--set", "locale=de"],
            "no exporter given: expected --set export_identifier= one of orderlist, orderpositions, ",
        ),
    ] {
        let ended = as_john(folder.path(), arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(
            ended.err.starts_with(&format!("harness: {sentence}")),
            "{arguments:?}: {}",
            ended.err
        );
    }
    let unknown = as_john(folder.path(), &["create", "--set", "export_identifier=orders"]);
    assert!(
        unknown
            .sentence()
            .starts_with("unknown exporter `orders`: expected one of orderlist, "),
        "{unknown:?}"
    );
}

#[test]
fn a_document_comes_from_a_file_or_standard_input_and_options_change_it() {
    let folder = seeded(NOW);
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx", "all_events": true},
        "mail_subject": "Orders", "mail_template": "All.", "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00",
    });
    let data = folder.path().to_str().expect("text");
    let target = [
        "--data",
        data,
        "--as",
        "john@example.com",
        "--organizer",
        "bigevents",
        "--json",
    ];
    let options = [
        "create",
        "--file",
        "-",
        "--set",
        "mail_subject=All orders",
        "--set",
        "form.paid_only=true",
    ];
    let created = schedule(None, &[&options[..], &target].concat(), &document.to_string()).well();
    let created = &objects(&created)[0];
    assert_eq!(
        (&created["mail_subject"], &created["mail_template"]),
        (&"All orders".into(), &"All.".into())
    );
    assert_eq!(created["export_form_data"]["paid_only"], true);
    let wrong = schedule(None, &[&options[..], &target].concat(), "[1]");
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[test]
fn on_a_store_a_user_has_their_own_permissions() {
    let folder = seeded(NOW);
    let data = folder.path();
    // Vera can change settings and export nothing.
    let locked = as_user(data, "vera@example.org", &["edit", "2", "--set", "locale=de"]);
    assert!(
        locked
            .sentence()
            .starts_with("this schedule is locked: You cannot change this scheduled export"),
        "{locked:?}"
    );
    let other = as_user(data, "sam@example.net", &["list"]);
    assert!(other.sentence().starts_with("rejected with status 403: "), "{other:?}");
    let nobody = as_user(data, "nobody@example.com", &["list"]);
    assert_eq!(
        nobody.sentence(),
        "--as: no user in this store has the address nobody@example.com"
    );
}

#[test]
fn the_token_comes_from_the_environment_or_a_file_and_is_never_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let serving = Serving::start(&log, &folder.path().join("data"), &["--fixture", &fixture()]);
    let file = folder.path().join("token");
    std::fs::write(&file, "Token bigevents-settings-token\n").expect("written");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).expect("own file");
    let file = file.to_str().expect("text");
    let arguments = [
        "list",
        "--url",
        &serving.url,
        "--organizer",
        "bigevents",
        "--token-file",
        file,
    ];
    assert!(schedule(None, &arguments, "").well().contains("Monthly order list"));
    let twice = schedule(Some("john-oauth"), &arguments, "");
    assert_eq!(twice.code, Some(2), "{twice:?}");
    assert!(!twice.err.contains("john-oauth"), "{twice:?}");

    let wrong = at(&serving.url, "not-a-token", &["list"]);
    assert!(wrong.sentence().starts_with("rejected with status 401: "), "{wrong:?}");
    assert!(!wrong.err.contains("not-a-token"), "{wrong:?}");
    let missing = schedule(None, &arguments[..5], "");
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.starts_with("harness: no token given: "), "{missing:?}");
    let mut by_variable = command();
    by_variable.args(["schedule", "list", "--organizer", "bigevents"]);
    by_variable
        .env("HARNESS_URL", &serving.url)
        .env("HARNESS_TOKEN", "john-oauth");
    assert!(run(by_variable, "").well().contains("Monthly order list"));
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let url = format!("http://{free}");
    let ended = at(&url, "john-oauth", &["list"]);
    assert!(
        ended.sentence().starts_with(&format!("could not reach {url}: ")),
        "{ended:?}"
    );
}

#[test]
fn verbs_and_views_of_a_newer_plugin_are_printed_with_whatever_they_answer() {
    let explanation = json!({
        "state": "paused", "since": "2026-10-22T12:00:00Z", "sentence": "Paused by john@example.com.",
        "actions": [{"verb": "resume", "label": "Resume", "allowed": true, "why": null}],
    });
    let run = "Location: /api/v1/organizers/bigevents/scheduled_exports/2/runs/812/";
    let stub = Stub::start(vec![
        (
            "GET 2/explain/?due=2026-10-20T02%3A00%3A00Z",
            200,
            "",
            explanation.clone(),
        ),
        (
            "POST 2/pause/",
            200,
            "",
            json!({"state": "paused", "until": "2027-01-07"}),
        ),
        ("POST 2/resume/", 200, "", json!({"state": "waiting"})),
        ("POST 2/run/", 202, run, Value::Null),
        ("POST 2/test/", 202, run, Value::Null),
        (
            "GET 2/preview/?limit=3",
            200,
            "",
            json!({"runs": [], "warnings": ["It never runs."]}),
        ),
    ]);
    let says = |arguments: &[&str]| at(&stub.url, "john-oauth", arguments).well();
    assert_eq!(
        says(&["explain", "2", "--due", "2026-10-20T02:00:00Z"]),
        "Paused by john@example.com.\n\n\
         state  paused\n\
         since  2026-10-22T12:00:00Z\n\n\
         actions:\n\
         verb    label   allowed  why\n\
         resume  Resume  true     -\n"
    );
    let paused = says(&["pause", "2", "--reason", "Summer break", "--until", "2027-01-07"]);
    assert_eq!(paused, "schedule 2 paused\nstate  paused\nuntil  2027-01-07\n");
    assert_eq!(says(&["resume", "2", "--json"]), "{\"state\":\"waiting\"}\n");
    assert_eq!(
        says(&["run", "2", "--due", "2026-10-20T02:00:00Z"]),
        "run 812 ordered\n"
    );
    assert_eq!(says(&["run", "2", "--json"]), "{\"run\":\"812\"}\n");
    assert_eq!(says(&["test", "2"]), "test 812 ordered\n");
    assert_eq!(
        says(&["preview", "2", "-n", "3"]),
        "no further runs\nwarning:  It never runs.\n"
    );
    let bodies: Vec<Value> = stub.received().into_iter().map(|one| one.body).collect();
    assert_eq!(
        bodies,
        [
            json!({"reason": "Summer break", "until": "2027-01-07"}),
            json!({}),
            json!({"due": "2026-10-20T02:00:00Z"}),
            json!({}),
            json!({}),
        ]
    );
}

#[test]
fn an_edit_sends_the_whole_form_and_does_not_overwrite_another_callers_change() {
    let schema = json!({"properties": {"export_form_data": {"properties": {
        "_format": {"anyOf": [{"const": "xlsx"}, {"const": "excel"}]}, "paid_only": {"type": "boolean"},
    }}}});
    let stored =
        json!({"id": 2, "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx", "paid_only": true}});
    let stub = Stub::start(vec![
        ("GET 2/", 200, "ETag: \"v7\"", stored.clone()),
        (
            "GET 2/form/",
            200,
            "",
            json!({"schema": schema, "values": stored, "locked": null}),
        ),
        ("PATCH 2/", 412, "", json!({"detail": "It was changed since."})),
    ]);
    let ended = at(&stub.url, "john-oauth", &["edit", "2", "--set", "form._format=excel"]);
    assert_eq!(ended.sentence(), "rejected with status 412: It was changed since");
    let body = json!({"export_form_data": {"_format": "excel", "paid_only": true}});
    let if_match = Some("\"v7\"".to_owned());
    assert_eq!(stub.received(), [stub::Received { if_match, body }]);
}

#[test]
fn a_verb_that_the_plugin_does_not_have_is_told_from_a_schedule_that_is_not_there() {
    let stub = Stub::start(vec![("GET 2/", 200, "", json!({"id": 2}))]);
    for verb in ["explain", "pause", "resume", "run", "test", "preview"] {
        let ended = at(&stub.url, "john-oauth", &[verb, "2"]);
        assert_eq!(ended.sentence(), format!("this plugin has no `{verb}` for a schedule"));
        let ended = at(&stub.url, "john-oauth", &[verb, "3"]);
        assert!(
            ended
                .sentence()
                .starts_with("schedule 3 does not exist at organizer bigevents"),
            "{ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_host_needs_a_certificate_that_this_machine_trusts() {
    let server = SmtpServer::with_implicit_tls().await;
    // What it says first is a response of HTTP.
    let page = json!({"count": 0, "next": null, "previous": null, "results": []}).to_string();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    server.when(Stage::Connect).raw(response.as_bytes());
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, SmtpServer::CA).expect("written");
    let url = format!("https://localhost:{}", server.address().port());
    let list = |trusted: Option<&Path>| {
        let mut command = command();
        command.args(["schedule", "list", "--organizer", "bigevents", "--url", &url]);
        command.env("HARNESS_TOKEN", "john-oauth").env_remove("SSL_CERT_FILE");
        if let Some(ca) = trusted {
            command.env("SSL_CERT_FILE", ca);
        }
        tokio::task::block_in_place(|| run(command, ""))
    };
    assert_eq!(list(Some(&ca)).well(), "no schedules\n");
    let refused = list(None);
    assert!(refused.sentence().contains("certificate"), "{refused:?}");
}
