//! `checkinlist`: whom to let in at one event, by name, and who is in already.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::Field;

use super::form::{paid_only, table_format};
use super::table::{Cell, Column, RowSender};
use super::{Exporter, Request, Stop, moment};
use crate::orders::Orders;
use crate::text;

pub(super) struct CheckInList;

#[async_trait]
impl Exporter for CheckInList {
    fn identifier(&self) -> &'static str {
        "checkinlist"
    }

    fn label(&self, language: Language) -> &'static str {
        text::exporter_check_in_list(language)
    }

    fn across_events(&self) -> bool {
        false
    }

    fn fields(&self, language: Language) -> Vec<Field> {
        vec![table_format(language), paid_only(language)]
    }

    fn columns(&self, language: Language) -> Vec<Column> {
        vec![
            Column::new(text::column_attendee(language)),
            Column::new(text::column_attendee_email(language)),
            Column::new(text::column_product(language)),
            Column::new(text::column_order_code(language)),
            Column::new(text::column_position(language)),
            Column::new(text::column_status(language)),
            Column::moment(text::column_checked_in(language)),
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
