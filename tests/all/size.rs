//! behaviour.md, section 5: a mail over the limit goes out zipped, else with a link where the host offers them, else not at all.

use std::io::{Cursor, Read as _};

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::{Harness, Mail, Method};
use serde_json::{Value, json};
use tests::{CONF, JOHN, but, daily, with};

const NOON: &str = "2026-10-22T12:00:00Z";
const NEXT_NOON: &str = "2026-10-23T12:00:00Z";

/// The fixture with this limit.
fn limited(bytes: u64) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({ "max_mail_bytes": bytes });
    })
}

/// All orders as CSV: a text, which a zip makes smaller, and the same bytes each time.
fn orders() -> Value {
    let form = json!({"_format": "default", "date_range": "past"});
    but(
        daily(),
        json!({"export_form_data": form, "locale": "de", "mail_template": "Alle Bestellungen."}),
    )
}

async fn run(host: &Harness) -> (Outcome, Vec<Mail>) {
    let id = host.create(CONF, JOHN, &orders()).await;
    host.advance_to(NEXT_NOON).await;
    let outcome = host.history(id).await.remove(0).entry.outcome.expect("an outcome");
    (outcome, host.take_mails())
}

fn unzipped(mail: &Mail) -> (String, Vec<u8>) {
    let (name, bytes) = mail.attachment.clone().expect("a file");
    assert!(name.ends_with(".csv.zip"), "{name}");
    archived(bytes)
}

fn archived(bytes: Vec<u8>) -> (String, Vec<u8>) {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive that another reader opens");
    assert_eq!(archive.len(), 1);
    let mut file = archive.by_index(0).expect("a file");
    let name = file.name().expect("a name in UTF-8").into_owned();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("a whole file");
    (name, bytes)
}

/// The mail as it is without a limit, and the size of the one with the zipped file.
async fn measured() -> (Mail, u64, u64) {
    let (_, mut plain) = run(&Harness::start(&limited(20_000_000), NOON).await).await;
    let plain = plain.remove(0);
    let size = plain.bytes.len() as u64;
    let (_, mut zipped) = run(&Harness::start(&limited(size - 1), NOON).await).await;
    let zipped = zipped.remove(0).bytes.len() as u64;
    assert!(zipped < size);
    (plain, size, zipped)
}

#[tokio::test]
async fn a_mail_as_large_as_the_limit_goes_as_it_is_and_one_byte_less_zips_its_file() {
    let (plain, size, zipped) = measured().await;
    let (name, bytes) = plain.attachment.clone().expect("a file");
    assert!(
        size > bytes.len() as u64 * 4 / 3,
        "the limit is one of the mail as sent, base64 and all: {size}"
    );
    let (outcome, mails) = run(&Harness::start(&limited(size), NOON).await).await;
    // All but the store's part of the Message-ID, and the boundary that is made of it.
    assert_eq!((outcome, mails[0].bytes.len() as u64), (Outcome::Delivered, size));
    assert_eq!((&mails[0].text, &mails[0].attachment), (&plain.text, &plain.attachment));

    for limit in [size - 1, zipped] {
        let (outcome, mails) = run(&Harness::start(&limited(limit), NOON).await).await;
        assert_eq!(outcome, Outcome::Delivered);
        assert_eq!(mails[0].bytes.len() as u64, zipped);
        assert_eq!(unzipped(&mails[0]), (name.clone(), bytes.clone()));
    }
}

#[tokio::test]
async fn a_mail_too_large_even_zipped_fails_with_the_numbers_where_the_host_offers_no_downloads() {
    let (_, _, zipped) = measured().await;
    let host = Harness::start(&limited(zipped - 1), NOON).await;
    let (outcome, mails) = run(&host).await;
    let Outcome::Failed((code, words)) = outcome else {
        panic!("{outcome:?}")
    };
    let grouped = |number: u64| format!("{},{:03}", number / 1000, number % 1000);
    assert_eq!(code, "mail-too-large");
    assert!(
        words.contains(&grouped(zipped)) && words.contains(&grouped(zipped - 1)),
        "{words}"
    );
    assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "john@example.com"));
    assert!(
        mails[0].attachment.is_none() && mails[0].text.contains(&words),
        "{}",
        mails[0].text
    );
}

/// Path of the link in a mail.
fn link(mail: &Mail) -> String {
    assert!(mail.attachment.is_none());
    let line = mail.text.lines().find(|line| line.starts_with("https://"));
    let url = line.unwrap_or_else(|| panic!("{}", mail.text)).trim();
    url.strip_prefix("https://tickets.example")
        .expect("the host's address")
        .to_owned()
}

#[tokio::test]
async fn a_mail_too_large_even_zipped_says_where_the_file_is_and_until_when() {
    let (plain, _, zipped) = measured().await;
    let host = Harness::builder()
        .downloads()
        .fixture(&limited(zipped - 1))
        .at(NOON)
        .build()
        .await;
    let (outcome, mails) = run(&host).await;
    assert_eq!((outcome, mails.len()), (Outcome::Delivered, 1));
    let text = &mails[0].text;
    assert!(text.starts_with("Alle Bestellungen."), "{text}");
    assert!(
        text.contains("Freitag, 30. Oktober 2026, 03:00 Uhr (Europe/Berlin, UTC+01:00)"),
        "{text}"
    );
    let path = link(&mails[0]);

    let (status, headers, bytes) = host.fetch(Method::GET, &path).await;
    assert_eq!(status, 200);
    assert_eq!(archived(bytes.clone()), plain.attachment.clone().expect("a file"));
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    assert!(
        header("content-disposition").starts_with("attachment; filename=\""),
        "{headers:?}"
    );
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!(header("content-type"), "application/zip");
    assert_eq!(header("content-length"), bytes.len().to_string());
    assert_eq!(header("x-content-type-options"), "nosniff");
    let (status, head, nothing) = host.fetch(Method::HEAD, &path).await;
    assert_eq!(
        (status, &head["content-length"], nothing.len()),
        (200, &headers["content-length"], 0)
    );
    assert_eq!(host.fetch(Method::POST, &path).await.0, 405);
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("accept-ranges"), "bytes");

    // In parts, as a client does that was interrupted.
    let half = bytes.len() / 2;
    let range = format!("bytes={half}-");
    let resumed = [
        ("range", range.as_str()),
        ("if-range", headers["etag"].to_str().expect("text")),
    ];
    let (status, part, rest) = host.fetch_with(Method::GET, &path, &resumed).await;
    assert_eq!((status, &rest[..]), (206, &bytes[half..]));
    let of = format!("bytes {half}-{}/{}", bytes.len() - 1, bytes.len());
    assert_eq!(part["content-range"], of);
    let known = [("if-none-match", headers["etag"].to_str().expect("text"))];
    assert_eq!(host.fetch_with(Method::GET, &path, &known).await.0, 304);
    let past = format!("bytes={}-", bytes.len());
    let (status, past, _) = host.fetch_with(Method::GET, &path, &[("range", &past)]).await;
    assert_eq!(
        (status, &past["content-range"]),
        (416, &format!("bytes */{}", bytes.len()).parse().expect("a header"))
    );

    // As often as one likes, also after a restart, until its time is over.
    let host = host.restart().await;
    host.jump_to("2026-10-30T01:59:59Z");
    host.tidy().await;
    assert_eq!(host.fetch(Method::GET, &path).await.2, bytes);
    host.jump_to("2026-10-30T02:00:00Z");
    let expired = host.fetch(Method::GET, &path).await;
    let unknown = host.fetch(Method::GET, &format!("/download/{}", "0".repeat(64))).await;
    let nonsense = host.fetch(Method::GET, "/download/../healthz").await;
    assert_eq!((expired.0, &expired.2), (404, &unknown.2));
    assert_eq!((unknown.0, nonsense.0, &nonsense.2), (404, 404, &unknown.2));
    // The file is gone from the store, too.
    host.tidy().await;
    let run = 1;
    let target = host.folder().join("fetched");
    assert_eq!(
        host.storage().read_file(run, &target).await.expect("the store answers"),
        None
    );
}

#[tokio::test]
async fn a_link_that_nobody_got_leads_nowhere() {
    let (_, _, zipped) = measured().await;
    let host = Harness::builder()
        .downloads()
        .fixture(&limited(zipped - 1))
        .at(NOON)
        .build()
        .await;
    host.mail.refuse(
        "john@example.com",
        Some(scheduled_exports_mail::Refusal::Permanent("550 no".into())),
    );
    let (outcome, mails) = run(&host).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(mails.len(), 0);
    let target = host.folder().join("fetched");
    assert_eq!(
        host.storage().read_file(1, &target).await.expect("the store answers"),
        None
    );
}

#[tokio::test]
async fn a_mail_that_fits_has_no_link_also_where_the_host_offers_them() {
    let host = Harness::builder()
        .downloads()
        .fixture(&limited(20_000_000))
        .at(NOON)
        .build()
        .await;
    let (outcome, mails) = run(&host).await;
    assert_eq!(outcome, Outcome::Delivered);
    assert!(mails[0].attachment.is_some() && !mails[0].text.contains("/download/"));
}
