use super::*;

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
            from_name: None,
            reply_to: None,
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
        Content-Type: text/csv; charset=utf-8; name=\"orders.csv\"\r\n\
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
    assert_eq!(part("C:\\x\".exe"), " filename=\"C__x_.exe\"");
    assert_eq!(part(""), " filename=\"export\"");
    assert_eq!(part("\u{202e}fdp.exe"), " filename=\"_fdp.exe\"");
    let long = part(&("ä".repeat(500) + ".xlsx"));
    assert!(long.len() < 1300 && long.ends_with(".xlsx"), "{long}");
    assert!(part(&("a.".to_owned() + &"b".repeat(500))).len() < 300);
}

/// Header lines of the part with the file.
fn part_headers(name: &str) -> (String, String) {
    let mut mail = mail();
    mail.file.as_mut().unwrap().name = name.to_owned();
    let text = rendered(&mail, b"");
    let part = text.split(&format!("--{}\r\n", boundary(&mail))).nth(2).unwrap();
    let head = part.split("\r\n\r\n").next().unwrap();
    let from = head.find("Content-Disposition").unwrap();
    let to = head.find("\r\nContent-Transfer").unwrap();
    (head[..from].trim_end().to_owned(), head[from..to].to_owned())
}

#[test]
fn a_file_name_of_ascii_up_to_78_characters_is_one_plain_parameter_of_both_headers() {
    let name = "bigevents_sampleconf_orderlist_2026-10-27.xlsx";
    let (kind, disposition) = part_headers(name);
    assert_eq!(
        kind,
        format!("Content-Type: text/csv; charset=utf-8;\r\n name=\"{name}\"")
    );
    assert_eq!(
        disposition,
        format!("Content-Disposition: attachment;\r\n filename=\"{name}\"")
    );
    for length in [4, 10, 40, 41, 77, 78, 79, 154] {
        let name = "n".repeat(length - 4) + ".csv";
        let (kind, disposition) = part_headers(&name);
        assert!(kind.ends_with(&format!(" name=\"{name}\"")), "{kind}");
        let plain = disposition.ends_with(&format!(" filename=\"{name}\""));
        assert_eq!(plain, length <= 78, "{disposition}");
        let one_line = disposition.len() <= 78 && !disposition.contains('\n');
        assert_eq!(
            one_line,
            length <= 78 - "Content-Disposition: attachment; filename=\"\"".len()
        );
    }
}

#[test]
fn a_reader_gets_a_file_name_of_any_length_and_script_whole() {
    for name in [
        "orders.csv".to_owned(),
        "bigevents_sampleconf_orderlist_2026-10-27.xlsx".to_owned(),
        "n".repeat(74) + ".csv",
        "n".repeat(75) + ".csv",
        "n".repeat(150) + ".xlsx",
        "März.xlsx".to_owned(),
        "Größe ".repeat(20) + "ü.xlsx",
        "注文一覧.csv".to_owned(),
    ] {
        let mut mail = mail();
        mail.file.as_mut().unwrap().name = name.clone();
        let bytes = render(&mail, Some(b"x")).unwrap();
        let parsed = mailparse::parse_mail(&bytes).unwrap();
        let disposition = parsed.subparts[1].get_content_disposition();
        assert_eq!(disposition.params.get("filename"), Some(&name), "{disposition:?}");
        // The older place: as it is, or in encoded words.
        let kind = &parsed.subparts[1].ctype.params["name"];
        let kind = mailparse::parse_header(format!("X: {kind}").as_bytes())
            .unwrap()
            .0
            .get_value();
        assert_eq!(kind, name);
    }
}

/// The header lines of that name.
fn header_of(mail: &OutboxMail, name: &str) -> Option<String> {
    let text = rendered(mail, b"");
    let head = text.split("\r\n\r\n").next().unwrap();
    let unfolded = head.replace("\r\n ", " ");
    let line = unfolded
        .split("\r\n")
        .find(|line| line.starts_with(&format!("{name}: ")));
    line.map(str::to_owned)
}

#[test]
fn the_sender_has_its_name_in_from() {
    let mut mail = mail();
    for (name, line) in [
        (None, "From: exports@tickets.example"),
        (Some("Big Events"), "From: \"Big Events\" <exports@tickets.example>"),
        (
            Some("Events, Big"),
            "From: =?utf-8?b?RXZlbnRzLCBCaWc=?= <exports@tickets.example>",
        ),
        (
            Some("Große Feste"),
            "From: =?utf-8?b?R3Jvw59lIEZlc3Rl?= <exports@tickets.example>",
        ),
    ] {
        mail.mail.from_name = name.map(str::to_owned);
        assert_eq!(header_of(&mail, "From").as_deref(), Some(line));
    }
    for nasty in NASTY {
        mail.mail.from_name = Some(nasty.to_owned());
        let text = rendered(&mail, b"");
        assert_eq!(header_names(&text), HEADERS, "{nasty:?}");
        let parsed = mailparse::parse_mail(text.as_bytes()).unwrap();
        let from = mailparse::addrparse_header(&parsed.headers[2]).unwrap();
        assert_eq!(from.extract_single_info().unwrap().addr, "exports@tickets.example");
    }
}

#[test]
fn answers_go_where_the_mail_says_and_only_to_an_address() {
    let mut mail = mail();
    assert_eq!(header_of(&mail, "Reply-To"), None);
    for (address, line) in [
        ("john@example.com", Some("Reply-To: john@example.com")),
        ("john@exämple.com", Some("Reply-To: john@xn--exmple-cua.com")),
        ("jürgen@example.com", None),
        ("no address", None),
    ] {
        mail.mail.reply_to = Some(address.to_owned());
        assert_eq!(header_of(&mail, "Reply-To").as_deref(), line, "{address}");
    }
    for nasty in NASTY {
        mail.mail.reply_to = Some(format!("a@example.com{nasty}"));
        assert_eq!(header_names(&rendered(&mail, b"")), HEADERS, "{nasty:?}");
    }
}

#[test]
fn stores_that_share_a_sender_have_different_message_ids() {
    let of = |store: &str| {
        let origin = Origin::new("Tickets <exports@tickets.example>".parse().unwrap(), store);
        message_id(7, 1_793_070_000, MailKind::Export, &origin.host)
    };
    assert_eq!(
        of("0123456789abcdef"),
        "2026-10-27T030000Z-schedule-7-export@0123456789abcdef.tickets.example"
    );
    assert_ne!(of("0123456789abcdef"), of("0123456789abcdee"));
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
        "text/csv; name=\"other.csv\"",
    ] {
        let mut mail = mail();
        mail.file.as_mut().unwrap().content_type = odd.to_owned();
        let text = rendered(&mail, b"");
        assert!(
            text.contains("\r\nContent-Type: application/octet-stream; name=\"orders.csv\"\r\n"),
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
