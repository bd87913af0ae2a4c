//! Delivery: from the outbox to the recipients' servers.
//!
//! [`worker`] goes through what is due, hands it to a [`Transport`](scheduled_exports_mail::Transport) and records how each attempt ended,
//! with the waits of [`backoff`](scheduled_exports_mail::backoff). [`health`] keeps account of the faults that the operator has to repair,
//! [`Permits`] are asked before each attempt. A process meets its mail server (`meeting`) before it creates its first mail.

pub mod health;
mod meeting;
mod permits;
mod verdict;
pub mod worker;

pub use health::{MailHealth, MailTrouble};
pub(crate) use meeting::meet;
pub use permits::{Everything, Permits};
pub use worker::{Delivered, DeliveryLimits, deliver_due, deliver_until};
