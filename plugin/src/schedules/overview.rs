//! The view `overview`: the schedules that a caller can see, as rows of a table.

mod row;

use serde::Serialize;

use crate::contract::{Filter, PageQuery, Position, Problem, RunEntry, Schedule, SortKey, StateKind};
use crate::host::Access;
use crate::language::Language;
use crate::message::ValidationError;

use self::row::{Detail, Row, RowView};
use super::actions::{self, DataPermissions};
use super::request_body::RequestBody;
use super::{MAX_DOCUMENT_SIZE, export_data, permissions, problem, timestamp};

const MAX_PAGE_SIZE: u32 = 50;
/// Size of most rows, in bytes.
const ROW_SIZE: usize = 900;

#[derive(Serialize)]
struct Overview<'a> {
    /// The number of schedules on all pages.
    total: u64,
    /// The parameter `after` of the next page; null if this is the last.
    next: Option<&'a str>,
    rows: Vec<Row<'a>>,
}

/// Returns a page. The filter, the order and the position are parameters; those that are not known are ignored.
///
/// # Errors
/// As for [`super::list`]; `Invalid` if a parameter is not valid.
pub(super) fn overview(by: &impl Access, params: &[(String, String)]) -> Result<String, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    let query = query(RequestBody::of_params(params, &["page", "page_size"], language)?)?;
    let page = by.list(&query).map_err(|error| problem(error, language))?;
    let ids: Vec<u64> = page.rows.iter().map(|schedule| schedule.id).collect();
    let latest = match ids.is_empty() {
        true => Vec::new(),
        false => by.latest_runs(&ids).map_err(|error| problem(error, language))?,
    };
    let views: Vec<Option<RowView<'_>>> = page
        .rows
        .iter()
        .map(|schedule| RowView::read(&schedule.content.document))
        .collect();
    let selections: Vec<_> = views.iter().map(RowView::selection).collect();
    let exporters = actions::exporters(by, None)?;
    let data = DataPermissions::of(by, &facts, exporters, page.rows.iter().zip(&selections))?;
    let row = |index: usize, schedule, detail| {
        let latest: Option<&RunEntry> = latest.get(index).and_then(Option::as_ref);
        Row::of(
            schedule,
            views[index].as_ref(),
            latest,
            &selections[index],
            &data,
            &facts,
            detail,
        )
    };
    let overview = |detail: Detail| {
        let rows = page.rows.iter().enumerate();
        let overview = Overview {
            total: page.total,
            next: page.next.as_deref(),
            rows: rows
                .map(|(index, schedule): (usize, &Schedule)| row(index, schedule, detail))
                .collect(),
        };
        let mut json = Vec::with_capacity(ROW_SIZE * overview.rows.len());
        serde_json::to_writer(&mut json, &overview).expect("an overview has string keys only");
        String::from_utf8(json).expect("JSON is UTF-8")
    };
    // Only pages of unusually long texts exceed a document of the contract.
    for detail in [Detail::Full, Detail::WithoutReasons] {
        let json = overview(detail);
        if json.len() <= MAX_DOCUMENT_SIZE {
            return Ok(json);
        }
    }
    Ok(overview(Detail::Short))
}

fn query(mut body: RequestBody) -> Result<PageQuery, Problem> {
    let mut text = |name: &str| body.optional_text(name, None).flatten();
    let owner = text("owner");
    let exporter = text(export_data::EXPORTER).or_else(|| text("exporter"));
    let recipient = text("recipient");
    let after = text("after");
    let [state, failing, due_before, order] = ["state", "failing", "due_before", "order"].map(&mut text);
    let mut parsed = Parsed(&mut body);
    let filter = Filter {
        owner,
        export_identifier: exporter,
        recipient,
        state: parsed.choice("state", state, &STATES),
        failing: parsed.boolean("failing", failing),
        due_before: parsed.instant("due_before", due_before),
    };
    let (order, descending) = parsed.choice("order", order, &ORDERS).unwrap_or((SortKey::Id, false));
    let number = body.integer("page", 1, 1, i64::from(u32::MAX));
    let size = body.integer("page_size", i64::from(MAX_PAGE_SIZE), 1, i64::from(MAX_PAGE_SIZE));
    let (Some(number), Some(size), true) = (number, size, body.errors.is_empty()) else {
        return Err(Problem::Invalid(body.errors));
    };
    let narrowed = |number: i64| u32::try_from(number).unwrap_or(1);
    Ok(PageQuery {
        filter,
        order,
        descending,
        at: match after {
            Some(after) => Position::After(after),
            None => Position::Number(narrowed(number)),
        },
        size: narrowed(size),
    })
}

const STATES: [(&str, StateKind); 3] = [
    ("active", StateKind::Active),
    ("paused", StateKind::Paused),
    ("stopped", StateKind::Stopped),
];
const ORDERS: [(&str, (SortKey, bool)); 6] = [
    ("id", (SortKey::Id, false)),
    ("-id", (SortKey::Id, true)),
    ("export_identifier", (SortKey::ExportIdentifier, false)),
    ("-export_identifier", (SortKey::ExportIdentifier, true)),
    ("schedule_next_run", (SortKey::NextRun, false)),
    ("-schedule_next_run", (SortKey::NextRun, true)),
];

/// Parses parameters that are given; errors are added to those of the body.
struct Parsed<'a>(&'a mut RequestBody);

impl Parsed<'_> {
    fn choice<T: Copy>(&mut self, name: &str, given: Option<String>, choices: &[(&str, T)]) -> Option<T> {
        let given = given?;
        let found = choices.iter().find(|(choice, _)| *choice == given);
        if found.is_none() {
            let choices = choices.iter().map(|(choice, _)| (*choice).to_owned()).collect();
            self.0
                .add_error(name, &ValidationError::InvalidChoice { given, choices });
        }
        found.map(|(_, value)| *value)
    }

    fn boolean(&mut self, name: &str, given: Option<String>) -> Option<bool> {
        let given = given?;
        let parsed = given.parse().ok();
        if parsed.is_none() {
            self.0.add_error(name, &ValidationError::InvalidBoolean(given));
        }
        parsed
    }

    fn instant(&mut self, name: &str, given: Option<String>) -> Option<i64> {
        let given = given?;
        let parsed = timestamp::read(&given);
        if parsed.is_none() {
            self.0.add_error(name, &ValidationError::InvalidDateTime(given));
        }
        parsed
    }
}
