use super::super::reply::ReplyReader;
use super::*;

fn reply(line: &str) -> Reply {
    let mut reader = ReplyReader::default();
    reader.push(format!("{line}\r\n").as_bytes());
    reader.next().unwrap().expect("a whole reply")
}

/// `final`, `plain`, `later`, `unclear, final`, `unclear, later`, `unclear, busy`, or the kind of trouble.
fn whose(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Permanent(_) => "final",
        Refusal::Plain(_) => "plain",
        Refusal::Unsendable(_) => "never",
        Refusal::Transient(_) => "later",
        Refusal::Trouble(trouble) => trouble.kind.as_str(),
        Refusal::Unclear { kind, is_final, .. } => match (kind, is_final) {
            (TroubleKind::Busy, _) => "unclear, busy",
            (TroubleKind::Login, _) => "unclear, login",
            (TroubleKind::Deferred, _) => "unclear, deferred",
            (TroubleKind::Sender, true) => "unclear, sender, final",
            (TroubleKind::Sender, false) => "unclear, sender, later",
            (_, true) => "unclear, final",
            (_, false) => "unclear, later",
        },
    }
}

#[test]
fn step_and_code_say_whose_fault_a_rejection_is() {
    for (step, line, expected) in [
        (Step::Greeting, "554 5.7.1 you are blocked", "unreachable"),
        (Step::Greeting, "421 too many connections", "busy"),
        (
            Step::Greeting,
            "432 4.3.2 concurrent connections limit exceeded",
            "busy",
        ),
        (Step::Greeting, "450 later", "busy"),
        (Step::Hello, "550 who are you", "hello"),
        (Step::Hello, "451 later", "busy"),
        (Step::StartTls, "454 4.3.0 TLS not available", "tls"),
        (Step::StartTls, "500 what", "tls"),
        (Step::Login, "535 5.7.8 wrong password", "login"),
        (Step::Login, "535", "login"),
        (Step::Login, "454 4.7.0 temporary authentication failure", "login"),
        (Step::Login, "432 4.7.12 password transition needed", "login"),
        (Step::Login, "432 4.3.2 too many", "busy"),
        (Step::Login, "421 4.7.0 too many", "busy"),
        (Step::Mail, "553 5.7.1 sender not owned", "sender"),
        (Step::Mail, "550 no", "sender"),
        (Step::Mail, "501 5.1.7 bad address", "sender"),
        (Step::Mail, "451 4.1.8 no such domain", "sender"),
        (Step::Mail, "530 5.7.0 log in first", "login"),
        (Step::Mail, "530 Must issue a STARTTLS command first", "tls"),
        (Step::Mail, "421 closing", "busy"),
        (Step::Mail, "552 5.3.4 too big", "final"),
        (Step::Mail, "554 5.3.4 too big", "final"),
        (Step::Mail, "452 4.3.1 disk full", "unclear, deferred"),
        (Step::Mail, "451 4.3.0 lookup failed", "deferred"),
        (Step::Mail, "450 4.4.3 no name server", "deferred"),
        (Step::Rcpt, "550 5.1.1 no such user", "final"),
        (Step::Rcpt, "550", "plain"),
        (Step::Rcpt, "553 mailbox name not allowed", "plain"),
        (Step::Rcpt, "550 5.7.13 account disabled", "final"),
        (Step::Rcpt, "452 4.2.2 mailbox full", "later"),
        (Step::Rcpt, "451 local error", "unclear, deferred"),
        (Step::Rcpt, "451 4.3.0 lookup failed", "unclear, deferred"),
        (Step::Rcpt, "450 4.2.0 Recipient address rejected: Greylisted", "later"),
        (Step::Rcpt, "554 5.7.1 Relay access denied", "unclear, final"),
        (Step::Rcpt, "554 no", "unclear, final"),
        (Step::Rcpt, "504 5.5.2 Helo rejected", "unclear, final"),
        (Step::Rcpt, "550 5.7.54 unable to relay", "unclear, final"),
        (Step::Rcpt, "550 relay not permitted", "unclear, final"),
        (Step::Rcpt, "503 AUTH first", "unclear, final"),
        (Step::Rcpt, "454 4.7.1 Relay access denied", "unclear, later"),
        (Step::Rcpt, "451 4.7.1 greylisted", "unclear, later"),
        (
            Step::Rcpt,
            "550 5.1.8 sender domain not found",
            "unclear, sender, final",
        ),
        (Step::Rcpt, "550 Sender verify failed", "unclear, sender, final"),
        (
            Step::Rcpt,
            "550 5.1.0 Sender address rejected: User unknown",
            "unclear, sender, final",
        ),
        (
            Step::Rcpt,
            "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            "unclear, final",
        ),
        (Step::Rcpt, "550 192.0.2.1 is listed at zen.example", "unclear, final"),
        (
            Step::Rcpt,
            "450 4.1.8 sender domain not found",
            "unclear, sender, later",
        ),
        (Step::Rcpt, "530 5.7.0 log in first", "unclear, login"),
        (Step::Rcpt, "421 4.7.0 slow down", "unclear, busy"),
        (Step::Data, "554 5.5.1 no", "unclear, final"),
        (Step::Data, "550 5.1.1 no such user after all", "final"),
        (Step::Data, "451 later", "unclear, deferred"),
        (Step::End, "554 5.7.1 a virus", "plain"),
        (Step::End, "552 too big", "final"),
        (
            Step::End,
            "550 5.7.60 cannot send as this sender",
            "unclear, sender, final",
        ),
        (
            Step::End,
            "550 The from address does not match a verified Sender Identity",
            "unclear, sender, final",
        ),
        (
            Step::End,
            "554 Message rejected: Email address is not verified",
            "unclear, final",
        ),
        (Step::End, "554 5.7.1 Relay access denied", "unclear, final"),
        (Step::End, "550 5.4.5 Daily sending quota exceeded", "unclear, final"),
        (Step::End, "550 5.7.26 not authenticated", "unclear, sender, final"),
        (Step::End, "432 4.3.2 too many", "unclear, busy"),
        (Step::End, "451 later", "unclear, deferred"),
        (Step::End, "452 4.2.2 mailbox full", "later"),
    ] {
        let refusal = rejected(step, &reply(line), false);
        assert_eq!(whose(&refusal), expected, "{step:?} {line}");
        assert!(refusal.to_string().starts_with(line.get(..3).unwrap()));
    }
}

/// What servers in the field say, with names of `example`; in some a word is added that must not count.
#[test]
fn the_status_of_a_rejection_counts_and_its_text_only_where_the_status_leaves_it_open() {
    for (server, step, line, expected) in [
        // The recipient's by its status, whatever else is named.
        (
            "Postfix, relay_recipient_maps",
            Step::Rcpt,
            "550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in relay recipient table",
            "final",
        ),
        (
            "Postfix, virtual_mailbox_maps",
            Step::Rcpt,
            "550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
            "final",
        ),
        (
            "Postfix, reject_unverified_recipient",
            Step::Rcpt,
            "550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable address: host mx.example.com[192.0.2.1] \
             said: 550 Sender verify failed",
            "final",
        ),
        (
            "Postfix, reject_unverified_recipient, not known yet",
            Step::Rcpt,
            "450 4.1.1 <a@example.com>: Recipient address rejected: unverified address: relay access denied",
            "later",
        ),
        (
            "Postfix, reject_unknown_recipient_domain",
            Step::Rcpt,
            "450 4.1.2 <a@example.com>: Recipient address rejected: Domain not found",
            "later",
        ),
        (
            "Postfix, reject_non_fqdn_recipient",
            Step::Rcpt,
            "504 5.1.3 <a>: Recipient address rejected: need fully-qualified address",
            "final",
        ),
        (
            "Postfix, relocated",
            Step::Rcpt,
            "551 5.1.6 <a@example.com>: Recipient address rejected: User has moved to <sender@example.org>",
            "final",
        ),
        (
            "Postfix, null MX",
            Step::Rcpt,
            "556 5.1.10 <a@example.com>: Recipient address rejected: Domain example.com does not accept mail (nullMX)",
            "final",
        ),
        (
            "Dovecot over LMTP",
            Step::Rcpt,
            "552 5.2.2 <a@example.com> Quota exceeded (mailbox for user is full)",
            "final",
        ),
        (
            "Exim, sender_verify by a callout to the recipient's host",
            Step::Rcpt,
            "550-5.1.1 Callout verification failed:\r\n550 5.1.1 550 5.1.1 no such user; sender verify would succeed",
            "final",
        ),
        (
            "Sendmail",
            Step::Rcpt,
            "550 5.1.1 <a@example.com>... User unknown; check with the sender",
            "final",
        ),
        (
            "Sendmail",
            Step::Rcpt,
            "550 5.2.1 <a@example.com>... Mailbox disabled for this recipient",
            "final",
        ),
        (
            "Sendmail",
            Step::Rcpt,
            "550 5.1.2 <a@example.invalid>... Host unknown (Name server: relay.example.com: host not found)",
            "final",
        ),
        (
            "Sendmail",
            Step::Rcpt,
            "553 5.1.3 <a>... Hostname required to relay",
            "final",
        ),
        (
            "Gmail",
            Step::Rcpt,
            "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n\
             550-5.1.1 double-checking the recipient's email address for typos or\r\n\
             550 5.1.1 unnecessary spaces. https://support.google.com/mail/?p=NoSuchUser - gsmtp",
            "final",
        ),
        (
            "Gmail",
            Step::Rcpt,
            "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\r\n\
             452 4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
            "later",
        ),
        (
            "Gmail",
            Step::Rcpt,
            "450-4.2.1 The user you are trying to contact is receiving mail at a rate that\r\n\
             450 4.2.1 prevents additional messages from being delivered: the sender should resend it later",
            "later",
        ),
        (
            "Gmail",
            Step::Rcpt,
            "550-5.2.1 The email account that you tried to reach is inactive.\r\n550 5.2.1 See /answer/6596 on relay",
            "final",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@example.com not found by SMTP address lookup; \
             the sender must check it",
            "final",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.2.1 Mailbox cannot be accessed; sender should contact the recipient",
            "final",
        ),
        (
            "Exchange",
            Step::Rcpt,
            "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found; relay",
            "final",
        ),
        (
            "Exchange",
            Step::End,
            "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient and its sender",
            "final",
        ),
        (
            "iCloud",
            Step::Rcpt,
            "552 5.2.2 <a@example.com>: user is over quota; the sender is told",
            "final",
        ),
        (
            "Yahoo",
            Step::End,
            "554 5.2.1 delivery error: dd This user doesn't have an account (a@example.com); sender",
            "final",
        ),
        (
            "Mailman",
            Step::Rcpt,
            "550 5.7.2 posting is restricted to members: sender not authenticated",
            "final",
        ),
        (
            "Zimbra",
            Step::Rcpt,
            "550 5.7.17 mailbox owner has changed; sender may not know",
            "final",
        ),
        (
            "Fastmail",
            Step::Rcpt,
            "550 5.1.4 ambiguous address: more than one relay knows it",
            "final",
        ),
        // What an address or a link is called says nothing.
        ("Exim", Step::Rcpt, "550 <sender@example.com>: unknown user", "plain"),
        ("Exim", Step::Rcpt, "550 no mailbox relay@example.com here", "plain"),
        (
            "OVH",
            Step::Rcpt,
            "550 unknown user, see https://example.com/help/relay-and-sender",
            "plain",
        ),
        // The text where the status leaves it open.
        (
            "Postfix, reject_unlisted_sender",
            Step::Rcpt,
            "550 5.1.0 <exports@tickets.example>: Sender address rejected: User unknown in relay recipient table",
            "unclear, sender, final",
        ),
        (
            "Postfix, reject_sender_login_mismatch",
            Step::Rcpt,
            "553 5.7.1 <exports@tickets.example>: Sender address rejected: not owned by user exports",
            "unclear, sender, final",
        ),
        (
            "Postfix, reject_unknown_sender_domain",
            Step::Rcpt,
            "450 4.1.8 <exports@tickets.example>: Sender address rejected: Domain not found",
            "unclear, sender, later",
        ),
        (
            "Postfix, reject_unauth_destination",
            Step::Rcpt,
            "454 4.7.1 <a@example.com>: Relay access denied",
            "unclear, later",
        ),
        (
            "Postfix, reject_unknown_client_hostname",
            Step::Rcpt,
            "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
            "unclear, later",
        ),
        (
            "Postfix, reject_rbl_client",
            Step::Rcpt,
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
            "unclear, final",
        ),
        (
            "Postfix, reject_unknown_helo_hostname",
            Step::Rcpt,
            "450 4.7.1 <tickets>: Helo command rejected: Host not found",
            "unclear, later",
        ),
        ("Exim", Step::Rcpt, "550 Administrative prohibition", "unclear, final"),
        (
            "Exim",
            Step::Rcpt,
            "550-Verification failed for <exports@tickets.example>\r\n550 Sender verify failed",
            "unclear, sender, final",
        ),
        (
            "Sendmail",
            Step::Rcpt,
            "550 5.7.1 <a@example.com>... Relaying denied. Proper authentication required.",
            "unclear, final",
        ),
        (
            "qmail",
            Step::Rcpt,
            "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
            "unclear, sender, final",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            "plain",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.4.1 Relay Access Denied [mx.example.com]",
            "unclear, final",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
            "unclear, final",
        ),
        (
            "Exchange Online",
            Step::Rcpt,
            "550 5.7.64 TenantAttribution; Relay Access Denied",
            "unclear, final",
        ),
        (
            "Exchange Online",
            Step::End,
            "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
            "unclear, final",
        ),
        (
            "Exchange Online",
            Step::End,
            "554 5.2.252 SendAsDenied; exports@tickets.example not allowed to send as other@tickets.example",
            "unclear, sender, final",
        ),
        (
            "Exchange Online, in the past",
            Step::End,
            "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process",
            "unclear, sender, final",
        ),
        (
            "Exchange Online",
            Step::End,
            "550 5.1.8 Access denied, bad outbound sender AS(42003)",
            "unclear, sender, final",
        ),
        (
            "Gmail",
            Step::End,
            "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n550 5.7.26 SPF did not pass",
            "unclear, sender, final",
        ),
        (
            "Gmail",
            Step::End,
            "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely suspicious due\r\n\
             550-5.7.1 to the very low reputation of the sending domain. To best protect our users\r\n\
             550 5.7.1 from spam, the message has been blocked.",
            "unclear, final",
        ),
        (
            "Outlook.com",
            Step::End,
            "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Part of their network is on our block list (S3150).",
            "unclear, final",
        ),
        (
            "Amazon SES",
            Step::End,
            "454 Throttling failure: Daily message quota exceeded",
            "unclear, deferred",
        ),
        ("Rspamd", Step::End, "554 5.7.1 Spam message rejected", "plain"),
        ("ClamAV", Step::End, "554 5.7.1 infected by Eicar-Signature", "plain"),
    ] {
        let refusal = rejected(step, &reply(line), false);
        assert_eq!(whose(&refusal), expected, "{server}, {step:?}: {line}");
    }
}

#[test]
fn a_no_that_names_nothing_is_no_final_one() {
    for (step, line, expected) in [
        (Step::Rcpt, "550 Access denied", "plain"),
        (Step::Rcpt, "550 Please log in first", "plain"),
        (Step::Rcpt, "550 Sending not allowed from this host", "plain"),
        (Step::Rcpt, "550 Kein Zugang f\u{fc}r Sie", "plain"),
        (Step::Rcpt, "500 unrecognized", "plain"),
        (Step::Rcpt, "551 not local", "plain"),
        (Step::Rcpt, "554 Message submission rate exceeded", "unclear, final"),
        (Step::Rcpt, "521 5.2.1 host does not accept mail", "unclear, final"),
        (Step::End, "550 5.7.1 SPF check failed", "plain"),
        (Step::End, "550 5.7.0 DKIM required", "plain"),
        (Step::End, "554 5.7.1 192.0.2.1 blocked using zen.example", "plain"),
        (Step::End, "554 [PH01] policy", "plain"),
        // What is clear stays so.
        (Step::Rcpt, "550 5.1.1 Access denied", "final"),
        (Step::Rcpt, "552 mailbox full", "final"),
        (Step::Rcpt, "556 takes no mail", "final"),
        (Step::End, "554 5.3.4 too big", "final"),
        (Step::End, "550 5.2.1 mailbox disabled", "final"),
    ] {
        assert_eq!(whose(&rejected(step, &reply(line), false)), expected, "{step:?} {line}");
    }
}

#[test]
fn a_server_that_knows_no_other_letters_says_so_about_the_recipient_and_not_the_sender() {
    let said = reply("553 5.6.7 not ASCII");
    assert_eq!(whose(&rejected(Step::Mail, &said, true)), "final");
    assert_eq!(whose(&rejected(Step::Mail, &said, false)), "sender");
}

#[test]
fn a_lost_connection_can_be_the_recipients_only_once_it_was_named() {
    for (step, expected) in [
        (Step::Greeting, "unreachable"),
        (Step::Hello, "unreachable"),
        (Step::StartTls, "tls"),
        (Step::Login, "unreachable"),
        (Step::Mail, "unreachable"),
        (Step::Rcpt, "unclear, deferred"),
        (Step::Data, "unclear, deferred"),
        (Step::End, "unclear, deferred"),
    ] {
        assert_eq!(whose(&lost(step, "closed")), expected, "{step:?}");
    }
}
