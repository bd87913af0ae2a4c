//! `orderpositions`: a position of an order a row, with who comes and whether he is there.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::Field;

use super::form::{date_range, paid_only, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop, moment};
use crate::orders::Orders;
use crate::text;

pub(super) struct OrderPositions;

#[async_trait]
impl Exporter for OrderPositions {
    fn identifier(&self) -> &'static str {
        "orderpositions"
    }

    fn label(&self, language: Language) -> &'static str {
        text::exporter_order_positions(language)
    }

    fn across_events(&self) -> bool {
        true
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![table_format(language), date_range(language), paid_only(language)]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![
            Column::new(text::column_order_code(language)),
            Column::new(text::column_position(language)),
            Column::new(text::column_email(language)),
            Column::new(text::column_status(language)),
            Column::moment(text::column_order_date(language)),
            Column::new(text::column_product(language)),
            Column::new(text::column_price(language)),
            Column::new(text::column_currency(language)),
            Column::new(text::column_attendee(language)),
            Column::new(text::column_attendee_email(language)),
            Column::moment(text::column_checked_in(language)),
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
