//! The first meeting of a process with its mail server, before any mail is made: what the server announces bounds the mails.
//!
//! A process that only learned it from its first delivery would have that one rejected for its size, where a zip or a link would have done;
//! and where each pass is a process of its own, so each time.

use std::time::Duration;

use scheduled_exports_host::clock::Clock;
use scheduled_exports_mail::{Refusal, Transport, TroubleKind};

use super::MailHealth;

/// How long runs wait for a server to introduce itself. One that takes longer is met by the first delivery.
const PATIENCE: Duration = Duration::from_secs(10);

/// Meets the mail server if this process has not met it yet, and has not tried to. What keeps the server from being met holds all deliveries, as
/// it would if one of them had found it.
pub(crate) async fn meet(transport: &dyn Transport, sender: &str, health: &MailHealth, clock: &dyn Clock) {
    if !health.is_first_meeting() {
        return;
    }
    let begun = health.pauses();
    match tokio::time::timeout(PATIENCE, transport.meet(sender)).await {
        Ok(Ok(size_limit)) => health.set_size_limit(size_limit),
        // With too much to do it is met soon, when a delivery has its turn.
        Ok(Err(Refusal::Trouble(trouble))) if trouble.kind != TroubleKind::Busy => {
            health.hold(&trouble, begun, clock.now());
        }
        Ok(Err(_)) | Err(_) => {}
    }
}
