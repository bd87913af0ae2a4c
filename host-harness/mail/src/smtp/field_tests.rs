//! What mail servers in the field do. Each test is one kind of them.

use std::time::Duration;

use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};

use super::tests::{FROM, hand, message, patient, permanent, transient, transport, trouble};
use super::*;

fn trusting(url: &str) -> SmtpTransport {
    SmtpTransport::trusting(url, patient(), SmtpServer::CA).unwrap()
}

/// Delivers to a server that answers the steps of one kind of reply in this way, and nothing else is special about it.
async fn answering(stage: Stage, bytes: &[u8]) -> Result<String, Refusal> {
    let server = SmtpServer::start().await;
    server.when(stage).raw(bytes);
    let ended = hand(&transport(&server), "a@example.com").await;
    assert!(ended.is_err() || server.mails().len() == 1, "{ended:?}");
    ended
}

#[tokio::test]
async fn a_reply_in_latin_1_to_the_message_is_taken_by_its_code() {
    let said = answering(Stage::Taken, b"250 2.0.0 Gr\xfc\xdfe\r\n").await.unwrap();
    assert_eq!(said, "250 2.0.0 Gr\u{fffd}\u{fffd}e");
    let no = answering(Stage::Recipient, b"550 5.1.1 Empf\xe4nger unbekannt\r\n").await;
    assert_eq!(permanent(no), "550 5.1.1 Empf\u{fffd}nger unbekannt");
}

#[tokio::test]
async fn replies_of_a_code_alone_and_with_bare_line_feeds_are_taken_at_every_step() {
    for line_end in ["\r\n", "\n", " \r\n", " \n"] {
        let server = SmtpServer::start().await;
        for (stage, code) in [
            (Stage::Connect, "220"),
            (Stage::Hello, "250"),
            (Stage::Mail, "250"),
            (Stage::Recipient, "250"),
            (Stage::Data, "354"),
            (Stage::Taken, "250"),
        ] {
            server.when(stage).raw(format!("{code}{line_end}").as_bytes());
        }
        assert_eq!(hand(&transport(&server), "a@example.com").await.unwrap(), "250");
        assert_eq!(server.mails().len(), 1, "{line_end:?}");
    }
}

#[tokio::test]
async fn a_reply_that_comes_byte_by_byte_is_read_whole() {
    let server = SmtpServer::start().await;
    server
        .when(Stage::Connect)
        .byte_by_byte(b"220-one\r\n220-two\r\n220 three\r\n");
    server
        .when(Stage::Hello)
        .byte_by_byte(b"250-test\r\n250-size 1000\r\n250 8BITMIME\r\n");
    server.when(Stage::Taken).byte_by_byte(b"250-kept\r\n250 for you\r\n");
    let said = hand(&transport(&server), "a@example.com").await.unwrap();
    assert_eq!(said, "250 kept for you");
}

#[tokio::test]
async fn a_reply_of_yes_and_no_is_not_taken_for_a_yes() {
    transient(answering(Stage::Taken, b"250-ok\r\n550 no\r\n").await);
    transient(answering(Stage::Taken, b"550-no\r\n250 ok\r\n").await);
    let said = answering(Stage::Taken, b"250-ok\r\n251 will forward\r\n")
        .await
        .unwrap();
    assert_eq!(said, "251 ok will forward");
}

#[tokio::test]
async fn a_reply_without_end_is_given_up_at_a_bound() {
    for bytes in [&b"250-and more\r\n"[..], b"2", b"250 x", b"\r\n", b"\0"] {
        for stage in [Stage::Connect, Stage::Hello, Stage::Taken] {
            let server = SmtpServer::start().await;
            server.when(stage).repeat(bytes);
            let refused = hand(&transport(&server), "a@example.com").await.unwrap_err();
            assert!(!matches!(refused, Refusal::Permanent(_)), "{stage:?}: {refused:?}");
            assert!(refused.to_string().len() < 1000);
        }
    }
}

#[tokio::test]
async fn a_huge_line_below_the_bound_is_taken() {
    let line = [b"250 ", &vec![b'x'; 60_000][..], b"\r\n"].concat();
    assert!(answering(Stage::Taken, &line).await.is_ok());
}

#[tokio::test]
async fn keywords_count_in_any_case() {
    let server = SmtpServer::start().await;
    server.offer(&["size 5000", "8bitmime", "SmtpUtf8"]);
    hand(&transport(&server), "jürgen@example.com").await.unwrap();
    let mail = format!("MAIL FROM:<{FROM}> SIZE={} SMTPUTF8", message().len());
    assert!(server.commands().contains(&mail), "{:?}", server.commands());
}

#[tokio::test]
async fn starttls_in_lower_case_is_an_offer_and_the_mail_goes_out_encrypted() {
    let server = SmtpServer::with_tls().await;
    server.when(Stage::Hello).times(1).raw(b"250-test\r\n250 starttls\r\n");
    let transport = trusting(&format!("smtp://{}?tls=required", server.address()));
    hand(&transport, "a@example.com").await.unwrap();
    let commands = server.commands();
    assert_eq!(&commands[..2], ["EHLO tickets.example", "STARTTLS"]);
    assert_eq!(commands[2], "EHLO tickets.example", "asked again, encrypted");
}

#[tokio::test]
async fn a_server_that_does_not_know_ehlo_is_told_helo() {
    for no in ["500 what", "502 5.5.1 not here", "504 no", "550 no", "554 no"] {
        let server = SmtpServer::start().await;
        server.when(Stage::Hello).times(1).reply(no);
        hand(&transport(&server), "a@example.com").await.unwrap();
        assert_eq!(
            &server.commands()[..2],
            ["EHLO tickets.example", "HELO tickets.example"]
        );
    }
}

#[tokio::test]
async fn ehlo_names_the_senders_domain_or_what_the_url_says() {
    let server = SmtpServer::start().await;
    hand(&transport(&server), "a@example.com").await.unwrap();
    let url = format!("smtp://{}/mail.example?tls=none", server.address());
    hand(&SmtpTransport::from_url(&url, patient()).unwrap(), "a@example.com")
        .await
        .unwrap();
    let own = transport(&server);
    let literal = own.hand_over("exports@b\u{fc}cher.example", "a@example.com", "1@x", message());
    literal.await.unwrap();
    let url = format!("smtp://{}/192.0.2.7?tls=none", server.address());
    hand(&SmtpTransport::from_url(&url, patient()).unwrap(), "a@example.com")
        .await
        .unwrap();
    let hellos: Vec<_> = server
        .commands()
        .into_iter()
        .filter(|line| line.starts_with("EHLO"))
        .collect();
    assert_eq!(
        hellos,
        [
            "EHLO tickets.example",
            "EHLO mail.example",
            "EHLO [127.0.0.1]",
            "EHLO [192.0.2.7]"
        ]
    );
}

#[tokio::test]
async fn a_greeting_of_421_means_wait_and_one_of_554_means_the_operator() {
    for (said, kind) in [
        ("421 4.7.0 too many connections", TroubleKind::Busy),
        ("421", TroubleKind::Busy),
        ("432 4.3.2 concurrent connections limit exceeded", TroubleKind::Busy),
        ("554 5.7.1 no service for you", TroubleKind::Unreachable),
        ("554", TroubleKind::Unreachable),
    ] {
        let server = SmtpServer::start().await;
        server.when(Stage::Connect).reply_and_close(said);
        let found = trouble(hand(&transport(&server), "a@example.com").await);
        assert_eq!(found, (kind, format!("could not connect to the mail server: {said}")));
    }
}

#[tokio::test]
async fn a_mail_over_the_announced_size_is_not_uploaded() {
    let server = SmtpServer::start().await;
    let size = message().len();
    for (offer, fits) in [
        (format!("SIZE {size}"), true),
        (format!("SIZE {}", size - 1), false),
        ("SIZE 0".to_owned(), true),
        ("SIZE".to_owned(), true),
        ("SIZE lots".to_owned(), true),
    ] {
        server.offer(&[&offer]);
        let before = server.commands().len();
        let transport = transport(&server);
        let ended = hand(&transport, "a@example.com").await;
        if fits {
            ended.unwrap();
        } else {
            let why = format!(
                "the mail has {size} bytes, and the mail server accepts at most {} (SIZE)",
                size - 1
            );
            assert_eq!(permanent(ended), why);
            assert_eq!(server.commands().len(), before + 1, "EHLO and nothing more");
            assert_eq!(transport.size_limit(), Some(size as u64 - 1));
        }
    }
    assert!(server.commands().contains(&format!("MAIL FROM:<{FROM}> SIZE={size}")));
}

#[tokio::test]
async fn replies_forged_behind_the_plaintext_of_starttls_are_never_read() {
    let forged = b"220 go\r\n250 test\r\n250 ok\r\n250 ok\r\n354 go\r\n250 delivered\r\n";
    let server = SmtpServer::with_tls().await;
    server.when(Stage::StartTls).raw(forged);
    let transport = trusting(&format!("smtp://{}", server.address()));
    let (kind, reply) = trouble(hand(&transport, "a@example.com").await);
    assert_eq!(kind, TroubleKind::Tls, "{reply}");
    assert!(server.mails().is_empty());
    // Nor where they come after what is taken for the reply, one by one.
    let server = SmtpServer::with_tls().await;
    server.when(Stage::StartTls).byte_by_byte(forged);
    let transport = trusting(&format!("smtp://{}", server.address()));
    assert_eq!(trouble(hand(&transport, "a@example.com").await).0, TroubleKind::Tls);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn what_a_server_says_before_it_is_asked_is_no_answer() {
    for (stage, bytes) in [
        (Stage::Connect, &b"220 hi\r\n250 forged\r\n"[..]),
        (
            Stage::Hello,
            b"250 test\r\n250 ok\r\n250 ok\r\n354 go\r\n250 delivered\r\n",
        ),
        (Stage::Data, b"354 go\r\n250 delivered\r\n"),
    ] {
        let refused = answering(stage, bytes).await.unwrap_err();
        assert!(
            refused.to_string().ends_with(": it spoke before it was asked"),
            "{refused}"
        );
    }
}

/// Of several blocks, so that most of it is still to be sent after its first line.
fn large() -> Arc<[u8]> {
    b"a line\r\n".repeat(2_000_000).into()
}

#[tokio::test]
async fn a_no_in_the_middle_of_the_message_is_heard_with_its_code() {
    let server = SmtpServer::start().await;
    server.when(Stage::Midway).reply_and_close("552 5.3.4 too big");
    let sending = transport(&server);
    let refused = sending.hand_over(FROM, "a@example.com", "1@x", large()).await;
    assert_eq!(permanent(refused), "552 5.3.4 too big");

    // A server that says so and reads no more, and keeps the connection open.
    let server = SmtpServer::start().await;
    server.when(Stage::Midway).times(1).reply("552 5.3.4 too big");
    let sending = transport(&server);
    let refused = sending.hand_over(FROM, "a@example.com", "1@x", large()).await;
    assert_eq!(permanent(refused), "552 5.3.4 too big");
    hand(&sending, "a@example.com").await.unwrap();
    assert_eq!(server.connections(), 2, "the first one is out of step");
}

#[tokio::test]
async fn a_yes_in_the_middle_of_the_message_is_none() {
    let server = SmtpServer::start().await;
    server.when(Stage::Midway).times(1).reply("250 2.0.0 taken");
    let sending = transport(&server)
        .hand_over(FROM, "a@example.com", "1@x", large())
        .await;
    let why = transient(sending);
    assert!(why.contains("a reply before the end of the message: 250"), "{why}");
}

#[tokio::test]
async fn a_server_that_takes_no_more_of_the_message_is_left_at_the_limit_of_a_block() {
    let server = SmtpServer::start().await;
    server.when(Stage::Midway).stall();
    let mut limits = patient();
    limits.block = Duration::from_millis(300);
    let transport = SmtpTransport::from_url(&server.url(), limits).unwrap();
    let why = transient(transport.hand_over(FROM, "a@example.com", "1@x", large()).await);
    assert!(why.ends_with("it took no more of it within 0.3 seconds"), "{why}");
}

#[tokio::test]
async fn an_unknown_ca_is_told_from_other_trouble_and_tls_none_needs_none() {
    let server = SmtpServer::with_tls().await;
    let url = format!("smtp://{}", server.address());
    let strict = SmtpTransport::from_url(&url, patient()).unwrap();
    let (kind, reply) = trouble(hand(&strict, "a@example.com").await);
    assert_eq!(kind, TroubleKind::Certificate, "{reply}");
    assert!(reply.contains("UnknownIssuer"), "{reply}");
    assert!(kind.advice().contains("SSL_CERT_FILE") && kind.advice().contains("tls=none"));
    hand(&trusting(&url), "a@example.com").await.unwrap();
    hand(&transport(&server), "a@example.com").await.unwrap();
    assert_eq!(server.mails().len(), 2);

    let server = SmtpServer::with_implicit_tls().await;
    let url = format!("smtps://{}", server.address());
    let strict = SmtpTransport::from_url(&url, patient()).unwrap();
    assert_eq!(
        trouble(hand(&strict, "a@example.com").await).0,
        TroubleKind::Certificate
    );
    hand(&trusting(&url), "a@example.com").await.unwrap();
}

#[tokio::test]
async fn a_password_goes_out_encrypted_or_not_at_all() {
    for end in ["", "?tls=opportunistic", "?tls=required"] {
        let server = SmtpServer::start().await;
        let transport = trusting(&format!("smtp://user:secret@{}{end}", server.address()));
        assert_eq!(trouble(hand(&transport, "a@example.com").await).0, TroubleKind::Tls);
        let commands = server.commands();
        assert!(
            !commands.iter().any(|line| line.starts_with("AUTH")),
            "{end}: {commands:?}"
        );
    }
    let server = SmtpServer::with_tls().await;
    let transport = trusting(&format!("smtp://user:secret@{}", server.address()));
    hand(&transport, "a@example.com").await.unwrap();
    // `\0user\0secret`
    assert!(server.commands().contains(&"AUTH PLAIN AHVzZXIAc2VjcmV0".to_owned()));
}

#[tokio::test]
async fn login_is_used_where_the_server_knows_nothing_better_and_in_any_spelling() {
    for (offer, command) in [
        ("AUTH LOGIN", "AUTH LOGIN"),
        ("auth=login", "AUTH LOGIN"),
        ("AUTH LOGIN PLAIN", "AUTH PLAIN AHVzZXIAc2VjcmV0"),
        ("Auth=Plain", "AUTH PLAIN AHVzZXIAc2VjcmV0"),
    ] {
        let server = SmtpServer::start().await;
        server.offer(&[offer]);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, patient()).unwrap();
        hand(&transport, "a@example.com").await.unwrap();
        assert!(server.commands().contains(&command.to_owned()), "{offer}");
    }
    let server = SmtpServer::start().await;
    server.offer(&["AUTH XOAUTH2"]);
    let url = format!("smtp://user:secret@{}?tls=none", server.address());
    let transport = SmtpTransport::from_url(&url, patient()).unwrap();
    let (kind, reply) = trouble(hand(&transport, "a@example.com").await);
    assert_eq!(kind, TroubleKind::Login);
    assert!(reply.contains("XOAUTH2"), "{reply}");
}

#[tokio::test]
async fn a_server_that_repeats_the_password_puts_it_into_no_message() {
    // The last ones without the end of the base64, as of a longer password, in hexadecimal, and percent-encoded.
    for reply in [
        "535 5.7.8 AUTH PLAIN AHVzZXIAc2VjcmV0",
        "535-secret\r\n535 c2VjcmV0",
        "535 5.7.8 no: AHVzZXIAc2Vjcm",
        "535 5.7.8 00757365720073656372657",
        "535 5.7.8 %73ecret",
        "454 4.7.0 AHVzZXIAc2Vjcm",
    ] {
        let server = SmtpServer::start().await;
        server.when(Stage::Auth).reply(reply);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, patient()).unwrap();
        let (kind, reply) = trouble(hand(&transport, "a@example.com").await);
        assert_eq!(kind, TroubleKind::Login);
        let said = reply.strip_prefix("SMTP authentication failed: ");
        let known = [
            "535 5.7.8 user or password is not accepted",
            "535 user or password is not accepted",
            "454 4.7.0",
        ];
        assert!(said.is_some_and(|said| known.contains(&said)), "{reply}");
    }
    // No rejection: a "go on" with what was sent, and an echo.
    for reply in ["334 AHVzZXIAc2VjcmV0", "AUTH PLAIN AHVzZXIAc2VjcmV0"] {
        let server = SmtpServer::start().await;
        server.when(Stage::Auth).reply(reply);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, patient()).unwrap();
        let (kind, said) = trouble(hand(&transport, "a@example.com").await);
        let expected = match reply.starts_with("334") {
            true => TroubleKind::Login,
            false => TroubleKind::Unreachable,
        };
        assert_eq!(kind, expected, "{said}");
        assert!(!said.contains("AHVz") && said.contains("AUTH"), "{said}");
    }
}

#[tokio::test]
async fn a_421_on_a_connection_that_was_idle_costs_no_attempt() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    hand(&transport, "a@example.com").await.unwrap();
    server
        .when(Stage::Mail)
        .times(1)
        .reply_and_close("421 4.4.2 idle for too long");
    hand(&transport, "b@example.com").await.unwrap();
    assert_eq!((server.connections(), server.mails().len()), (2, 2));
}

#[tokio::test]
async fn a_server_that_closes_the_connection_after_each_message_gets_each_once() {
    let server = SmtpServer::start().await;
    server.when(Stage::Taken).reply_and_close("250 2.0.0 taken, bye");
    let transport = transport(&server);
    for _ in 0..3 {
        hand(&transport, "a@example.com").await.unwrap();
    }
    assert_eq!((server.connections(), server.mails().len()), (3, 3));
}

#[tokio::test]
async fn a_message_with_other_than_ascii_bytes_is_announced_where_the_server_knows_how() {
    let server = SmtpServer::start().await;
    let bytes: Arc<[u8]> = "Subject: x\r\n\r\nGrüße\r\n".as_bytes().into();
    transport(&server)
        .hand_over(FROM, "a@example.com", "1@x", Arc::clone(&bytes))
        .await
        .unwrap();
    assert!(server.commands().contains(&format!("MAIL FROM:<{FROM}> BODY=8BITMIME")));
    assert_eq!(server.mails()[0].data, *bytes);
}

#[tokio::test]
async fn a_421_at_any_step_means_wait_and_its_connection_is_not_used_again() {
    for stage in [
        Stage::Connect,
        Stage::Hello,
        Stage::Mail,
        Stage::Recipient,
        Stage::Data,
        Stage::Midway,
        Stage::Taken,
    ] {
        let server = SmtpServer::start().await;
        server.when(stage).times(1).reply("421 4.3.2 shutting down");
        let transport = transport(&server);
        let kind = match hand(&transport, "a@example.com").await {
            Err(Refusal::Trouble(trouble)) => trouble.kind,
            Err(Refusal::Unclear {
                kind, is_final: false, ..
            }) => kind,
            other => panic!("{stage:?}: {other:?}"),
        };
        assert_eq!(kind, TroubleKind::Busy, "{stage:?}");
        let before = server.mails().len();
        hand(&transport, "b@example.com").await.unwrap();
        assert_eq!(
            (server.connections(), server.mails().len()),
            (2, before + 1),
            "{stage:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_knows_neither_ehlo_nor_helo_is_the_operators_to_repair() {
    let server = SmtpServer::start().await;
    server.when(Stage::Hello).reply("502 5.5.1 not here");
    let (kind, reply) = trouble(hand(&transport(&server), "a@example.com").await);
    assert_eq!(
        (kind, reply.as_str()),
        (
            TroubleKind::Hello,
            "could not connect to the mail server: 502 5.5.1 not here"
        )
    );
    server.commanded("QUIT", 1).await;
    assert_eq!(
        server.commands(),
        ["EHLO tickets.example", "HELO tickets.example", "QUIT"]
    );
}

#[tokio::test]
async fn a_server_that_refuses_the_password_is_left_with_quit() {
    let server = SmtpServer::start().await;
    server.when(Stage::Auth).reply("535 5.7.8 no");
    let url = format!("smtp://user:secret@{}?tls=none", server.address());
    let transport = SmtpTransport::from_url(&url, patient()).unwrap();
    trouble(hand(&transport, "a@example.com").await);
    server.commanded("QUIT", 1).await;
}

#[tokio::test]
async fn a_recipient_that_was_taken_and_refused_at_data_is_nobodys_fault_yet_and_the_connection_stays() {
    let server = SmtpServer::start().await;
    for said in ["554 5.7.1 not you", "503 5.5.1 no valid recipients", "550 no"] {
        let transport = transport(&server);
        server.when(Stage::Data).times(1).reply(said);
        let refused = hand(&transport, "a@example.com").await.unwrap_err();
        assert!(
            matches!(refused, Refusal::Unclear { is_final: true, .. }),
            "{refused:?}"
        );
        let before = server.connections();
        hand(&transport, "a@example.com").await.unwrap();
        assert_eq!(server.connections(), before);
    }
}

#[tokio::test]
async fn a_server_that_sends_a_byte_now_and_then_is_given_up_at_the_limit_of_the_step() {
    type Limit = fn(&mut SmtpTimeouts) -> &mut Duration;
    let steps: [(Stage, Limit); 7] = [
        (Stage::Connect, |limits| &mut limits.greeting),
        (Stage::Hello, |limits| &mut limits.session),
        (Stage::Auth, |limits| &mut limits.session),
        (Stage::Mail, |limits| &mut limits.mail),
        (Stage::Recipient, |limits| &mut limits.rcpt),
        (Stage::Data, |limits| &mut limits.data),
        (Stage::Taken, |limits| &mut limits.end),
    ];
    let tries = steps.map(async |(stage, limit)| {
        let server = SmtpServer::start().await;
        server.when(stage).drip(b'2', Duration::from_millis(1));
        let mut limits = patient();
        *limit(&mut limits) = Duration::from_millis(300);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, limits).unwrap();
        let refused = hand(&transport, "a@example.com").await.unwrap_err();
        assert!(
            matches!(refused, Refusal::Trouble(_) | Refusal::Unclear { is_final: false, .. }),
            "{stage:?}: {refused:?}"
        );
        // Whichever comes first: a line that can be none, or the limit.
        assert!(
            refused.to_string().contains("connection to the mail server lost"),
            "{refused}"
        );
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_the_operators_to_repair() {
    let server = SmtpServer::with_implicit_tls().await;
    let trusting = trusting(&format!("smtps://{}", server.address()));
    let connector = trusting.tls.as_ref().unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("mail.example").unwrap();
    let Err(failed) = connection::tls(connector, name, Box::new(stream), Duration::from_secs(60)).await else {
        panic!("the certificate is for localhost");
    };
    let (kind, reply) = trouble(Err(refused(Step::StartTls, failed, false)));
    assert_eq!(kind, TroubleKind::Certificate, "{reply}");
}

#[tokio::test]
async fn a_password_that_the_server_does_not_ask_for_is_the_operators_to_repair_and_no_mail_goes_out() {
    for offers in [&[][..], &["AUTH"], &["AUTH CRAM-MD5 XOAUTH2"], &["AUTH=\u{e4}"]] {
        let server = SmtpServer::start().await;
        server.offer(offers);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, patient()).unwrap();
        let (kind, _) = trouble(hand(&transport, "a@example.com").await);
        assert_eq!(kind, TroubleKind::Login, "{offers:?}");
        assert_eq!(server.commands(), ["EHLO tickets.example"], "{offers:?}");
    }
}
