//! `orderpositions`: a position of an order a row, with who comes and whether he is there.

use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::form::{date_range, paid_only, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop, moment};
use crate::contract::exporters::Field;
use crate::platform::orders::Orders;
use crate::platform::words::Language;

pub(super) struct OrderPositions;

#[async_trait]
impl Exporter for OrderPositions {
    fn identifier(&self) -> &'static str {
        "orderpositions"
    }

    fn label(&self, language: Language) -> &'static str {
        language.pick("Order positions", "Bestellpositionen")
    }

    fn across_events(&self) -> bool {
        true
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![table_format(language), date_range(language), paid_only(language)]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![
            Column::new(language.pick("Order code", "Bestellnummer")),
            Column::new(language.pick("Position", "Position")),
            Column::new(language.pick("E-mail", "E-Mail")),
            Column::new(language.pick("Status", "Status")),
            Column::moment(language.pick("Order date", "Bestelldatum")),
            Column::new(language.pick("Product", "Produkt")),
            Column::new(language.pick("Price", "Preis")),
            Column::new(language.pick("Currency", "Währung")),
            Column::new(language.pick("Attendee", "Teilnehmende Person")),
            Column::new(language.pick("Attendee's e-mail", "E-Mail der Person")),
            Column::moment(language.pick("Checked in", "Eingecheckt")),
        ]
    }

    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop> {
        let days = request.form.days("date_range")?;
        let paid_only = request.form.flag("paid_only")?;
        for event in &request.events {
            let mut found = orders.positions(&event.event, &days, paid_only);
            while let Some(position) = found.try_next().await? {
                let placed = event.local(position.placed);
                if !days.contain(placed.date()) {
                    continue;
                }
                let cells = [
                    Cell::text(&position.code),
                    Cell::Count(position.number),
                    Cell::text(&position.email),
                    Cell::text(position.status.label(request.language)),
                    moment(event, position.placed),
                    Cell::text(&position.product),
                    Cell::Amount(position.price, event.digits),
                    Cell::text(&event.event.currency),
                    Cell::text(&position.attendee_name),
                    Cell::text(&position.attendee_email),
                    position.checked_in.map_or(Cell::Empty, |at| moment(event, at)),
                ];
                rows.push(request.row(event, cells)).await?;
            }
        }
        Ok(())
    }
}
