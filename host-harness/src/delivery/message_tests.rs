use super::*;
use crate::storage::{NewMail, Scope};

/// What a person might write to get a header, a part or an end of the message of his own.
const NASTY: [&str; 12] = [
    "x\r\nBcc: evil@example.com",
    "x\nBcc: evil@example.com",
    "x\rBcc: evil@example.com",
    "x\r\n\r\nBody",
    "x\r\n.\r\nMAIL FROM:<evil@example.com>",
    "x\0y",
    "x\u{85}Bcc: evil@example.com",
    "x\u{2028}Bcc: evil@example.com\u{2029}",
    "x\u{b}\u{c}\u{1b}[31m\u{7f}",
    "\u{202e}gpj.exe",
    "=?utf-8?q?x=0D=0ABcc:_evil@example.com?=",
    "\"; filename*=utf-8''x\r\nX: y",
];

fn mail() -> OutboxMail {
    OutboxMail {
        id: 3,
        run: Some(5),
        schedule: 7,
        scope: Scope {
            organizer: "demo".to_owned(),
            event: None,
        },
        due: 1_793_070_000,
        created: 1_793_070_002,
        mail: NewMail {
            kind: MailKind::Export,
            message_id: message_id(7, 1_793_070_000, MailKind::Export, "tickets.example"),
            from: "exports@tickets.example".to_owned(),
            to: vec!["mary@example.org".to_owned(), "bob@example.org".to_owned()],
            cc: vec!["john@example.com".to_owned()],
            bcc: vec!["hidden@example.net".to_owned()],
            subject: "Monthly order list".to_owned(),
            text: "All events,\nlast month.\n".to_owned(),
            attach_file: true,
        },
        file: Some(FileFacts {
            name: "orders.csv".to_owned(),
            content_type: "text/csv; charset=utf-8".to_owned(),
            size: 9,
            rows: Some(1),
            events: None,
        }),
    }
}

fn rendered(mail: &OutboxMail, file: &[u8]) -> String {
    let bytes = render(mail, Some(file)).unwrap();
    assert_eq!(bytes, render(mail, Some(file)).unwrap(), "the same mail, other bytes");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.is_ascii(), "{text}");
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "{line:?}");
    }
    text
}

/// Names of the headers of a message or part, in order.
fn header_names(part: &str) -> Vec<&str> {
    let head = part.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split_once(':').expect(line).0).collect()
}

const HEADERS: [&str; 9] = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Cc",
    "Subject",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn a_mail_with_a_file_is_these_bytes() {
    let mail = mail();
    let boundary = boundary(&mail);
    let expected = "Date: Tue, 27 Oct 2026 03:00:02 +0000\r\n\
        Message-ID: <2026-10-27T030000Z-schedule-7-export@tickets.example>\r\n\
        From: exports@tickets.example\r\n\
        To: mary@example.org,\r\n bob@example.org\r\n\
        Cc: john@example.com\r\n\
        Subject: Monthly order list\r\n\
        Auto-Submitted: auto-generated\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed;\r\n boundary=\"BOUNDARY\"\r\n\
        \r\n\
        --BOUNDARY\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        All events,\r\nlast month.\r\n\
        \r\n\
        --BOUNDARY\r\n\
        Content-Type: text/csv; charset=utf-8\r\n\
        Content-Disposition: attachment; filename=\"orders.csv\"\r\n\
        Content-Transfer-Encoding: base64\r\n\
        \r\n\
        Y29kZQ1BMUI=\r\n\
        --BOUNDARY--\r\n";
    assert_eq!(rendered(&mail, b"code\rA1B").replace(&boundary, "BOUNDARY"), expected);
    assert_eq!(boundary.len(), 45);
}

#[test]
fn a_mail_without_a_file_is_one_part() {
    let mut mail = mail();
    mail.mail.attach_file = false;
    mail.mail.text = "Grüße an alle, die es angeht,\r\nzwei\rdrei\0\n".to_owned();
    let text = rendered(&mail, b"");
    assert_eq!(
        header_names(&text)[7..],
        ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    );
    let body = text.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "Gr=C3=BC=C3=9Fe an alle, die es angeht,\r\nzwei\r\ndrei=20\r\n\r\n"
    );
}

#[test]
fn bcc_is_nowhere_in_the_bytes() {
    assert!(!rendered(&mail(), b"x").contains("hidden"));
    assert!(!rendered(&mail(), b"x").to_lowercase().contains("bcc"));
}

#[test]
fn no_text_becomes_a_header() {
    for nasty in NASTY {
        let mut mail = mail();
        mail.mail.subject = nasty.to_owned();
        mail.mail.message_id = format!("{nasty}@x");
        mail.mail.text = nasty.to_owned();
        mail.file.as_mut().unwrap().name = nasty.to_owned();
        mail.file.as_mut().unwrap().content_type = format!("text/csv; x=\"{nasty}\"");
        mail.mail.to.push(format!("\"{nasty}\"@example.com"));
        mail.mail.cc.push(nasty.to_owned());
        let text = rendered(&mail, b"x");
        assert_eq!(header_names(&text), HEADERS, "{nasty:?}");
        let parts: Vec<_> = text.split(&format!("--{}\r\n", boundary(&mail))).collect();
        assert_eq!(parts.len(), 3, "{nasty:?}");
        assert_eq!(header_names(parts[1]), ["Content-Type", "Content-Transfer-Encoding"]);
        assert_eq!(
            header_names(parts[2]),
            ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]
        );
    }
}

#[test]
fn a_sender_that_is_no_address_is_an_error_and_no_header() {
    for nasty in NASTY {
        let mut mail = mail();
        mail.mail.from = format!("a@example.com{nasty}");
        assert!(
            matches!(render(&mail, Some(b"")), Err(RenderError::Sender(_))),
            "{nasty:?}"
        );
    }
}

#[test]
fn an_address_that_is_not_ascii_or_none_at_all_spoils_nothing() {
    let mut mail = mail();
    mail.mail.to.insert(0, "jürgen@example.org".to_owned());
    mail.mail.to.insert(0, "no address".to_owned());
    assert!(rendered(&mail, b"").contains("\r\nTo: mary@example.org,\r\n bob@example.org\r\n"));
    mail.mail.to.truncate(2);
    assert!(!rendered(&mail, b"").contains("\r\nTo:"));
    mail.mail.cc.clear();
    assert!(rendered(&mail, b"").contains("\r\nTo: undisclosed-recipients:;\r\n"));
}

#[test]
fn twenty_five_long_addresses_are_folded() {
    let mut mail = mail();
    mail.mail.to = (0..25)
        .map(|i| format!("{}{i}@{}.example", "a".repeat(60), "b".repeat(60)))
        .collect();
    let text = rendered(&mail, b"");
    assert_eq!(text.matches("bbb.example").count(), 25);
    assert!(text.split("\r\n").all(|line| line.len() < 200));
    assert_eq!(header_names(&text), HEADERS);
}

/// The Subject line as it is sent.
fn subject_of(subject: &str) -> String {
    let mut mail = mail();
    mail.mail.subject = subject.to_owned();
    let text = rendered(&mail, b"");
    let from = text.find("Subject: ").unwrap();
    let to = text.find("\r\nAuto-Submitted").unwrap();
    text[from..to].to_owned()
}

#[test]
fn a_subject_is_encoded_where_it_has_to_be() {
    assert_eq!(subject_of("Orders, 50 % (new)"), "Subject: Orders, 50 % (new)");
    assert_eq!(
        subject_of("Bestellungen für März"),
        "Subject: Bestellungen =?utf-8?b?ZsO8ciBNw6Ryeg==?="
    );
    // Typed by a person, it is shown as typed.
    assert_eq!(subject_of("=?utf-8?q?x?="), "Subject: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=");
    assert_eq!(subject_of("two  spaces"), "Subject: =?utf-8?b?dHdvICBzcGFjZXM=?=");
    assert_eq!(subject_of("a\r\nb"), "Subject: =?utf-8?b?YSAgYg==?=");
    assert_eq!(subject_of("a\u{2028}b"), "Subject: a b");
}

#[test]
fn a_subject_of_any_allowed_length_is_in_short_lines() {
    for subject in [
        "x ".repeat(125),
        "ä".repeat(250),
        " ".repeat(249) + "x",
        "=?".repeat(125),
        "📕 ".repeat(125),
    ] {
        let sent = subject_of(&subject);
        for line in sent.split("\r\n") {
            assert!(line.len() <= 90, "{line}");
            assert!(!line.trim().is_empty(), "a line of spaces ends the headers for some");
        }
    }
}

#[test]
fn a_file_name_reaches_the_recipient_in_any_script() {
    let part = |name: &str| {
        let mut mail = mail();
        mail.file.as_mut().unwrap().name = name.to_owned();
        let text = rendered(&mail, b"");
        let from = text.find("Content-Disposition: attachment;").unwrap();
        let to = text[from..].find("\r\nContent-Transfer").unwrap();
        text[from..from + to].replace("Content-Disposition: attachment;", "")
    };
    assert_eq!(part("a b.csv"), " filename=\"a b.csv\"");
    assert_eq!(part("März.xlsx"), "\r\n filename*0*=utf-8''M%C3%A4rz.xlsx");
    assert_eq!(part("../../etc/passwd"), " filename=\".._.._etc_passwd\"");
    assert_eq!(part("C:\\x\".exe"), " filename=\"C:_x_.exe\"");
    assert_eq!(part(""), " filename=\"export\"");
    assert_eq!(part("\u{202e}fdp.exe"), " filename=\"_fdp.exe\"");
    let long = part(&("ä".repeat(500) + ".xlsx"));
    assert!(long.len() < 1300 && long.ends_with(".xlsx"), "{long}");
    assert!(part(&("a.".to_owned() + &"b".repeat(500))).len() < 300);
}

#[test]
fn a_content_type_that_a_part_cannot_have_becomes_plain_bytes() {
    for odd in [
        "multipart/mixed; boundary=x",
        "message/rfc822",
        "",
        "nonsense",
        "text/csv\r\nX: y",
        "a/b; c=ä",
    ] {
        let mut mail = mail();
        mail.file.as_mut().unwrap().content_type = odd.to_owned();
        let text = rendered(&mail, b"");
        assert!(
            text.contains("\r\nContent-Type: application/octet-stream\r\n"),
            "{odd:?}"
        );
    }
}

#[test]
fn a_text_cannot_hold_the_boundary_of_its_mail() {
    let mut mail = mail();
    let before = boundary(&mail);
    mail.mail.text = format!("x\n--{before}\nContent-Type: text/html\n\n<script>");
    let text = rendered(&mail, b"x");
    assert_ne!(boundary(&mail), before);
    assert_eq!(text.matches(&format!("--{}", boundary(&mail))).count(), 3);
}

#[test]
fn size_is_exactly_what_is_sent() {
    let mut mail = mail();
    let sizes = (0..240).chain([1023, 1024, 1025, 57 * 76 - 1, 57 * 76, 57 * 76 + 1, 1_000_003]);
    for file_size in sizes {
        let bytes = render(&mail, Some(&vec![b'x'; file_size])).unwrap();
        assert_eq!(size(&mail, file_size as u64), bytes.len() as u64, "{file_size}");
    }
    for text in [
        "",
        "kurz",
        "Grüße\n",
        &"long ".repeat(500),
        &"ß\n".repeat(999),
        "\r\n\r\n.\r\n",
    ] {
        mail.mail.text = text.to_owned();
        assert_eq!(size(&mail, 100), render(&mail, Some(&[0; 100])).unwrap().len() as u64);
    }
    mail.mail.attach_file = false;
    assert_eq!(size(&mail, 1_000_000), render(&mail, None).unwrap().len() as u64);
    assert!(size(&mail, u64::MAX) < 1_000_000);
    mail.mail.attach_file = true;
    assert_eq!(size(&mail, u64::MAX), u64::MAX);
    mail.mail.from = "nobody".to_owned();
    assert!(size(&mail, 1000) > 1333);
}

#[test]
fn a_file_to_attach_has_to_be_there() {
    assert!(matches!(render(&mail(), None), Err(RenderError::NoFile)));
    let mut mail = mail();
    mail.file = None;
    assert!(matches!(render(&mail, Some(b"")), Err(RenderError::NoFile)));
}

#[test]
fn a_date_outside_of_the_calendar_is_moved_into_it() {
    let mut mail = mail();
    for (created, date) in [
        (i64::MIN, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (i64::MAX, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ] {
        mail.created = created;
        assert!(rendered(&mail, b"").starts_with(&format!("Date: {date}\r\n")));
    }
}

#[test]
fn message_ids_differ_by_schedule_due_time_and_kind_and_nothing_else() {
    let id = |schedule, due, kind| message_id(schedule, due, kind, "tickets.example");
    let all = [
        id(7, 1_793_070_000, MailKind::Export),
        id(8, 1_793_070_000, MailKind::Export),
        id(7, 1_793_070_001, MailKind::Export),
        id(7, 1_793_070_000, MailKind::Undelivered),
    ];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), 4);
    assert_eq!(all[0], "2026-10-27T030000Z-schedule-7-export@tickets.example");
    assert_eq!(all[0], id(7, 1_793_070_000, MailKind::Export));
    assert_eq!(
        message_id(1, i64::MAX, MailKind::Failure, "a b>\r\nX: y"),
        "at9223372036854775807-schedule-1-failure@abXy"
    );
    assert!(message_id(1, 0, MailKind::Failure, "..").ends_with("@localhost"));
}
