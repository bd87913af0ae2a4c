//! `dailysales`: positions sold and what they cost, by day of the event's calendar, product and status.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::Field;

use super::form::{date_range, statuses, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop};
use crate::orders::{Orders, Status};
use crate::text;

pub(super) struct DailySales;

#[async_trait]
impl Exporter for DailySales {
    fn identifier(&self) -> &'static str {
        "dailysales"
    }

    fn label(&self, language: Language) -> &'static str {
        text::exporter_daily_sales(language)
    }

    fn across_events(&self) -> bool {
        true
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![table_format(language), date_range(language), statuses(language)]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![
            Column::new(text::column_day(language)),
            Column::new(text::column_product(language)),
            Column::new(text::column_status(language)),
            Column::new(text::column_sold(language)),
            Column::new(text::column_amount(language)),
            Column::new(text::column_currency(language)),
        ]
    }

    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop> {
        let days = request.form.days("date_range")?;
        let statuses = request.form.choices("statuses")?;
        for event in &request.events {
            // As many as there are days, products and statuses, however many orders.
            let mut sums: BTreeMap<_, (i64, i64)> = BTreeMap::new();
            let mut found = orders.positions(&event.event, &days, false);
            while let Some(position) = found.try_next().await? {
                let day = event.local(position.placed).date();
                let wanted = statuses
                    .iter()
                    .any(|word| Status::of_word(word) == Some(position.status));
                if wanted && days.contain(day) {
                    let (count, amount) = sums.entry((day, position.product, position.status)).or_default();
                    *count += 1;
                    *amount += position.price;
                }
            }
            drop(found);
            for ((day, product, status), (count, amount)) in sums {
                let cells = [
                    Cell::Day(day),
                    Cell::text(&product),
                    Cell::text(status.label(request.language)),
                    Cell::Count(count),
                    Cell::Amount(amount, event.digits),
                    Cell::text(&event.event.currency),
                ];
                rows.push(request.row(event, cells)).await?;
            }
        }
        Ok(())
    }
}
