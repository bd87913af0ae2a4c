//! `mailaddresses`: every address once, over all events together, in the order of the alphabet.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::Field;

use super::form::{attendees, column_format, date_range, paid_only};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop};
use crate::orders::{LocalEvent, Orders};
use crate::text;

pub(super) struct MailAddresses;

#[async_trait]
impl Exporter for MailAddresses {
    fn identifier(&self) -> &'static str {
        "mailaddresses"
    }

    fn label(&self, language: Language) -> &'static str {
        text::exporter_mail_addresses(language)
    }

    fn across_events(&self) -> bool {
        true
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![
            column_format(language),
            date_range(language),
            paid_only(language),
            attendees(language),
        ]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![Column::new(text::column_email_address(language))]
    }

    fn by_event(&self) -> bool {
        false
    }

    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop> {
        let days = request.form.days("date_range")?;
        let paid_only = request.form.flag("paid_only")?;
        let attendees = request.form.flag("attendees")?;
        let events: HashMap<&str, &LocalEvent> = request
            .events
            .iter()
            .map(|event| (event.event.slug.as_str(), event))
            .collect();
        let mut found = orders.addresses(&request.events, &days, paid_only, attendees);
        // Databases fold ASCII alone, so in other alphabets what is one address does not come in one piece. Such addresses are few.
        let (mut last, mut others) = (String::new(), HashSet::new());
        while let Some(row) = found.try_next().await? {
            let event = events.get(row.event.as_str());
            let fits = event.is_some_and(|event| days.contain(event.local(row.placed).date()));
            if !fits {
                continue;
            }
            let folded = row.address.to_lowercase();
            let is_new = match row.address.is_ascii() {
                true => folded != last,
                false => others.insert(folded.clone()),
            };
            if is_new {
                last = folded;
                rows.push(vec![Cell::Text(row.address)]).await?;
            }
        }
        Ok(())
    }
}
