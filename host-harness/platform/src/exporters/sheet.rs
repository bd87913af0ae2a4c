//! One sheet of a workbook, ready to be filtered, and to be printed.

use std::borrow::Cow;
use std::io::{self, BufWriter};

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use tempfile::SpooledTempFile;

use super::file::{Plan, WriteError, amount_text};
use super::table::Cell;

/// Width of a column, in characters: no less and no more, whatever is in it.
const MIN_WIDTH: usize = 6;
const MAX_WIDTH: usize = 48;
/// What the button of the filter takes of a heading.
const FILTER_BUTTON: usize = 4;
/// Most digits that a currency has.
const MAX_DIGITS: u32 = 4;
const A4: u8 = 9;
/// Most that a cell can hold, as Excel counts characters: in UTF-16.
const MOST_IN_CELL: usize = 32_767;
/// What a number's distance from the next column takes, in characters.
const INDENT: usize = 1;
/// Level of deflate: takes a fifth less time than the default, 6, for files of the same size.
const COMPRESSION: u8 = 5;

/// Unless there are few, rows leave memory as soon as the next one begins. Widths are those of the widest cells, which takes a
/// number a column and no second look at the rows.
pub(super) struct Sheet {
    workbook: Workbook,
    file: SpooledTempFile,
    next_row: u32,
    widths: Vec<usize>,
    /// What the cells of each column look like that name no format: like the first one.
    looks: Vec<Option<Look>>,
    formats: Formats,
}

/// What a cell looks like.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Text,
    Wrapped,
    Count,
    /// By digits of the currency.
    Amount(usize),
    Moment,
    Day,
}

struct Formats {
    text: Format,
    /// For text that is wider than its column may be.
    wrapped: Format,
    count: Format,
    /// By digits of the currency.
    amounts: Vec<Format>,
    moment: Format,
    day: Format,
}

impl Formats {
    fn new() -> Self {
        let number = |digits: u32| match digits {
            0 => "#,##0".to_owned(),
            digits => format!("#,##0.{}", "0".repeat(digits as usize)),
        };
        Self {
            text: top(),
            wrapped: top().set_text_wrap(),
            count: beside_text().set_num_format(number(0)),
            amounts: (0..=MAX_DIGITS)
                .map(|digits| beside_text().set_num_format(number(digits)))
                .collect(),
            moment: top().set_align(FormatAlign::Left).set_num_format("yyyy-mm-dd hh:mm:ss"),
            day: top().set_align(FormatAlign::Left).set_num_format("yyyy-mm-dd"),
        }
    }

    fn of(&self, look: Look) -> &Format {
        match look {
            Look::Text => &self.text,
            Look::Wrapped => &self.wrapped,
            Look::Count => &self.count,
            Look::Amount(digits) => &self.amounts[digits],
            Look::Moment => &self.moment,
            Look::Day => &self.day,
        }
    }
}

impl Sheet {
    /// `few`: all rows are in memory already.
    pub(super) fn new(plan: &Plan, file: SpooledTempFile, few: bool) -> Result<Self, WriteError> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
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
        sheet.set_landscape().set_paper_size(A4).set_print_fit_to_pages(1, 0);
        sheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3);
        sheet.set_repeat_rows(0, 0)?;
        sheet.set_footer("&L&A&R&P / &N");
        let heading = top().set_bold();
        for (i, column) in (0u16..).zip(&plan.columns) {
            sheet.write_string_with_format(0, i, &column.heading, &heading)?;
        }
        Ok(Self {
            workbook,
            file,
            next_row: 1,
            widths: plan
                .columns
                .iter()
                .map(|column| width(&column.heading) + FILTER_BUTTON)
                .collect(),
            looks: vec![None; plan.columns.len()],
            formats: Formats::new(),
        })
    }

    pub(super) fn row(&mut self, row: &[Cell]) -> Result<(), WriteError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        let at = self.next_row;
        self.next_row += 1;
        for (i, cell) in (0u16..).zip(row) {
            let wide = shown_width(cell);
            if let Some(width) = self.widths.get_mut(usize::from(i)) {
                *width = wide.max(*width);
            }
            let Some(look) = Look::of(cell, wide) else {
                continue;
            };
            // To find a format costs more than to write a cell, so a column has one, and cells that look like it name none. A
            // wrapped text is an exception in its column.
            let column = self.looks.get_mut(usize::from(i));
            let format = match column {
                Some(column) if *column == Some(look) => None,
                Some(column @ None) if look != Look::Wrapped => {
                    *column = Some(look);
                    sheet.set_column_format(i, self.formats.of(look))?;
                    None
                }
                _ => Some(self.formats.of(look)),
            };
            #[expect(clippy::cast_precision_loss, reason = "far under 2^53, as fixtures are checked")]
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => text_cell(sheet, (at, i), &fitting(text), format)?,
                Cell::Count(count) => number_cell(sheet, (at, i), *count as f64, format)?,
                Cell::Amount(minor, digits) => {
                    let digits = (*digits).min(MAX_DIGITS);
                    // Both are whole numbers, so that the quotient is the nearest number that there is.
                    let amount = *minor as f64 / 10f64.powi(digits.cast_signed());
                    number_cell(sheet, (at, i), amount, format)?;
                }
                Cell::Moment(moment, _) => moment_cell(sheet, (at, i), &excel(*moment)?, format)?,
                Cell::Day(day) => moment_cell(sheet, (at, i), &excel_day(*day)?, format)?,
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<SpooledTempFile, WriteError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        #[expect(clippy::cast_precision_loss, reason = "at most MAX_WIDTH")]
        for (i, width) in (0u16..).zip(&self.widths) {
            sheet.set_column_width(i, (*width).clamp(MIN_WIDTH, MAX_WIDTH) as f64 + 1.0)?;
        }
        if let Some(last) = u16::try_from(self.widths.len())
            .ok()
            .and_then(|columns| columns.checked_sub(1))
        {
            sheet.autofilter(0, 0, self.next_row - 1, last)?;
        }
        let mut buffered = BufWriter::with_capacity(64 * 1024, self.file);
        self.workbook.save_to_writer(&mut buffered)?;
        Ok(buffered.into_inner().map_err(io::IntoInnerError::into_error)?)
    }
}

impl Look {
    /// That of a cell which is so wide; `None`: there is nothing to see.
    fn of(cell: &Cell, wide: usize) -> Option<Self> {
        Some(match cell {
            Cell::Empty => return None,
            Cell::Text(text) if wide > MAX_WIDTH || text.contains('\n') => Self::Wrapped,
            Cell::Text(_) => Self::Text,
            Cell::Count(_) => Self::Count,
            Cell::Amount(_, digits) => Self::Amount((*digits).min(MAX_DIGITS) as usize),
            Cell::Moment(..) => Self::Moment,
            Cell::Day(_) => Self::Day,
        })
    }
}

/// Writes a text as a text, whatever it begins with; in the format of its column unless another one is given, as the following do.
fn text_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    text: &str,
    format: Option<&Format>,
) -> Result<(), XlsxError> {
    match format {
        Some(format) => sheet.write_string_with_format(row, column, text, format)?,
        None => sheet.write_string(row, column, text)?,
    };
    Ok(())
}

fn number_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    number: f64,
    format: Option<&Format>,
) -> Result<(), XlsxError> {
    match format {
        Some(format) => sheet.write_number_with_format(row, column, number, format)?,
        None => sheet.write_number(row, column, number)?,
    };
    Ok(())
}

fn moment_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    moment: &ExcelDateTime,
    format: Option<&Format>,
) -> Result<(), XlsxError> {
    match format {
        Some(format) => sheet.write_datetime_with_format(row, column, moment, format)?,
        None => sheet.write_datetime(row, column, moment)?,
    };
    Ok(())
}

/// As much of a text as a cell can hold, with an ellipsis at its end where that is not all: one long text must not cost all rows.
fn fitting(text: &str) -> Cow<'_, str> {
    // No character takes more of UTF-16 than it takes bytes.
    if text.len() <= MOST_IN_CELL || text.encode_utf16().count() <= MOST_IN_CELL {
        return Cow::Borrowed(text);
    }
    let mut room = MOST_IN_CELL - 1;
    let fits = |c: &char| match room.checked_sub(c.len_utf16()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    Cow::Owned(cut)
}

/// Beside a text of several lines, a cell stands at its first.
fn top() -> Format {
    Format::new().set_align(FormatAlign::Top)
}

/// A number ends a little before the text of the next column begins.
fn beside_text() -> Format {
    top().set_align(FormatAlign::Right).set_indent(1)
}

/// How wide a cell is as it is shown, in characters.
fn shown_width(cell: &Cell) -> usize {
    let grouped = |digits: usize| digits + digits.saturating_sub(1) / 3;
    match cell {
        Cell::Empty => 0,
        Cell::Text(text) => text.lines().map(width).max().unwrap_or(0),
        Cell::Count(count) => grouped(count.to_string().len()) + INDENT,
        Cell::Amount(minor, digits) => {
            let text = amount_text(*minor, *digits, '.');
            let whole = text.find('.').unwrap_or(text.len());
            grouped(whole) + text.len() - whole + INDENT
        }
        Cell::Moment(..) => "2026-10-27 04:00:00".len(),
        Cell::Day(_) => "2026-10-27".len(),
    }
}

/// Characters of scripts that are drawn in squares count twice.
fn width(text: &str) -> usize {
    let of = |c: char| match c {
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
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
    use std::io::{Cursor, Read, Seek};

    use calamine::{Reader, Xlsx, open_workbook_from_rs};

    use super::super::file::FileKind;
    use super::super::table::Column;
    use super::*;

    fn plan(headings: &[&str]) -> Plan {
        Plan {
            kind: FileKind::Xlsx,
            title: "Order list",
            columns: headings.iter().map(|heading| Column::new(*heading)).collect(),
            decimal_comma: false,
            made: 0,
            most_rows: 10,
            folder: std::env::temp_dir(),
        }
    }

    fn bytes(sheet: Sheet) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = sheet.finish().expect("a file");
        file.rewind().expect("the beginning");
        file.read_to_end(&mut bytes).expect("its bytes");
        bytes
    }

    #[test]
    fn a_cell_that_differs_from_the_others_of_its_column_has_a_format_of_its_own() {
        for few in [true, false] {
            let file = tempfile::spooled_tempfile(1 << 20);
            let mut sheet = Sheet::new(&plan(&["Name", "Total"]), file, few).expect("a sheet");
            let long = "Long name ".repeat(24);
            for (text, amount) in [
                (long.as_str(), Cell::Empty),
                ("Ann", Cell::Amount(500, 2)),
                (long.as_str(), Cell::Amount(500, 0)),
                ("Bob", Cell::Amount(700, 2)),
                ("", Cell::Count(1)),
            ] {
                sheet.row(&[Cell::text(text), amount]).expect("a row");
            }
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes(sheet))).expect("an archive");
            let mut part = String::new();
            let mut entry = archive.by_name("xl/worksheets/sheet1.xml").expect("the sheet");
            entry.read_to_string(&mut part).expect("text");
            let format = |cell: &str| -> u32 {
                let found = part.split(&format!("<c r=\"{cell}\" s=\"")).nth(1);
                let found = found.and_then(|rest| rest.split('"').next());
                found.map_or(0, |format| format.parse().expect("a number"))
            };
            let cells = ["A2", "A3", "A4", "A5", "B3", "B4", "B5", "B6"].map(format);
            let [wrapped, text, again, same, amount, whole, alike, count] = cells;
            assert!(!cells.contains(&0), "{cells:?}: {part}");
            assert_eq!((wrapped, text, amount), (again, same, alike), "{part}");
            assert!(wrapped != text && text != amount && amount != whole, "{part}");
            assert_eq!(whole, count, "as numbers without digits after the point: {part}");
            assert_eq!(format("B2"), 0, "nothing is there: {part}");
        }
    }

    #[test]
    fn a_text_that_no_cell_can_hold_is_cut_with_an_ellipsis_and_the_rows_around_it_are_there() {
        let wide = "𝄞".repeat(16_384);
        let texts = [
            ("a".repeat(32_767), "a".repeat(32_767)),
            ("a".repeat(32_768), format!("{}…", "a".repeat(32_766))),
            ("a\n".repeat(20_000), format!("{}…", "a\n".repeat(16_383))),
            (wide, format!("{}…", "𝄞".repeat(16_383))),
            ("after".to_owned(), "after".to_owned()),
        ];
        for few in [true, false] {
            let file = tempfile::spooled_tempfile(1 << 20);
            let mut sheet = Sheet::new(&plan(&["Name"]), file, few).expect("a sheet");
            for (text, _) in &texts {
                sheet.row(&[Cell::Text(text.clone())]).expect("a row");
            }
            let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes(sheet))).expect("a workbook");
            let range = book.worksheet_range("Order list").expect("the sheet");
            let read: Vec<String> = range.rows().skip(1).map(|row| row[0].to_string()).collect();
            for (read, (_, expected)) in read.iter().zip(&texts) {
                assert!(read == expected, "{} characters for {}", read.len(), expected.len());
            }
            assert_eq!(read.len(), texts.len());
        }
    }

    #[test]
    fn a_cell_is_as_wide_as_what_is_shown() {
        for (cell, wide) in [
            (Cell::Empty, 0),
            (Cell::Text("Müller".into()), 6),
            (Cell::Text("one\nlonger\n".into()), 6),
            (Cell::Text("注文".into()), 4),
            (Cell::Count(1_234_567), "1,234,567 ".len()),
            (Cell::Amount(123_456_789, 2), "1,234,567.89 ".len()),
            (Cell::Amount(1500, 0), "1,500 ".len()),
            (Cell::Amount(-1000, 2), "-10.00 ".len()),
            (Cell::Day(NaiveDate::default()), 10),
        ] {
            assert_eq!(shown_width(&cell), wide, "{cell:?}");
        }
    }
}
