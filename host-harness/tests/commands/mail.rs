//! What `--smtp`, `--mail-from`, `--base-url` and the password's places do, and what is wrong with them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use scheduled_exports_test_servers::smtp_server::SmtpServer;

use super::process::{Ended, MAILING, command, fixture, harness, seeded};

/// `base64("\0john\0p@ss wörd")`: the response of AUTH PLAIN (RFC 4616).
const LOGIN: &str = "AGpvaG4AcEBzcyB3w7ZyZA==";

fn ended(command: &mut std::process::Command) -> Ended {
    let ended = command.output().expect("the binary starts");
    Ended {
        code: ended.status.code(),
        out: String::from_utf8(ended.stdout).expect("text"),
        err: String::from_utf8(ended.stderr).expect("text"),
    }
}

/// When a schedule of the fixture is due.
const NOW: &str = "2026-10-27T03:00:00Z";

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn what_is_wrong_with_the_mail_options_is_said_at_start_in_one_sentence() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = text(folder.path());
    let server = "smtp://mx.example";
    let (from, base) = (
        ["--mail-from", "exports@tickets.example"],
        ["--base-url", "https://tickets.example"],
    );
    let none = text(&folder.path().join("none"));
    for (options, why) in [
        (vec!["--smtp", server], "--smtp needs --mail-from"),
        (vec!["--mail-from", "noreply"], "\"noreply\" is not a sender"),
        (
            vec!["--smtp", server, "--mail-from", "noreply"],
            "\"noreply\" is not a sender",
        ),
        (vec!["--mail-from", "Größe <größe@x.org>"], "before the @"),
        (vec!["--mail-from", "exports@x_y.org"], "invalid domain"),
        ([&["--smtp", server], &from[..]].concat(), "--smtp needs --base-url"),
        (vec!["--smtp", ""], "--smtp (or HARNESS_SMTP) is empty"),
        ([&["--smtp", " "], &from[..], &base].concat(), "is empty"),
        (
            [&["--smtp", "SMTP://mx.example:0"], &from[..], &base].concat(),
            "invalid SMTP URL",
        ),
        (vec!["--base-url", "tickets.example"], "--base-url is not"),
        (
            vec!["--base-url", "https://user:secret@tickets.example"],
            "--base-url is not",
        ),
        (
            [&["--smtp", "smtp://john@mx.example"], &from[..], &base].concat(),
            "without a password",
        ),
        (
            [&["--smtp", "mx.example"], &from[..], &base].concat(),
            "the scheme must be smtp://",
        ),
        (
            [
                &["--smtp", "smtp://john@mx.example", "--smtp-password-file", &none],
                &from[..],
                &base,
            ]
            .concat(),
            "could not read the password file",
        ),
        (vec!["--smtp-password-file", &none], "--smtp-password-file needs --smtp"),
        (
            [&["--smtp", server], &from[..], &["--base-url", "http://127.0.0.1:8080"]].concat(),
            "recipients of --smtp cannot open",
        ),
        (
            [
                &["--smtp", server],
                &from[..],
                &["--base-url", "http://tickets.localhost"],
            ]
            .concat(),
            "recipients of --smtp cannot open",
        ),
    ] {
        for command in ["tick", "serve"] {
            let ended = harness([command, "--data", &data].into_iter().chain(options.iter().copied()));
            assert!(ended.sentence().contains(why), "{options:?}: {ended:?}");
            assert!(!ended.err.contains("secret"), "{ended:?}");
        }
    }
    assert!(!folder.path().join("mail").exists());
}

#[test]
fn a_host_whose_mails_leave_the_machine_is_not_started_with_links_to_an_address_of_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for listen in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
        let ended = harness([
            "serve",
            "--data",
            &text(&data),
            "--fixture",
            &fixture(),
            "--listen",
            listen,
            "--smtp",
            "smtp://mx.example",
            "--mail-from",
            "exports@tickets.example",
        ]);
        assert!(ended.sentence().contains(&format!("http://{listen}")), "{ended:?}");
        assert!(ended.sentence().contains("--base-url"), "{ended:?}");
    }
    assert!(!data.exists());
}

#[test]
fn a_sender_has_its_name_in_from_and_its_domain_in_ascii_everywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    let folder = seeded("2026-10-22T12:00:00Z");
    let ticked = harness([
        "tick",
        "--data",
        &text(folder.path()),
        "--now",
        NOW,
        "--smtp",
        &server.url(),
        "--mail-from",
        "Big Events <exports@bücher.example>",
        "--base-url",
        "https://tickets.example/",
    ]);
    assert!(ticked.well().contains("delivered"));
    let mails = server.mails();
    assert!(!mails.is_empty());
    for mail in mails {
        let from = "\"Big Events\" <exports@xn--bcher-kva.example>";
        assert_eq!(mail.header("From").as_deref(), Some(from));
        assert!(mail.header("Reply-To").is_some());
        let id = mail.header("Message-ID").expect("an id");
        assert!(id.ends_with(".xn--bcher-kva.example>"), "{id}");
        assert_eq!(mail.from, "exports@xn--bcher-kva.example");
    }
}

/// A mail server of one connection, which rejects every password and returns what it was told.
fn asked_for_a_password() -> (String, std::thread::JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let heard = std::thread::spawn(move || {
        let (connection, _) = listener.accept().expect("a connection");
        login(connection).expect("a conversation")
    });
    (format!("smtp://john@{address}?tls=none"), heard)
}

fn login(mut connection: TcpStream) -> std::io::Result<Option<String>> {
    connection.write_all(b"220 mx.example ESMTP\r\n")?;
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some(response) = line.strip_prefix("AUTH PLAIN ") {
            connection.write_all(b"535 5.7.8 no\r\n")?;
            return Ok(Some(response.to_owned()));
        }
        connection.write_all(b"250-mx.example\r\n250 AUTH PLAIN\r\n")?;
    }
    Ok(None)
}

#[test]
fn the_password_of_the_mail_server_comes_from_a_file_or_the_environment() {
    let password = "p@ss wörd";
    let secrets = tempfile::tempdir().expect("a folder");
    let file = secrets.path().join("password");
    fs::write(&file, format!("{password}\n")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    for place in ["file", "password", "password and line end", "url"] {
        let folder = seeded("2026-10-22T12:00:00Z");
        let (url, heard) = asked_for_a_password();
        let mut tick = command();
        tick.args(["tick", "--data", &text(folder.path()), "--now", NOW])
            .args(MAILING);
        match place {
            "file" => tick.args(["--smtp", &url, "--smtp-password-file", &text(&file)]),
            "password" => tick.args(["--smtp", &url]).env("HARNESS_SMTP_PASSWORD", password),
            "password and line end" => tick
                .args(["--smtp", &url])
                .env("HARNESS_SMTP_PASSWORD", format!("{password}\n")),
            _ => tick.env("HARNESS_SMTP", url.replace("john@", "john:p%40ss%20w%C3%B6rd@")),
        };
        let ticked = ended(&mut tick);
        assert_eq!(ticked.code, Some(0), "{place}: {ticked:?}");
        assert_eq!(heard.join().expect("a conversation").as_deref(), Some(LOGIN), "{place}");
        assert!(!ticked.err.contains("visible to other users"), "{place}: {ticked:?}");
        assert!(!format!("{ticked:?}").contains("ss w"), "{place}: {ticked:?}");
    }
}

#[test]
fn a_password_that_other_users_can_see_is_warned_of_and_not_repeated() {
    let secrets = tempfile::tempdir().expect("a folder");
    let file = secrets.path().join("password");
    fs::write(&file, "secret\n").expect("written");
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        let folder = seeded("2026-10-22T12:00:00Z");
        let (data, file) = (text(folder.path()), text(&file));
        // Before anything is due: nothing is connected to.
        let call = [
            "tick",
            "--data",
            &data,
            "--now",
            "2026-10-22T13:00:00Z",
            "--smtp",
            "smtp://john@mx.example",
        ];
        let ended = harness(call.into_iter().chain(["--smtp-password-file", &file]).chain(MAILING));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.err.contains("chmod 600"), warned, "{mode:o}: {ended:?}");
        assert!(!ended.err.contains("secret"), "{ended:?}");
    }
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = text(folder.path());
    let call = [
        "tick",
        "--data",
        &data,
        "--now",
        "2026-10-22T13:00:00Z",
        "--smtp",
        "smtp://john:secret@mx.example",
    ];
    let ended = harness(call.into_iter().chain(MAILING));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("visible to other users"), "{ended:?}");
    assert!(!ended.err.contains("secret"), "{ended:?}");
    assert_eq!(ended.out, "");
}
