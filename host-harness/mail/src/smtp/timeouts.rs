//! How long a mail server has for each step.

use std::time::Duration;

/// How long each step can take: the limits of RFC 5321, 4.5.3.2; and what lies around them. Past one of them the connection is dropped,
/// and the message tried again later.
#[derive(Clone, Debug)]
pub struct SmtpTimeouts {
    /// Opening the connection, for each address of the server's name.
    pub connect: Duration,
    /// All that comes before the first MAIL, together: a server that uses up the limit of each step is no use.
    pub opening: Duration,
    /// The greeting.
    pub greeting: Duration,
    /// EHLO, HELO, STARTTLS, AUTH and RSET, each with its reply; and the TLS handshake.
    pub session: Duration,
    /// MAIL and its reply.
    pub mail: Duration,
    /// RCPT and its reply.
    pub rcpt: Duration,
    /// DATA and its reply.
    pub data: Duration,
    /// Each block of the message.
    pub block: Duration,
    /// The reply to the message. Servers scan it before they take responsibility.
    pub end: Duration,
    /// How long a connection is kept that nothing is sent on.
    pub idle: Duration,
    /// QUIT and its reply. The connection is closed then in any case, so this is short.
    pub quit: Duration,
}

impl SmtpTimeouts {
    /// The same limit for each step, and as long to be kept; five times as much for the opening.
    #[must_use]
    pub fn all(limit: Duration) -> Self {
        Self {
            connect: limit,
            opening: limit.saturating_mul(5),
            greeting: limit,
            session: limit,
            mail: limit,
            rcpt: limit,
            data: limit,
            block: limit,
            end: limit,
            idle: limit,
            quit: limit,
        }
    }
}

impl Default for SmtpTimeouts {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            connect: Duration::from_secs(30),
            opening: minutes(15),
            greeting: minutes(5),
            session: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            end: minutes(10),
            idle: Duration::from_secs(20),
            quit: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_as_long_for_each_step_as_rfc_5321_gives_it() {
        let SmtpTimeouts {
            connect,
            opening,
            greeting,
            session,
            mail,
            rcpt,
            data,
            block,
            end,
            idle,
            quit,
        } = SmtpTimeouts::default();
        let seconds = [connect, greeting, session, mail, rcpt, data, block, end].map(|limit| limit.as_secs());
        assert_eq!(seconds, [30, 300, 300, 300, 300, 120, 180, 600]);
        assert_eq!([opening, idle, quit].map(|limit| limit.as_secs()), [900, 20, 5]);
    }
}
