//! `orderlist`: an order a row, by order date.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::Field;

use super::form::{date_range, paid_only, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop, moment};
use crate::orders::Orders;
use crate::text;

pub(super) struct OrderList;

#[async_trait]
impl Exporter for OrderList {
    fn identifier(&self) -> &'static str {
        "orderlist"
    }

    fn label(&self, language: Language) -> &'static str {
        text::exporter_order_list(language)
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
            Column::new(text::column_email(language)),
            Column::new(text::column_name(language)),
            Column::new(text::column_status(language)),
            Column::moment(text::column_order_date(language)),
            Column::new(text::column_positions(language)),
            Column::new(text::column_total(language)),
            Column::new(text::column_currency(language)),
        ]
    }

    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop> {
        let days = request.form.days("date_range")?;
        let paid_only = request.form.flag("paid_only")?;
        for event in &request.events {
            let mut found = orders.orders(&event.event, &days, paid_only);
            while let Some(order) = found.try_next().await? {
                let placed = event.local(order.placed);
                if !days.contain(placed.date()) {
                    continue;
                }
                let cells = [
                    Cell::text(&order.code),
                    Cell::text(&order.email),
                    Cell::text(&order.name),
                    Cell::text(order.status.label(request.language)),
                    moment(event, order.placed),
                    Cell::Count(order.positions),
                    Cell::Amount(order.total, event.digits),
                    Cell::text(&event.event.currency),
                ];
                rows.push(request.row(event, cells)).await?;
            }
        }
        Ok(())
    }
}
