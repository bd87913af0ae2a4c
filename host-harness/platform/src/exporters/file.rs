//! Tables as files: CSV in three dialects, .xlsx, and plain lines.
//!
//! Everything here blocks, and runs on a thread of its own.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use rust_decimal::Decimal;
use rust_xlsxwriter::XlsxError;
use scheduled_exports_host::clock::Instant;
use tempfile::{SpooledData, SpooledTempFile};
use tokio::sync::mpsc::Receiver;

use super::formula::disarmed;
use super::sheet::Sheet;
use super::table::{Batch, Cell, Column};

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
    /// Semicolons and the same mark, for the spreadsheets of countries where the comma is in numbers.
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
    /// Numbers in a file with semicolons have a comma where others have a point.
    pub decimal_comma: bool,
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
    /// With the point of its numbers.
    Csv(Box<csv::Writer<SpooledTempFile>>, char),
    Xlsx(Box<Sheet>),
    Lines(BufWriter<SpooledTempFile>),
}

impl Sink {
    /// `few`: all rows are in memory already.
    fn new(plan: &Plan, few: bool) -> Result<Self, WriteError> {
        let mut file = tempfile::spooled_tempfile_in(MOST_IN_MEMORY, &plan.folder);
        if matches!(plan.kind, FileKind::CsvForExcel | FileKind::CsvWithSemicolons) {
            file.write_all("\u{feff}".as_bytes())?;
        }
        let semicolons = plan.kind == FileKind::CsvWithSemicolons;
        let delimiter = if semicolons { b';' } else { b',' };
        let point = if semicolons && plan.decimal_comma { ',' } else { '.' };
        match plan.kind {
            FileKind::Csv | FileKind::CsvForExcel | FileKind::CsvWithSemicolons => {
                let mut writer = csv::WriterBuilder::new()
                    .delimiter(delimiter)
                    .terminator(csv::Terminator::CRLF)
                    .buffer_capacity(64 * 1024)
                    .from_writer(file);
                writer.write_record(plan.columns.iter().map(|column| &column.heading))?;
                Ok(Self::Csv(Box::new(writer), point))
            }
            FileKind::Xlsx => Ok(Self::Xlsx(Box::new(Sheet::new(plan, file, few)?))),
            FileKind::Lines => Ok(Self::Lines(BufWriter::new(file))),
        }
    }

    fn row(&mut self, row: &[Cell]) -> Result<(), WriteError> {
        match self {
            Self::Csv(writer, point) => {
                for cell in row {
                    match cell {
                        Cell::Text(text) => writer.write_field(disarmed(text).as_bytes())?,
                        cell => writer.write_field(shown(cell, *point))?,
                    }
                }
                writer.write_record(None::<&[u8]>)?;
            }
            Self::Xlsx(sheet) => sheet.row(row)?,
            Self::Lines(writer) => {
                match row.first() {
                    // Spreadsheets open such a file too, a cell a line.
                    Some(Cell::Text(text)) => write!(writer, "{}\r\n", disarmed(text))?,
                    Some(cell) => write!(writer, "{}\r\n", shown(cell, '.'))?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<SpooledTempFile, WriteError> {
        Ok(match self {
            Self::Csv(writer, _) => writer
                .into_inner()
                .map_err(|error| WriteError::Io(error.into_error()))?,
            Self::Xlsx(sheet) => sheet.finish()?,
            Self::Lines(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error)?,
        })
    }
}

/// A cell as text: days and times as ISO 8601 orders them.
fn shown(cell: &Cell, point: char) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Amount(minor, digits) => amount_text(*minor, *digits, point),
        Cell::Moment(moment, _) => moment.format("%Y-%m-%d %H:%M:%S").to_string(),
        Cell::Day(day) => day.format("%Y-%m-%d").to_string(),
    }
}

/// An amount of minor units, with all digits that its currency has.
pub(super) fn amount_text(minor: i64, digits: u32, point: char) -> String {
    let text = Decimal::new(minor, digits).to_string();
    if point == '.' {
        text
    } else {
        text.replace('.', &point.to_string())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;
    use tokio::task::spawn_blocking;

    use super::super::{formula, table};
    use super::*;

    fn plan(kind: FileKind, most_rows: u64) -> Plan {
        Plan {
            kind,
            title: "Order list",
            columns: vec![Column::new("Number")],
            decimal_comma: false,
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
    fn amounts_have_the_digits_of_their_currency() {
        for (minor, digits, point, text) in [
            (1250, 2, '.', "12.50"),
            (5, 2, '.', "0.05"),
            (0, 2, '.', "0.00"),
            (-1, 2, '.', "-0.01"),
            (-1000, 2, ',', "-10,00"),
            (1500, 0, ',', "1500"),
            (1250, 3, '.', "1.250"),
            (1250, 3, ',', "1,250"),
            (7, 4, '.', "0.0007"),
        ] {
            assert_eq!(amount_text(minor, digits, point), text);
        }
    }

    /// What a row comes to in a file of that kind.
    fn written(kind: FileKind, row: Vec<Cell>) -> Vec<u8> {
        let (mut rows, batches) = table::channel();
        let sent = async {
            rows.push(row).await.expect("room");
            rows.finish().await;
        };
        sent.now_or_never().expect("nothing to wait for");
        let mut plan = plan(kind, 10);
        plan.columns = vec![Column::new("A"), Column::new("B"), Column::new("C"), Column::new("D")];
        let file = write(&plan, batches).expect("written").expect("rows").file;
        match file {
            tempfile::SpooledData::InMemory(bytes) => bytes.into_inner(),
            tempfile::SpooledData::OnDisk(_) => panic!("a few bytes"),
        }
    }

    /// The cells of a file as a program sees them that expects this separator: all but the numbers of the platform itself.
    fn cells(file: &[u8], separator: u8) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(file);
        let records = reader.byte_records().map(|record| record.expect("CSV"));
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        records
            .flat_map(|record| record.iter().map(text).collect::<Vec<_>>())
            .collect()
    }

    /// Does it begin with a formula, for a program that drops blanks and quotes before it?
    fn runs(cell: &str) -> bool {
        let begins = cell.trim_start_matches(formula::is_blank);
        begins.starts_with(formula::begins_a_formula)
    }

    proptest! {
        #[test]
        fn no_cell_begins_with_a_formula_by_whichever_separator_the_file_is_read(
            texts in proptest::collection::vec(
                "(Anna|=1\\+1|@x|-2|＝3|[,;|\t\r\n\"' =+@-]|\u{feff}|\u{200b}){0,8}",
                3,
            )
        ) {
            for (kind, own) in [(FileKind::Csv, b','), (FileKind::CsvForExcel, b','), (FileKind::CsvWithSemicolons, b';')] {
                let [a, b, c] = &texts[..] else { unreachable!() };
                let row = [a, b].map(|text| Cell::text(text)).into_iter();
                let row = row.chain([Cell::Count(7), Cell::text(c)]).collect();
                let file = written(kind, row);
                let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&file);
                for separator in *b",;\t|" {
                    for cell in cells(file, separator) {
                        prop_assert!(!runs(&cell), "{:?} in {:?}", cell, String::from_utf8_lossy(file));
                    }
                }
                // By its own separator it holds what was typed, but for apostrophes.
                let read = cells(file, own);
                let bare = |text: &str| text.replace('\'', "");
                prop_assert_eq!(bare(&read[4]), bare(a));
                prop_assert_eq!(bare(&read[5]), bare(b));
                prop_assert_eq!(bare(&read[7]), bare(c));
            }
        }
    }

    #[test]
    fn an_address_that_begins_like_a_formula_begins_no_line_of_a_plain_text() {
        for (address, line) in [
            ("=1+1@x.org", "'=1+1@x.org\r\n"),
            ("+1@x.org", "'+1@x.org\r\n"),
            ("-1@x.org", "'-1@x.org\r\n"),
            ("@@x.org", "'@@x.org\r\n"),
            ("a|=b@x.org", "a|'=b@x.org\r\n"),
            ("a+1@x.org", "a+1@x.org\r\n"),
        ] {
            let file = written(FileKind::Lines, vec![Cell::text(address)]);
            assert_eq!(String::from_utf8_lossy(&file), line);
        }
    }

    #[test]
    fn a_buyer_who_types_the_other_separator_gets_no_formula_into_the_file() {
        for (kind, text, separator) in [
            (FileKind::Csv, "Anna;=1+1;", b';'),
            (FileKind::CsvForExcel, "Anna;=1+1;", b';'),
            (FileKind::CsvWithSemicolons, "Anna,=1+1,", b','),
        ] {
            let file = written(
                kind,
                vec![
                    Cell::text("AAAA1"),
                    Cell::text(text),
                    Cell::Count(1),
                    Cell::Amount(850, 2),
                ],
            );
            let read = cells(&file, separator);
            assert!(read.iter().any(|cell| cell == "'=1+1"), "{read:?}");
            assert!(!read.iter().any(|cell| runs(cell)), "{read:?}");
        }
    }
}
