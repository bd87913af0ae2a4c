use scheduled_exports_host::clock::{Instant, VirtualClock};
use scheduled_exports_mail::backoff::TRY_FOR;
use scheduled_exports_mail::{SmtpTimeouts, SmtpTransport};
use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};

use super::*;

#[path = "fake_outbox.rs"]
mod fake_outbox;

#[path = "trouble_tests.rs"]
mod trouble_tests;

use fake_outbox::FakeOutbox;

const T0: Instant = 1_793_070_000;

/// Long enough never to matter where a test does not wait for it.
fn limits() -> DeliveryLimits {
    DeliveryLimits {
        ask_again: Duration::from_millis(5),
        ..DeliveryLimits::default()
    }
}

fn smtp(server: &SmtpServer) -> SmtpTransport {
    SmtpTransport::from_url(&server.url(), SmtpTimeouts::default()).unwrap()
}

struct Host {
    outbox: FakeOutbox,
    clock: VirtualClock,
    server: SmtpServer,
    transport: SmtpTransport,
    health: MailHealth,
}

impl Host {
    async fn new() -> Self {
        let server = SmtpServer::start().await;
        Self {
            outbox: FakeOutbox::default(),
            clock: VirtualClock::at(T0),
            transport: smtp(&server),
            server,
            health: MailHealth::default(),
        }
    }

    async fn pass_at(&self, now: Instant) -> Delivered {
        self.clock.set(now);
        let limits = limits();
        let pass = deliver_due(&self.outbox, &self.transport, &self.clock, &limits, &self.health);
        pass.await.unwrap()
    }
}

fn ended(accepted: u32, retrying: u32, rejected: u32) -> Delivered {
    Delivered {
        accepted,
        retrying,
        rejected,
        cancelled: 0,
        lost: 0,
    }
}

/// Takes everything at once.
struct Instantly;

#[async_trait::async_trait]
impl Transport for Instantly {
    async fn hand_over(&self, _: &str, _: &str, _: &str, _: Arc<[u8]>) -> Result<String, Refusal> {
        Ok("250 taken".to_owned())
    }
}

#[tokio::test]
async fn asking_for_more_never_waits_for_a_try_that_waits_for_it() {
    let (outbox, clock) = (FakeOutbox::default(), VirtualClock::at(T0));
    let all: Vec<String> = (0..100).map(|n| format!("r{n}@example.com")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for mail in 1..=5 {
        outbox.put(mail, T0, &all, b"1\r\n");
    }
    let (limits, health) = (limits(), MailHealth::default());
    let pass = deliver_due(&outbox, &Instantly, &clock, &limits, &health);
    let delivered = tokio::time::timeout(Duration::from_secs(20), pass).await;
    assert_eq!(delivered.expect("nobody waits for ever").unwrap(), ended(500, 0, 0));
}

#[tokio::test]
async fn every_recipient_gets_the_same_bytes_in_a_transaction_of_his_own() {
    let host = Host::new().await;
    let all = ["a@example.com", "b@example.com", "bcc@example.com"];
    host.outbox.put(1, T0, &all, b"col\r\n1\r\n");
    assert_eq!(host.pass_at(T0).await, ended(3, 0, 0));
    let mails = host.server.received(3).await;
    let mut to: Vec<_> = mails.iter().flat_map(|mail| mail.recipients.clone()).collect();
    to.sort();
    assert_eq!(to, all);
    assert!(
        mails
            .iter()
            .all(|mail| mail.data == mails[0].data && mail.recipients.len() == 1)
    );
    assert!(!mails[0].text().contains("bcc@"));
    assert_eq!(host.outbox.calls(), ["mail 1", "file 1"], "read once, rendered once");
    assert_eq!(host.outbox.of(1, 2).words, "250 2.0.0 taken");
    assert_eq!(host.pass_at(T0 + 1).await, ended(0, 0, 0));
}

#[tokio::test]
async fn taking_more_does_not_wait_for_a_record_that_waits_for_it() {
    let host = Host::new().await;
    let many: Vec<_> = (0..30).map(|i| format!("r{i}@example.com")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    host.outbox.put(1, T0, &many, b"x");
    let pass = tokio::time::timeout(Duration::from_secs(20), host.pass_at(T0)).await;
    assert_eq!(pass.expect("the pass ends"), ended(30, 0, 0));
}

#[tokio::test]
async fn more_than_fits_at_once_is_delivered_in_one_pass() {
    let host = Host::new().await;
    let many: Vec<_> = (0..30).map(|i| format!("r{i}@example.com")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    host.outbox.put(1, T0, &many, b"x");
    host.outbox.put(2, T0, &many, b"y");
    assert_eq!(host.pass_at(T0).await, ended(60, 0, 0));
    assert_eq!(host.server.mails().len(), 60);
    assert!(
        host.outbox.most_leased() <= limits().concurrency,
        "leased before it could be begun"
    );
}

#[tokio::test]
async fn a_refused_recipient_neither_costs_nor_repeats_the_others() {
    let host = Host::new().await;
    host.server
        .when(Stage::Recipient)
        .to("gone@example.com")
        .reply("550 5.1.1 no such user");
    host.outbox
        .put(1, T0, &["a@example.com", "gone@example.com", "b@example.com"], b"x");
    assert_eq!(host.pass_at(T0).await, ended(2, 0, 1));
    assert_eq!(host.pass_at(T0 + TRY_FOR).await, ended(0, 0, 0));
    assert_eq!(host.server.mails().len(), 2);
    let refused = host.outbox.of(1, 1);
    assert_eq!(
        (refused.status, refused.words.as_str()),
        (DeliveryStatus::Rejected, "550 5.1.1 no such user")
    );
}

#[tokio::test]
async fn a_put_off_recipient_is_tried_again_a_minute_later_and_not_one_second_before() {
    let host = Host::new().await;
    host.server
        .when(Stage::Recipient)
        .to("slow@example.com")
        .times(1)
        .reply("451 4.7.1 greylisted");
    host.outbox.put(1, T0, &["a@example.com", "slow@example.com"], b"x");
    assert_eq!(host.pass_at(T0).await, ended(1, 1, 0));
    let put_off = host.outbox.of(1, 1);
    assert_eq!(
        (put_off.words.as_str(), put_off.next_try),
        ("451 4.7.1 greylisted", Some(T0 + 60))
    );
    assert_eq!(host.pass_at(T0 + 59).await, ended(0, 0, 0));
    assert_eq!(host.pass_at(T0 + 60).await, ended(1, 0, 0));
    let mails = host.server.mails();
    assert_eq!(mails[0].data, mails[1].data);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[1].recipients, ["slow@example.com"]);
}

#[tokio::test]
async fn a_message_whose_reply_was_lost_is_sent_again_under_the_same_id() {
    let host = Host::new().await;
    host.server.when(Stage::Taken).times(1).close();
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    assert_eq!(host.pass_at(T0).await, ended(0, 1, 0));
    assert_eq!(host.pass_at(T0 + 60).await, ended(1, 0, 0));
    let mails = host.server.received(2).await;
    assert_eq!(mails[0], mails[1]);
}

#[tokio::test]
async fn after_24_hours_of_tries_the_recipient_is_given_up_with_the_last_words() {
    let host = Host::new().await;
    host.server.when(Stage::Recipient).reply("452 4.2.2 mailbox full");
    host.outbox.put(1, T0, &["full@example.com"], b"x");
    let mut tries = 0;
    let mut now = T0;
    let last = loop {
        let pass = host.pass_at(now).await;
        tries += 1;
        assert_eq!(pass.accepted, 0);
        match host.outbox.of(1, 0).next_try {
            Some(next) => now = next,
            None => break pass,
        }
    };
    assert_eq!(now, T0 + TRY_FOR);
    assert_eq!(last, ended(0, 0, 1));
    assert_eq!(tries, 19);
    assert_eq!(
        host.outbox.of(1, 0).words,
        "gave up after 24 hours; last reply: 452 4.2.2 mailbox full"
    );
}

#[tokio::test]
async fn a_server_that_is_down_puts_everything_off_and_loses_nothing() {
    let mut host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com", "b@example.com"], b"x");
    host.server = SmtpServer::start().await; // the old one stops
    tokio::task::yield_now().await;
    assert_eq!(host.pass_at(T0).await, ended(0, 2, 0));
    host.transport = smtp(&host.server);
    assert_eq!(host.pass_at(T0 + 60).await, ended(2, 0, 0));
}

#[tokio::test]
async fn a_stuck_recipient_holds_up_nobody_and_is_given_up_at_the_limit() {
    let host = Host::new().await;
    host.server.when(Stage::Recipient).to("stuck@example.com").hang();
    host.outbox.put(1, T0, &["stuck@example.com", "a@example.com"], b"x");
    let two = DeliveryLimits {
        concurrency: 2,
        organizer_share: 100,
        task_timeout: Duration::from_secs(1),
        ..limits()
    };
    let pass = deliver_due(&host.outbox, &host.transport, &host.clock, &two, &host.health);
    let others = async {
        host.server.hanging(1).await;
        host.server.received(1).await;
        // Due only now, and delivered beside the stuck one.
        host.outbox
            .put(2, T0, &["b@example.com", "c@example.com", "d@example.com"], b"y");
        host.server.received(4).await;
        host.outbox.of(1, 0).status
    };
    let (pass, stuck_meanwhile) = futures_util::future::join(pass, others).await;
    assert_eq!(stuck_meanwhile, DeliveryStatus::Queued);
    assert_eq!(pass.unwrap(), ended(4, 1, 0));
    assert_eq!(host.outbox.of(1, 0).words, "delivery timed out after 1 seconds");
}

#[tokio::test]
async fn told_to_stop_it_begins_nothing_more_and_ends_what_is_under_way() {
    let host = Host::new().await;
    host.outbox
        .put(1, T0, &["a@example.com", "b@example.com", "c@example.com"], b"x");
    let one = DeliveryLimits {
        concurrency: 1,
        ..limits()
    };
    let stop = async {
        host.server.received(1).await;
    };
    let all = (&host.outbox as &dyn Outbox, &Everything as &dyn Permits);
    let pass = deliver_until(all, &host.transport, &host.clock, &one, &host.health, stop)
        .await
        .unwrap();
    assert!((1..=2).contains(&pass.accepted), "{pass:?}");
    assert_eq!(host.outbox.leased(), 0);
    let at_once = deliver_until(all, &host.transport, &host.clock, &one, &host.health, async {}).await;
    assert_eq!(at_once.unwrap(), ended(0, 0, 0));
}

#[tokio::test]
async fn a_mail_or_file_that_is_gone_or_damaged_is_rejected_and_the_others_go_out_or_wait_for_a_sender() {
    let host = Host::new().await;
    for mail in 1..=5 {
        host.outbox.put(mail, T0, &["a@example.com"], b"x");
    }
    host.outbox.change(|mails| {
        mails.remove(&1);
        mails.get_mut(&2).unwrap().file = None;
        mails.get_mut(&3).unwrap().file = Some(b"other".to_vec());
        mails.get_mut(&4).unwrap().mail.mail.from = "nobody".to_owned();
    });
    assert_eq!(host.pass_at(T0).await, ended(1, 1, 3));
    let words: Vec<_> = (1..=5).map(|mail| host.outbox.of(mail, 0).words).collect();
    assert_eq!(
        words,
        [
            "the mail is no longer in the store",
            "the file is no longer in the store",
            "the file has 5 bytes, expected 1",
            "invalid sender address: \"nobody\"",
            "250 2.0.0 taken"
        ]
    );
}

#[tokio::test]
async fn a_store_that_goes_away_ends_the_pass_and_leaves_the_delivery_as_it_was() {
    let host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    for call in ["take", "mail", "file"] {
        host.outbox.fail(call, 1);
        let pass = deliver_due(&host.outbox, &host.transport, &host.clock, &limits(), &host.health).await;
        assert!(matches!(pass, Err(StorageError::Unavailable(_))), "{call}: {pass:?}");
        assert_eq!(host.outbox.of(1, 0).status, DeliveryStatus::Queued);
        let later = host.clock.now() + limits().lease_seconds();
        host.clock.set(later);
    }
    assert_eq!(host.pass_at(host.clock.now()).await, ended(1, 0, 0));
}

#[tokio::test]
async fn an_accepted_mail_is_written_down_when_the_store_is_there_again_and_not_sent_twice() {
    let host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.outbox.fail("record", 2);
    assert_eq!(host.pass_at(T0).await, ended(1, 0, 0));
    assert_eq!(host.outbox.of(1, 0).status, DeliveryStatus::Accepted);
    assert_eq!(host.pass_at(T0 + limits().lease_seconds()).await, ended(0, 0, 0));
    assert_eq!(host.server.mails().len(), 1);
    // Nor does a rejection get lost that the store is asked about first.
    host.server
        .when(Stage::Recipient)
        .reply("554 5.7.1 Relay access denied");
    host.outbox.put(2, T0, &["b@example.com"], b"x");
    host.outbox.fail("accepted", 2);
    assert_eq!(host.pass_at(T0 + 100).await, ended(0, 1, 0));
    assert_eq!(host.outbox.of(2, 0).next_try, Some(T0 + 160), "the first one");
}

#[tokio::test]
async fn a_store_that_stays_away_is_not_told_for_ever_how_a_delivery_ended() {
    let host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.outbox.fail("record", usize::MAX);
    let once = DeliveryLimits {
        tell_for: Duration::ZERO,
        ..limits()
    };
    let pass = deliver_due(&host.outbox, &host.transport, &host.clock, &once, &host.health).await;
    assert!(matches!(pass, Err(StorageError::Unavailable(_))), "{pass:?}");
    host.outbox.works();
    // What nobody could know is sent again.
    let later = T0 + limits().lease_seconds();
    assert_eq!(host.pass_at(later).await, ended(1, 0, 0));
}

#[tokio::test]
async fn a_lease_is_renewed_until_it_is_written_down_how_its_try_ended() {
    let host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.outbox.fail("record", usize::MAX);
    let renewing = DeliveryLimits {
        renew: Duration::from_millis(5),
        ..limits()
    };
    let trying = deliver_due(&host.outbox, &host.transport, &host.clock, &renewing, &host.health);
    let others = async {
        host.server.received(1).await;
        let before = host.outbox.renewals();
        host.outbox.renewed(before + 20).await;
        host.outbox.works();
    };
    let (trying, ()) = futures_util::future::join(trying, others).await;
    assert_eq!(trying.unwrap(), ended(1, 0, 0));
    assert_eq!(host.server.mails().len(), 1);
}

#[tokio::test]
async fn a_try_whose_lease_ran_out_while_the_store_was_away_goes_on_under_the_next_one() {
    let host = Host::new().await;
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.outbox.fail("record", usize::MAX);
    host.outbox.fail("renew", usize::MAX);
    let renewing = DeliveryLimits {
        renew: Duration::from_millis(5),
        ..limits()
    };
    let trying = deliver_due(&host.outbox, &host.transport, &host.clock, &renewing, &host.health);
    let others = async {
        host.server.received(1).await;
        host.clock.set(T0 + limits().lease_seconds());
        // By this host, which has it under way.
        host.outbox.taken(2).await;
        host.outbox.works();
    };
    let (trying, ()) = futures_util::future::join(trying, others).await;
    assert_eq!(trying.unwrap(), ended(1, 0, 0));
    assert_eq!(host.server.mails().len(), 1, "sent once");
    assert_eq!(host.outbox.of(1, 0).status, DeliveryStatus::Accepted);
}

/// Takes a mail once it is told to.
#[derive(Default)]
struct WhenTold(Notify);

#[async_trait::async_trait]
impl Transport for WhenTold {
    async fn hand_over(&self, _: &str, _: &str, _: &str, _: Arc<[u8]>) -> Result<String, Refusal> {
        self.0.notified().await;
        Ok("250 taken".to_owned())
    }
}

#[tokio::test]
async fn a_renewal_that_comes_late_ends_no_try_that_was_leased_again_meanwhile() {
    let (outbox, clock, transport) = (FakeOutbox::default(), VirtualClock::at(T0), WhenTold::default());
    outbox.put(1, T0, &["a@example.com"], b"x");
    let renewing = DeliveryLimits {
        renew: Duration::from_millis(5),
        ..limits()
    };
    let health = MailHealth::default();
    let mut pass = pin!(deliver_due(&outbox, &transport, &clock, &renewing, &health));
    let others = async {
        let late = outbox.hold_renewals().await;
        outbox.asked_to_renew(1).await;
        clock.set(T0 + limits().lease_seconds());
        outbox.taken(2).await;
        drop(late);
        // One for the old lease, and one for the new.
        outbox.renewed(2).await;
    };
    tokio::select! {
        ended = &mut pass => panic!("{ended:?}"),
        () = others => {}
    }
    transport.0.notify_one();
    assert_eq!(pass.await.unwrap(), ended(1, 0, 0));
}

#[tokio::test]
async fn a_store_that_was_away_for_a_moment_holds_up_nobody_while_a_slow_try_goes_on() {
    let host = Host::new().await;
    host.server.when(Stage::Recipient).to("stuck@example.com").hang();
    host.outbox.put(1, T0, &["stuck@example.com"], b"x");
    let limits = limits();
    let pass = deliver_due(&host.outbox, &host.transport, &host.clock, &limits, &host.health);
    let others = async {
        host.server.hanging(1).await;
        host.outbox.fail("take", 2);
        host.outbox.put(2, T0, &["b@example.com"], b"y");
        host.server.received(1).await;
    };
    tokio::select! {
        _ = pass => panic!("it hangs"),
        () = others => {}
    }
}

#[tokio::test]
async fn one_organizer_has_half_of_the_places_and_others_get_the_rest() {
    let host = Host::new().await;
    host.server.when(Stage::Recipient).to("stuck@example.com").hang();
    for mail in 1..=20 {
        host.outbox.put_of("big", mail, T0, &["stuck@example.com"], b"x");
    }
    host.outbox
        .put_of("small", 21, T0, &["a@example.com", "b@example.com"], b"x");
    let limits = limits();
    let pass = deliver_due(&host.outbox, &host.transport, &host.clock, &limits, &host.health);
    let others = async {
        host.server.hanging(4).await;
        host.server.received(2).await;
        // Due later, with the other's still stuck.
        host.outbox.put_of("small", 22, T0, &["c@example.com"], b"x");
        host.server.received(3).await;
    };
    tokio::select! {
        _ = pass => panic!("it hangs"),
        () = others => {}
    }
    let stuck = host.server.commands();
    let stuck = stuck.iter().filter(|line| *line == "RCPT TO:<stuck@example.com>");
    assert_eq!(stuck.count(), 4);
}

#[tokio::test]
async fn an_organizer_that_is_alone_goes_on_as_soon_as_one_of_its_places_is_free() {
    let (outbox, clock) = (FakeOutbox::default(), VirtualClock::at(T0));
    let all: Vec<String> = (0..100).map(|n| format!("r{n}@example.com")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    outbox.put(1, T0, &all, b"1\r\n");
    let rarely = DeliveryLimits {
        ask_again: Duration::from_secs(3600),
        ..limits()
    };
    let health = MailHealth::default();
    let pass = deliver_due(&outbox, &Instantly, &clock, &rarely, &health);
    let delivered = tokio::time::timeout(Duration::from_secs(20), pass).await;
    assert_eq!(delivered.expect("nobody waits for an hour").unwrap(), ended(100, 0, 0));
    assert_eq!(outbox.most_leased(), 4);
}

#[tokio::test]
async fn a_delivery_that_another_host_took_over_is_not_written_down() {
    let host = Host::new().await;
    host.server.when(Stage::Taken).times(1).hang();
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    let short = DeliveryLimits {
        task_timeout: Duration::from_secs(1),
        ..limits()
    };
    let first = deliver_due(&host.outbox, &host.transport, &host.clock, &short, &host.health);
    let second = async {
        host.server.hanging(1).await;
        let transport = smtp(&host.server);
        let clock = VirtualClock::at(T0 + short.lease_seconds());
        deliver_due(&host.outbox, &transport, &clock, &limits(), &MailHealth::default()).await
    };
    let (first, second) = futures_util::future::join(first, second).await;
    assert_eq!(second.unwrap(), ended(1, 0, 0));
    assert_eq!(
        first.unwrap(),
        Delivered {
            lost: 1,
            ..Delivered::default()
        }
    );
    assert_eq!(host.outbox.of(1, 0).status, DeliveryStatus::Accepted);
}

#[tokio::test]
async fn a_servers_words_are_kept_short_and_on_one_line() {
    let host = Host::new().await;
    let long = format!("550-5.1.1 \u{1b}[31m{}\r\n550 5.1.1 end", "x".repeat(700));
    host.server.when(Stage::Recipient).reply(&long);
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.pass_at(T0).await;
    let words = host.outbox.of(1, 0).words;
    assert!(
        words.starts_with("550 5.1.1 [31mxxx") && words.ends_with('…'),
        "{words}"
    );
    assert_eq!(words.chars().count(), scheduled_exports_mail::MAX_WORDS);
}

#[tokio::test]
async fn a_lease_is_renewed_while_a_try_goes_on_and_no_other_host_takes_it() {
    let host = Host::new().await;
    host.server.when(Stage::Taken).times(1).hang();
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    let renewing = DeliveryLimits {
        renew: Duration::from_millis(5),
        ..limits()
    };
    let trying = deliver_due(&host.outbox, &host.transport, &host.clock, &renewing, &host.health);
    let others = async {
        host.server.hanging(1).await;
        host.clock.set(T0 + 59);
        let before = host.outbox.renewals();
        host.outbox.renewed(before + 2).await;
        // The lease of the beginning is over, and that of the renewal is not.
        let clock = VirtualClock::at(T0 + 59 + 59);
        let pass = deliver_due(&host.outbox, &host.transport, &clock, &limits(), &host.health).await;
        assert_eq!(pass.unwrap(), ended(0, 0, 0));
    };
    tokio::select! {
        _ = trying => panic!("it hangs"),
        () = others => {}
    }
    // The host has died: the next one goes on when the lease is over, and not a second before.
    assert_eq!(host.pass_at(T0 + 59 + 59).await, ended(0, 0, 0));
    assert_eq!(host.pass_at(T0 + 59 + 60).await, ended(1, 0, 0));
}

#[tokio::test]
async fn a_try_whose_lease_is_lost_ends() {
    let host = Host::new().await;
    host.server.when(Stage::Taken).times(1).hang();
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    let renewing = DeliveryLimits {
        renew: Duration::from_millis(5),
        ..limits()
    };
    let trying = deliver_due(&host.outbox, &host.transport, &host.clock, &renewing, &host.health);
    let other = async {
        host.server.hanging(1).await;
        // A host whose clock is ahead takes it for abandoned.
        let (transport, clock) = (smtp(&host.server), VirtualClock::at(T0 + 3600));
        deliver_due(&host.outbox, &transport, &clock, &limits(), &MailHealth::default()).await
    };
    let (trying, other) = futures_util::future::join(trying, other).await;
    assert_eq!(other.unwrap(), ended(1, 0, 0));
    assert_eq!(trying.unwrap().lost, 1);
    assert_eq!(host.outbox.of(1, 0).status, DeliveryStatus::Accepted);
}

#[test]
fn another_host_goes_on_with_the_mails_of_a_dead_one_within_90_seconds() {
    let limits = DeliveryLimits::default();
    assert_eq!(limits.lease_seconds(), 60);
    assert!(limits.renew * 2 < limits.lease, "one renewal may fail");
}

#[test]
fn a_pass_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let (outbox, clock) = (FakeOutbox::default(), VirtualClock::at(T0));
    let transport = SmtpTransport::from_url("smtp://localhost", SmtpTimeouts::default()).unwrap();
    is_send(deliver_due(
        &outbox,
        &transport,
        &clock,
        &limits(),
        &MailHealth::default(),
    ));
}
