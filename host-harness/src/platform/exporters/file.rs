//! Tables as files: CSV in three dialects, .xlsx, and plain lines.
//!
//! Everything here blocks, and runs on a thread of its own.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use tempfile::{SpooledData, SpooledTempFile};
use tokio::sync::mpsc::Receiver;

use super::table::{Batch, Cell, Column};
use crate::clock::Instant;

/// Rows of a sheet, without the one of headings.
pub(super) const MOST_XLSX_ROWS: u64 = 1_048_575;

/// Bytes of a file that stays in memory; more of them go to a temporary file.
const MOST_IN_MEMORY: usize = 256 * 1024;

/// What kind of file, by the words of `_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Xlsx,
    /// Commas, as RFC 4180 has it.
    Csv,
    /// Commas, and the mark by which Excel knows UTF-8.
    CsvForExcel,
    /// Semicolons.
    CsvWithSemicolons,
    /// The first column, a line each, without a heading.
    Lines,
}

impl FileKind {
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "xlsx" => Some(Self::Xlsx),
            "default" | "csv" => Some(Self::Csv),
            "excel" => Some(Self::CsvForExcel),
            "semicolon" => Some(Self::CsvWithSemicolons),
            "txt" => Some(Self::Lines),
            _ => None,
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv | Self::CsvForExcel | Self::CsvWithSemicolons => "csv",
            Self::Lines => "txt",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv | Self::CsvForExcel | Self::CsvWithSemicolons => "text/csv; charset=utf-8",
            Self::Lines => "text/plain; charset=utf-8",
        }
    }
}

/// The file to write.
pub(super) struct Plan {
    pub kind: FileKind,
    /// Name of the sheet.
    pub title: &'static str,
    pub columns: Vec<Column>,
    /// When it counts as made, so that the same rows make the same file.
    pub made: Instant,
    /// Of an .xlsx file, without the headings.
    pub most_rows: u64,
    /// Where a file of some size is kept, and its parts until it is put together.
    pub folder: PathBuf,
}

/// A finished file.
#[derive(Debug)]
pub(super) struct Written {
    pub rows: u64,
    pub size: u64,
    pub file: SpooledData,
}

/// Why a file was not finished.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Whoever sent the rows is gone.
    Abandoned,
    /// More rows than this do not fit.
    TooManyRows(u64),
    Io(io::Error),
    Other(String),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<csv::Error> for WriteError {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Io(error),
            kind => Self::Other(format!("{kind:?}")),
        }
    }
}

impl From<XlsxError> for WriteError {
    fn from(error: XlsxError) -> Self {
        match error {
            XlsxError::IoError(error) | XlsxError::TempFileError(_, error) => Self::Io(error),
            XlsxError::ZipError(error) => Self::Io(error.into()),
            error => Self::Other(error.to_string()),
        }
    }
}

/// Writes what comes until its end; none: there were no rows.
pub(super) fn write(plan: &Plan, mut batches: Receiver<Batch>) -> Result<Option<Written>, WriteError> {
    let mut next = || batches.blocking_recv().ok_or(WriteError::Abandoned);
    let (first, second) = (next()?, next()?);
    let mut sink = Sink::new(plan, matches!(second, Batch::End))?;
    let mut read_ahead = [first, second].into_iter();
    let mut rows = 0;
    loop {
        match read_ahead.next().map_or_else(&mut next, Ok)? {
            Batch::Rows(batch) => {
                for row in batch {
                    rows += 1;
                    if plan.kind == FileKind::Xlsx && rows > plan.most_rows {
                        return Err(WriteError::TooManyRows(plan.most_rows));
                    }
                    sink.row(&row)?;
                }
            }
            Batch::End if rows == 0 => return Ok(None),
            Batch::End => {
                let mut file = sink.finish()?;
                let size = file.seek(SeekFrom::End(0))?;
                let file = file.into_inner();
                return Ok(Some(Written { rows, size, file }));
            }
        }
    }
}

enum Sink {
    Csv(Box<csv::Writer<SpooledTempFile>>),
    Xlsx(Box<Sheet>),
    Lines(BufWriter<SpooledTempFile>),
}

impl Sink {
    /// `few`: all rows are in memory already.
    fn new(plan: &Plan, few: bool) -> Result<Self, WriteError> {
        let mut file = tempfile::spooled_tempfile_in(MOST_IN_MEMORY, &plan.folder);
        if plan.kind == FileKind::CsvForExcel {
            file.write_all("\u{feff}".as_bytes())?;
        }
        let delimiter = if plan.kind == FileKind::CsvWithSemicolons {
            b';'
        } else {
            b','
        };
        match plan.kind {
            FileKind::Csv | FileKind::CsvForExcel | FileKind::CsvWithSemicolons => {
                let mut writer = csv::WriterBuilder::new()
                    .delimiter(delimiter)
                    .terminator(csv::Terminator::CRLF)
                    .buffer_capacity(64 * 1024)
                    .from_writer(file);
                writer.write_record(plan.columns.iter().map(|column| column.heading))?;
                Ok(Self::Csv(Box::new(writer)))
            }
            FileKind::Xlsx => Ok(Self::Xlsx(Box::new(Sheet::new(plan, file, few)?))),
            FileKind::Lines => Ok(Self::Lines(BufWriter::new(file))),
        }
    }

    fn row(&mut self, row: &[Cell]) -> Result<(), WriteError> {
        match self {
            Self::Csv(writer) => {
                for cell in row {
                    let text = shown(cell);
                    let mark = if matches!(cell, Cell::Text(_)) && starts_a_formula(&text) {
                        "'"
                    } else {
                        ""
                    };
                    writer.write_field(format!("{mark}{text}"))?;
                }
                writer.write_record(None::<&[u8]>)?;
            }
            Self::Xlsx(sheet) => sheet.row(row)?,
            Self::Lines(writer) => {
                if let Some(cell) = row.first() {
                    write!(writer, "{}\r\n", shown(cell))?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<SpooledTempFile, WriteError> {
        Ok(match self {
            Self::Csv(writer) => writer
                .into_inner()
                .map_err(|error| WriteError::Io(error.into_error()))?,
            Self::Xlsx(sheet) => sheet.finish()?,
            Self::Lines(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error)?,
        })
    }
}

/// A cell as text: decimals with a point, days and times as ISO 8601 orders them.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Amount(hundredths) => Decimal::new(*hundredths, 2).to_string(),
        Cell::Moment(moment) => moment.format("%Y-%m-%d %H:%M:%S").to_string(),
        Cell::Day(day) => day.format("%Y-%m-%d").to_string(),
    }
}

/// Would a spreadsheet that opens a CSV file take this text for more than text?
fn starts_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// One sheet of a workbook. Unless there are few, rows leave memory as soon as the next one begins.
struct Sheet {
    workbook: Workbook,
    file: SpooledTempFile,
    next_row: u32,
    amount: Format,
    moment: Format,
    day: Format,
}

impl Sheet {
    fn new(plan: &Plan, file: SpooledTempFile, few: bool) -> Result<Self, WriteError> {
        let mut workbook = Workbook::new();
        if let Some(made) = chrono::DateTime::from_timestamp(plan.made, 0)
            && let Ok(made) = excel(made.naive_utc())
        {
            workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
        }
        let sheet = if few {
            workbook.add_worksheet()
        } else {
            workbook.set_tempdir(&plan.folder)?;
            workbook.add_worksheet_with_constant_memory()?
        };
        sheet.set_name(plan.title)?;
        sheet.set_freeze_panes(1, 0)?;
        let bold = Format::new().set_bold();
        for (i, column) in (0u16..).zip(&plan.columns) {
            sheet.set_column_width(i, f64::from(column.width))?;
            sheet.write_string_with_format(0, i, column.heading, &bold)?;
        }
        Ok(Self {
            workbook,
            file,
            next_row: 1,
            amount: Format::new().set_num_format("0.00"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
        })
    }

    fn row(&mut self, row: &[Cell]) -> Result<(), WriteError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        let at = self.next_row;
        self.next_row += 1;
        for (i, cell) in (0u16..).zip(row) {
            #[expect(clippy::cast_precision_loss, reason = "far under 2^53, as fixtures are checked")]
            match cell {
                Cell::Empty => &mut *sheet,
                Cell::Text(text) => sheet.write_string(at, i, text)?,
                Cell::Count(count) => sheet.write_number(at, i, *count as f64)?,
                Cell::Amount(hundredths) => {
                    sheet.write_number_with_format(at, i, *hundredths as f64 / 100.0, &self.amount)?
                }
                Cell::Moment(moment) => sheet.write_datetime_with_format(at, i, excel(*moment)?, &self.moment)?,
                Cell::Day(day) => sheet.write_datetime_with_format(at, i, excel_day(*day)?, &self.day)?,
            };
        }
        Ok(())
    }

    fn finish(mut self) -> Result<SpooledTempFile, WriteError> {
        let mut buffered = BufWriter::with_capacity(64 * 1024, self.file);
        self.workbook.save_to_writer(&mut buffered)?;
        Ok(buffered.into_inner().map_err(io::IntoInnerError::into_error)?)
    }
}

fn excel_day(day: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    let number = |value: u32| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(day.year()).unwrap_or_default();
    ExcelDateTime::from_ymd(year, number(day.month()), number(day.day()))
}

fn excel(moment: NaiveDateTime) -> Result<ExcelDateTime, XlsxError> {
    let minute = u8::try_from(moment.minute()).unwrap_or_default();
    let hour = u16::try_from(moment.hour()).unwrap_or_default();
    excel_day(moment.date())?.and_hms(hour, minute, f64::from(moment.second()))
}

#[cfg(test)]
mod tests {
    use tokio::task::spawn_blocking;

    use super::super::table;
    use super::*;

    fn plan(kind: FileKind, most_rows: u64) -> Plan {
        Plan {
            kind,
            title: "Order list",
            columns: vec![Column::narrow("Number")],
            made: 0,
            most_rows,
            folder: std::env::temp_dir(),
        }
    }

    #[tokio::test]
    async fn a_table_that_a_sheet_cannot_hold_fails_with_the_number_and_one_row_less_does_not() {
        for (most, fails) in [(2, true), (3, false)] {
            let (mut rows, batches) = table::channel();
            for i in 0..3 {
                rows.push(vec![Cell::Count(i)]).await.expect("room");
            }
            let plan = plan(FileKind::Xlsx, most);
            let writer = spawn_blocking(move || write(&plan, batches));
            rows.finish().await;
            match writer.await.expect("ends") {
                Err(WriteError::TooManyRows(number)) => assert!(fails && number == 2),
                Ok(written) => assert!(!fails && written.is_some_and(|written| written.rows == 3)),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_writer_whose_rows_end_without_an_end_gives_up() {
        let (mut rows, batches) = table::channel();
        rows.push(vec![Cell::Count(1)]).await.expect("room");
        drop(rows);
        let plan = plan(FileKind::Csv, 10);
        let writer = spawn_blocking(move || write(&plan, batches));
        assert!(matches!(writer.await.expect("ends"), Err(WriteError::Abandoned)));
    }

    #[test]
    fn only_text_that_a_spreadsheet_would_run_is_marked() {
        for text in ["=1", "+1", "-1", "@a", "\ta", "\ra"] {
            assert!(starts_a_formula(text), "{text:?}");
        }
        for text in ["", "a=1", "1+1", " =1", "'=1", "Ärger"] {
            assert!(!starts_a_formula(text), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_decimals_of_two_places() {
        let shown_as = |hundredths| shown(&Cell::Amount(hundredths));
        assert_eq!(shown_as(1250), "12.50");
        assert_eq!(shown_as(5), "0.05");
        assert_eq!(shown_as(0), "0.00");
        assert_eq!(shown_as(-1), "-0.01");
    }
}
