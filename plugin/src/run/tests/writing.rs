//! The export mail: recipients and size; and the texts of notices.

use crate::contract::{Audience, DownloadLink, ExportError, Mail, Outcome, Recipients};
use crate::run::execute;
use crate::run::export_mail::recipients;
use crate::run::fake::{DAY, Fake, FakeCall, MONDAY, OWNER, file, outage};

fn list(addresses: &str) -> Vec<String> {
    addresses.split_whitespace().map(str::to_owned).collect()
}
fn people(to: &str, cc: &str, bcc: &str) -> Recipients {
    Recipients {
        to: list(to),
        cc: list(cc),
        bcc: list(bcc),
    }
}
fn sent_to(run: &Fake) -> Recipients {
    match run.sent() {
        Some(Mail {
            audience: Audience::People(people),
            ..
        }) => people,
        other => panic!("no mail to people: {other:?}"),
    }
}

#[test]
fn the_owner_is_in_to_where_nobody_else_is_and_else_in_cc() {
    let of = |given: Recipients| recipients(&given, "o@x", &[]);
    assert_eq!(of(people("", "", "")), people("o@x", "", ""));
    assert_eq!(of(people("", "c@x", "b@x")), people("o@x", "c@x", "b@x"));
    assert_eq!(of(people("a@x", "c@x", "b@x")), people("a@x", "o@x c@x", "b@x"));
}

#[test]
fn each_address_is_there_once_in_the_first_list_that_has_it() {
    let of = |given: Recipients| recipients(&given, "o@x", &[]);
    assert_eq!(
        of(people("a@x A@X", "a@X c@x", "c@x C@x b@x")),
        people("a@x", "o@x c@x", "b@x")
    );
    assert_eq!(of(people("O@X a@x", "o@x", "o@x")), people("O@X a@x", "", ""));
    assert_eq!(of(people("a@x", "", "O@x")), people("a@x", "o@x", ""));
    assert_eq!(of(people("", "O@x", "")), people("o@x", "", ""));
    assert_eq!(of(people("ÄB@x äb@x", "", "")), people("ÄB@x", "o@x", ""));
}

#[test]
fn a_refused_address_is_left_out_and_the_owner_takes_the_place_of_the_last_one_in_to() {
    let of = |refused: &str| recipients(&people("a@x d@x", "c@x", "b@x"), "o@x", &list(refused));
    assert_eq!(of("A@x"), people("d@x", "o@x c@x", "b@x"));
    assert_eq!(of("a@x d@x"), people("o@x", "c@x", "b@x"));
    assert_eq!(of("a@x d@x o@x"), people("", "c@x", "b@x"));
}

#[test]
fn recipients_that_the_host_refuses_do_not_cost_the_others_theirs() {
    let mut run = Fake::where_(|facts| facts.schedule.content.recipients = people("a@x bad@y", "c@x BAD@z", "bad@w"));
    run.barred = list("bad@y bad@z bad@w");
    execute(&run);
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
    assert_eq!(sent_to(&run), people("a@x", &format!("{OWNER} c@x"), ""));
}

#[test]
fn where_the_host_refuses_every_recipient_the_run_fails() {
    let mut run = Fake::where_(|facts| facts.schedule.content.recipients = people("bad@y", "", ""));
    run.barred = list(&format!("bad@y {OWNER}"));
    execute(&run);
    assert_eq!(run.failure().as_deref(), Some("no-recipient"));
}

#[test]
fn a_file_that_is_too_large_goes_out_zipped() {
    let mut run = Fake::where_(|facts| facts.settings.mail_bytes = 1_000);
    run.produced = Ok(file(900));
    run.zipped = Ok(file(300));
    execute(&run);
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
    assert_eq!(
        run.calls().iter().filter(|call| matches!(call, FakeCall::Zip)).count(),
        1
    );
}

#[test]
fn a_file_that_is_too_large_even_zipped_fails_the_run_and_the_mail_names_size_and_limit() {
    let mut run = Fake::new();
    run.produced = Ok(file(60_000_000));
    run.zipped = Ok(file(18_234_567));
    execute(&run);
    assert_eq!(run.failure().as_deref(), Some("mail-too-large"));
    let text = run.sent().expect("a mail").text;
    assert!(
        text.contains("24.3 MB (24,312,756 bytes)") && text.contains("20.0 MB (20,000,000 bytes)"),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_zipped_is_too_large_and_a_host_that_cannot_zip_for_now_is_asked_again() {
    let zip = |error| {
        let mut run = Fake::where_(|facts| facts.settings.mail_bytes = 100);
        run.zipped = Err(error);
        execute(&run);
        run
    };
    assert_eq!(
        zip(ExportError::Failed("no".into())).failure().as_deref(),
        Some("mail-too-large")
    );
    let later = zip(ExportError::Unavailable(outage("no")));
    assert!(matches!(later.end(), Some((Outcome::Retry(_), 0, true))));
    assert_eq!(later.sent(), None);
}

#[test]
fn a_file_that_is_too_large_even_zipped_is_offered_for_download_where_the_host_does_that() {
    let mut run = Fake::where_(|facts| facts.settings.mail_bytes = 500);
    run.linked = Ok(Some(DownloadLink {
        url: "https://tickets.example.com/download/abc".into(),
        expires: MONDAY + 7 * DAY,
    }));
    execute(&run);
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
    let mail = run.sent().expect("a mail");
    assert!(!mail.attach_file);
    assert_eq!(
        mail.text,
        "All events.\n\n\
         Die Datei ist zu groß für einen Anhang. Sie können sie bis \
         Montag, 2. November 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00) herunterladen:\n\
         https://tickets.example.com/download/abc\n\
         Jede Person, die diesen Link kennt, kann die Datei herunterladen.\n"
    );
    let order: Vec<FakeCall> = run
        .calls()
        .into_iter()
        .filter(|call| matches!(call, FakeCall::Zip | FakeCall::Link))
        .collect();
    assert_eq!(
        order,
        [FakeCall::Zip, FakeCall::Link],
        "zipped first: then the download is small"
    );
}

#[test]
fn a_host_that_cannot_offer_the_file_for_now_is_asked_again() {
    let mut run = Fake::where_(|facts| facts.settings.mail_bytes = 500);
    run.linked = Err(ExportError::Unavailable(outage("no")));
    execute(&run);
    assert!(matches!(run.end(), Some((Outcome::Retry(_), 0, true))));
}

#[test]
fn too_large_and_refused_recipients_together_still_reach_those_who_are_left() {
    let mut run = Fake::where_(|facts| {
        facts.settings.mail_bytes = 1_000;
        facts.schedule.content.recipients = people("a@x bad@y", "", "");
    });
    run.barred = list("bad@y");
    execute(&run);
    assert_eq!(sent_to(&run), people("a@x", OWNER, ""));
}

#[test]
fn a_failure_is_told_with_export_due_time_reason_next_run_and_link() {
    let mut run = Fake::new();
    run.produced = Err(ExportError::Failed("Layout is empty".into()));
    execute(&run);
    let mail = run.sent().expect("a mail");
    assert_eq!(mail.subject, "Scheduled export failed: Order list");
    assert_eq!(
        mail.text,
        "Hello,\n\n\
         the scheduled export “Order list” (orderlist) failed. No file was sent.\n\n\
         Scheduled for: Monday, 26 October 2026, 06:30 (Europe/Berlin, UTC+01:00)\n\
         Reason: The exporter could not create the file: Layout is empty\n\n\
         Consecutive failures: 1. After 5, the export is stopped.\n\
         Next run: Tuesday, 27 October 2026, 06:30 (Europe/Berlin, UTC+01:00)\n\n\
         Manage scheduled exports: https://tickets.example.com/control/exports/\n"
    );
}

#[test]
fn the_owner_is_told_in_his_language_and_without_an_owner_in_the_hosts() {
    for owner in [true, false] {
        let mut run = Fake::where_(|facts| {
            if owner {
                facts.schedule.owner.as_mut().expect("an owner").language = "de-AT".into();
            } else {
                facts.schedule.owner = None;
            }
        });
        run.produced = Err(ExportError::Failed("leer".into()));
        execute(&run);
        let mail = run.sent().expect("a mail");
        assert_eq!(mail.subject, "Geplanter Export fehlgeschlagen: Order list");
        assert!(
            mail.text
                .contains("Geplant für: Montag, 26. Oktober 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00)")
        );
    }
}

#[test]
fn what_others_wrote_is_cut_and_breaks_no_line_of_a_notice() {
    let hostile = format!("x\r\nBcc: eve@example.com\u{202e}{}", "y".repeat(9_000));
    let mut run = Fake::where_(|facts| {
        let mut document = crate::document::Document::read(&facts.schedule.content.document).expect("readable");
        document.subject.clone_from(&hostile);
        facts.schedule.content.document = document.to_text();
    });
    run.produced = Err(ExportError::Failed(hostile));
    execute(&run);
    let mail = run.sent().expect("a mail");
    assert_eq!(mail.subject.chars().count(), 250);
    assert!(!mail.subject.contains(char::is_control));
    assert!(
        !mail.text.lines().any(|line| line.starts_with("Bcc:")) && mail.text.len() < 2_000,
        "{}",
        mail.text
    );
}
