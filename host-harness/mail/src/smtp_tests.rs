use std::time::Duration;

use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};

use super::*;

pub const FROM: &str = "exports@tickets.example";

pub fn message() -> Arc<[u8]> {
    (&b"Message-ID: <1@tickets.example>\r\nSubject: x\r\n\r\n.\r\n..two\r\nend\r\n"[..]).into()
}

/// Long enough for a busy machine where none is expected to be reached.
pub fn patient() -> SmtpTimeouts {
    SmtpTimeouts::all(Duration::from_secs(60))
}

pub fn transport(server: &SmtpServer) -> SmtpTransport {
    SmtpTransport::from_url(&server.url(), patient()).unwrap()
}

pub async fn hand(transport: &SmtpTransport, recipient: &str) -> Result<String, Refusal> {
    transport
        .hand_over(FROM, recipient, "1@tickets.example", message())
        .await
}

pub fn transient(refused: Result<String, Refusal>) -> String {
    match refused {
        Err(
            Refusal::Transient(words)
            | Refusal::Unclear {
                reply: words,
                is_final: false,
                ..
            },
        ) => words,
        other => panic!("not put off: {other:?}"),
    }
}

/// What the operator is told, and the server's reply.
pub fn trouble(refused: Result<String, Refusal>) -> (TroubleKind, String) {
    match refused {
        Err(Refusal::Trouble(trouble)) => (trouble.kind, trouble.reply),
        other => panic!("not the operator's: {other:?}"),
    }
}

pub fn permanent(refused: Result<String, Refusal>) -> String {
    match refused {
        Err(Refusal::Permanent(words)) => words,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_bytes_arrive_as_they_are_and_the_servers_words_come_back() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    assert_eq!(hand(&transport, "a@example.com").await.unwrap(), "250 2.0.0 taken");
    assert_eq!(hand(&transport, "b@example.com").await.unwrap(), "250 2.0.0 taken");
    let mails = server.received(2).await;
    assert_eq!(mails[0].from, FROM);
    assert_eq!(mails[0].recipients, ["a@example.com"]);
    assert_eq!(mails[1].recipients, ["b@example.com"]);
    assert_eq!(mails[0].data, *message());
    assert_eq!(mails[0].header("message-id").unwrap(), "<1@tickets.example>");
    assert_eq!(server.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn a_message_larger_than_a_block_arrives_whole() {
    let server = SmtpServer::start().await;
    let mut bytes = b"Subject: x\r\n\r\n".to_vec();
    while bytes.len() < 3 * blocks::BLOCK {
        bytes.extend_from_slice(b".a line that begins with a dot\r\n");
    }
    let bytes: Arc<[u8]> = bytes.into();
    let sent = transport(&server)
        .hand_over(FROM, "a@example.com", "1@x", Arc::clone(&bytes))
        .await;
    sent.unwrap();
    assert_eq!(server.mails()[0].data, *bytes);
}

#[tokio::test]
async fn a_refused_recipient_costs_nobody_else_the_message_or_the_connection() {
    let server = SmtpServer::start().await;
    server
        .when(Stage::Recipient)
        .to("gone@example.com")
        .reply("550-5.1.1 gone\r\n550 5.1.1 for good");
    server
        .when(Stage::Recipient)
        .to("full@example.com")
        .reply("452 4.2.2 full");
    let transport = transport(&server);
    hand(&transport, "a@example.com").await.unwrap();
    assert_eq!(
        permanent(hand(&transport, "gone@example.com").await),
        "550 5.1.1 gone for good"
    );
    assert_eq!(transient(hand(&transport, "full@example.com").await), "452 4.2.2 full");
    hand(&transport, "b@example.com").await.unwrap();
    let to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.recipients).collect();
    assert_eq!(to, ["a@example.com", "b@example.com"]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_rejection_is_final_or_not_by_its_step_and_code_and_costs_nobody_else_the_connection() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    for (stage, said, whose) in [
        (Stage::Mail, "550 5.7.1 not from you", "sender"),
        (Stage::Mail, "451 4.1.8 no such domain", "sender"),
        (Stage::Mail, "451 4.3.0 later", "deferred"),
        (Stage::Mail, "452 4.3.1 disk full", "unclear"),
        (Stage::Mail, "530 5.7.0 log in first", "login"),
        (Stage::Mail, "552 5.3.4 too big", "final"),
        (Stage::Recipient, "550 5.1.1 no such user", "final"),
        (Stage::Recipient, "554 5.7.1 relay access denied", "unclear"),
        (Stage::Recipient, "452 4.2.2 mailbox full", "later"),
        (Stage::Data, "554 5.5.1 no", "unclear"),
        (Stage::Taken, "552 5.3.4 too big", "final"),
        (Stage::Taken, "451 4.3.0 later", "unclear"),
    ] {
        server.when(stage).reply(said);
        let refused = hand(&transport, "a@example.com").await.unwrap_err();
        assert_eq!(refused.to_string(), said);
        let found = match refused {
            Refusal::Permanent(_) => "final",
            Refusal::Plain(_) => "plain",
            Refusal::Unsendable(_) => "never",
            Refusal::Transient(_) => "later",
            Refusal::Trouble(trouble) => trouble.kind.as_str(),
            Refusal::Unclear { .. } => "unclear",
        };
        assert_eq!(found, whose, "{said}");
        server.forget_rules();
    }
    assert!(server.mails().is_empty());
    hand(&transport, "a@example.com").await.unwrap();
    // A new one for each MAIL that was refused on one that had been used.
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn trouble_on_the_way_to_the_server_is_never_the_recipients() {
    let refused = |stage: Stage, reply: &'static str, url: fn(&SmtpServer) -> String| async move {
        let server = SmtpServer::start().await;
        server.when(stage).reply(reply);
        let transport = SmtpTransport::from_url(&url(&server), patient()).unwrap();
        let trouble = trouble(hand(&transport, "a@example.com").await);
        assert!(server.mails().is_empty());
        trouble
    };
    let login = |server: &SmtpServer| format!("smtp://user:secret@{}?tls=none", server.address());
    let tls = |server: &SmtpServer| format!("smtp://{}?tls=required", server.address());
    let said = |kind, reply: &str| (kind, reply.to_owned());

    assert_eq!(
        refused(Stage::Connect, "554 5.7.1 you are blocked", SmtpServer::url).await,
        said(
            TroubleKind::Unreachable,
            "could not connect to the mail server: 554 5.7.1 you are blocked"
        )
    );
    assert_eq!(
        refused(Stage::Hello, "550 who are you", SmtpServer::url).await,
        said(
            TroubleKind::Hello,
            "could not connect to the mail server: 550 who are you"
        )
    );
    assert_eq!(
        refused(Stage::Auth, "535 5.7.8 wrong password", login).await,
        said(
            TroubleKind::Login,
            "SMTP authentication failed: 535 5.7.8 user or password is not accepted"
        )
    );
    assert_eq!(
        refused(Stage::Mail, "550 not reached", tls).await,
        said(
            TroubleKind::Tls,
            "could not establish TLS with the mail server: it does not offer STARTTLS"
        )
    );
}

#[tokio::test]
async fn what_should_be_encrypted_never_goes_out_in_the_open() {
    let server = SmtpServer::start().await;
    server.offer(&["STARTTLS", "AUTH PLAIN"]); // but it does not understand the command
    for url in [
        format!("smtp://{}", server.address()),
        format!("smtp://user:secret@{}", server.address()),
        format!("smtps://user:secret@{}", server.address()),
    ] {
        let transport = SmtpTransport::from_url(&url, patient()).unwrap();
        trouble(hand(&transport, "a@example.com").await);
    }
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn with_credentials_it_logs_in() {
    let server = SmtpServer::start().await;
    let url = format!("smtp://user:secret@{}?tls=none", server.address());
    let transport = SmtpTransport::from_url(&url, patient()).unwrap();
    hand(&transport, "a@example.com").await.unwrap();
    let shown = format!("{transport:?}");
    assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    drop(server);
    // The port is free again once the listening task is gone.
    tokio::task::yield_now().await;
    let (kind, reply) = trouble(hand(&transport, "a@example.com").await);
    assert_eq!(kind, TroubleKind::Unreachable);
    assert!(reply.starts_with("could not connect to the mail server: "), "{reply}");
}

#[tokio::test]
async fn a_connection_closed_at_any_step_is_tried_again() {
    for stage in [
        Stage::Connect,
        Stage::Hello,
        Stage::Mail,
        Stage::Recipient,
        Stage::Data,
        Stage::Midway,
    ] {
        let server = SmtpServer::start().await;
        server.when(stage).times(1).close();
        let transport = transport(&server);
        let lost = hand(&transport, "a@example.com").await.unwrap_err();
        assert!(!matches!(lost, Refusal::Permanent(_)), "{stage:?}: {lost:?}");
        hand(&transport, "a@example.com").await.unwrap();
        assert_eq!(server.mails().len(), 1, "{stage:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_message_may_repeat_it_with_the_same_bytes() {
    let server = SmtpServer::start().await;
    server.when(Stage::Taken).times(1).close();
    let transport = transport(&server);
    let words = transient(hand(&transport, "a@example.com").await);
    assert_eq!(
        words,
        "connection to the mail server lost at the message: closed before a reply"
    );
    hand(&transport, "a@example.com").await.unwrap();
    let mails = server.received(2).await;
    assert_eq!(mails[0], mails[1]);
}

#[tokio::test]
async fn a_server_that_closes_an_idle_connection_costs_no_try() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    hand(&transport, "a@example.com").await.unwrap();
    server.when(Stage::Mail).times(1).close();
    hand(&transport, "b@example.com").await.unwrap();
    assert_eq!(server.connections(), 2);
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_the_limit_of_that_step_and_no_other() {
    let short = Duration::from_millis(300);
    type Limit = fn(&mut SmtpTimeouts) -> &mut Duration;
    let steps: [(Stage, Limit); 6] = [
        (Stage::Connect, |limits| &mut limits.greeting),
        (Stage::Hello, |limits| &mut limits.session),
        (Stage::Mail, |limits| &mut limits.mail),
        (Stage::Recipient, |limits| &mut limits.rcpt),
        (Stage::Data, |limits| &mut limits.data),
        (Stage::Taken, |limits| &mut limits.end),
    ];
    let tries = steps.map(async |(stage, limit)| {
        let server = SmtpServer::start().await;
        server.when(stage).hang();
        let mut limits = patient();
        *limit(&mut limits) = short;
        let transport = SmtpTransport::from_url(&server.url(), limits).unwrap();
        let refused = hand(&transport, "a@example.com").await.unwrap_err();
        let reply = refused.to_string();
        assert!(reply.ends_with("no reply within 0.3 seconds"), "{stage:?}: {reply}");
        assert!(!matches!(refused, Refusal::Permanent(_)), "{stage:?}: {refused:?}");
        assert_eq!(server.mails().len(), usize::from(stage == Stage::Taken));
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn an_answer_out_of_step_is_no_acceptance() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    for (stage, reply) in [
        (Stage::Taken, "354 go on"),
        (Stage::Data, "250 ok"),
        (Stage::Mail, "nonsense"),
    ] {
        server.when(stage).times(1).reply(reply);
        let refused = hand(&transport, "a@example.com").await.unwrap_err();
        assert!(!matches!(refused, Refusal::Permanent(_)), "{reply}: {refused:?}");
    }
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn no_recipient_ends_the_command_it_stands_in() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    for bad in [
        "",
        "a",
        "a@b.example>\r\nRCPT TO:<c@d.example",
        "a b@c.example",
        "\"a\r\nQUIT\"@b.example",
        "a\0@b.example",
    ] {
        let refused = hand(&transport, bad).await;
        assert!(matches!(refused, Err(Refusal::Unsendable(_))), "{refused:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_address_with_other_letters_needs_a_server_that_takes_them() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    let words = permanent(hand(&transport, "jürgen@example.com").await);
    assert!(words.contains("SMTPUTF8"), "{words}");
    hand(&transport, "a@example.com").await.unwrap();

    let server = SmtpServer::start().await;
    server.offer(&["SMTPUTF8", "8BITMIME"]);
    hand(&self::transport(&server), "jürgen@example.com").await.unwrap();
    assert_eq!(server.mails()[0].recipients, ["jürgen@example.com"]);
}

#[tokio::test]
async fn a_domain_with_other_letters_goes_to_any_server_in_its_xn_form() {
    let server = SmtpServer::start().await;
    hand(&transport(&server), "john@exämple.com").await.unwrap();
    assert_eq!(server.mails()[0].recipients, ["john@xn--exmple-cua.com"]);
}

#[tokio::test]
async fn a_mail_refused_on_a_connection_that_was_used_is_tried_once_more_on_a_new_one() {
    for said in [
        "452 4.5.3 too many messages in this session",
        "550 5.7.1 no more of you here",
        "451 4.3.0 later",
        "530 5.7.0 log in first",
    ] {
        let server = SmtpServer::start().await;
        let transport = transport(&server);
        hand(&transport, "a@example.com").await.unwrap();
        server.when(Stage::Mail).times(1).reply(said);
        hand(&transport, "b@example.com").await.unwrap();
        assert_eq!((server.connections(), server.mails().len()), (2, 2), "{said}");
        server.commanded("QUIT", 1).await;

        // Refused there as well, that is the answer.
        server.when(Stage::Mail).reply(said);
        let refused = hand(&transport, "c@example.com").await.unwrap_err();
        assert_eq!((refused.to_string().as_str(), server.connections()), (said, 3));
    }
    // What is about this mail is the same on every connection.
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    hand(&transport, "a@example.com").await.unwrap();
    server.when(Stage::Mail).reply("552 5.3.4 too big");
    permanent(hand(&transport, "b@example.com").await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_is_met_without_a_mail_and_that_connection_serves_the_first_one() {
    let server = SmtpServer::start().await;
    server.offer(&["SIZE 1000"]);
    let transport = transport(&server);
    assert_eq!(transport.size_limit(), None);
    assert_eq!(transport.meet("exports@tickets.example").await, Ok(Some(1000)));
    // It has served no mail yet, so a refusal is about this one.
    server.when(Stage::Mail).times(1).reply("553 5.7.1 sender not owned");
    let refused = hand(&transport, "a@example.com").await.unwrap_err();
    assert_eq!(
        (refused.to_string().as_str(), server.connections()),
        ("553 5.7.1 sender not owned", 1)
    );
    hand(&transport, "a@example.com").await.unwrap();
    assert_eq!((server.connections(), server.mails().len()), (1, 1));

    server.when(Stage::Connect).close();
    transport.close().await;
    let gone = transport.meet("exports@tickets.example").await.unwrap_err();
    assert!(
        matches!(&gone, Refusal::Trouble(why) if why.kind == TroubleKind::Unreachable),
        "{gone:?}"
    );
    assert_eq!(transport.size_limit(), Some(1000), "as it said last");
}

#[tokio::test]
async fn a_connection_that_is_not_used_any_more_ends_with_quit() {
    let server = SmtpServer::start().await;
    let mut limits = patient();
    limits.idle = Duration::from_millis(10);
    let transport = SmtpTransport::from_url(&server.url(), limits).unwrap();
    for times in 1..=2 {
        hand(&transport, "a@example.com").await.unwrap();
        server.commanded("QUIT", times).await;
        server.left().await;
    }
}

#[tokio::test]
async fn a_host_that_stops_takes_leave_of_its_server_and_can_come_back() {
    let server = SmtpServer::start().await;
    let transport = transport(&server);
    let both = futures_util::future::join(hand(&transport, "a@example.com"), hand(&transport, "b@example.com"));
    assert!(matches!(both.await, (Ok(_), Ok(_))));
    assert_eq!(server.connections(), 2);
    transport.close().await;
    server.commanded("QUIT", 2).await;
    server.left().await;
    hand(&transport, "c@example.com").await.unwrap();
    assert_eq!(server.mails().len(), 3);
}

#[tokio::test]
async fn a_server_that_does_not_let_go_holds_up_nobody_for_long() {
    let server = SmtpServer::start().await;
    server.when(Stage::Quit).hang();
    let mut limits = patient();
    limits.quit = Duration::from_millis(10);
    let transport = SmtpTransport::from_url(&server.url(), limits).unwrap();
    hand(&transport, "a@example.com").await.unwrap();
    transport.close().await;
    server.left().await;
}

#[tokio::test]
async fn the_steps_before_the_first_mail_have_a_limit_together() {
    for stage in [Stage::Connect, Stage::Hello, Stage::Auth] {
        let server = SmtpServer::start().await;
        server.when(stage).hang();
        let mut limits = patient();
        limits.opening = Duration::from_millis(300);
        let url = format!("smtp://user:secret@{}?tls=none", server.address());
        let transport = SmtpTransport::from_url(&url, limits).unwrap();
        let (kind, reply) = trouble(hand(&transport, "a@example.com").await);
        assert_eq!(kind, TroubleKind::Unreachable, "{stage:?}");
        assert!(reply.ends_with("not ready for a mail within 0.3 seconds"), "{reply}");
    }
}
