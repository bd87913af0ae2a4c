//! `checkinlist`: whom to let in at one event, by name, and who is in already.

use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::form::{paid_only, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop, moment};
use crate::contract::exporters::Field;
use crate::platform::orders::Orders;
use crate::platform::words::Language;

pub(super) struct CheckInList;

#[async_trait]
impl Exporter for CheckInList {
    fn identifier(&self) -> &'static str {
        "checkinlist"
    }

    fn label(&self, language: Language) -> &'static str {
        language.pick("Check-in list", "Check-in-Liste")
    }

    fn across_events(&self) -> bool {
        false
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![table_format(language), paid_only(language)]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![
            Column::new(language.pick("Attendee", "Teilnehmende Person")),
            Column::new(language.pick("Attendee's e-mail", "E-Mail der Person")),
            Column::new(language.pick("Product", "Produkt")),
            Column::new(language.pick("Order code", "Bestellnummer")),
            Column::new(language.pick("Position", "Position")),
            Column::new(language.pick("Status", "Status")),
            Column::moment(language.pick("Checked in", "Eingecheckt")),
        ]
    }

    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop> {
        let paid_only = request.form.flag("paid_only")?;
        for event in &request.events {
            let mut found = orders.admissions(&event.event, paid_only);
            while let Some(position) = found.try_next().await? {
                let cells = [
                    Cell::text(&position.attendee_name),
                    Cell::text(&position.attendee_email),
                    Cell::text(&position.product),
                    Cell::text(&position.code),
                    Cell::Count(position.number),
                    Cell::text(position.status.label(request.language)),
                    position.checked_in.map_or(Cell::Empty, |at| moment(event, at)),
                ];
                rows.push(request.row(event, cells)).await?;
            }
        }
        Ok(())
    }
}
