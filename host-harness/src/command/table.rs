//! Text in columns.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Rows under headings, each column as wide as its widest cell; the last one is left ragged.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&headings)
        .chain(rows)
        .map(|row| row.iter().map(|cell| visible(cell)).collect())
        .collect();
    let mut widths = vec![0; headings.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| padded(cell, *width))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Names and values below each other; further lines of a value are indented like its first.
pub fn pairs(rows: &[(String, String)]) -> String {
    let names: Vec<String> = rows.iter().map(|(name, _)| visible(name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, (_, value)) in names.iter().zip(rows) {
        let mut name = name.as_str();
        // A value without lines is shown as an empty one.
        for line in value.lines().chain(value.is_empty().then_some("")) {
            let line = format!("{}  {}", padded(name, width), visible(line));
            let _ = writeln!(text, "{}", line.trim_end());
            name = "";
        }
    }
    text
}

fn padded(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())))
}

/// The text with line breaks and other control characters as spaces, and characters that change the direction of a line by code
/// point: texts of other users must not move the cursor of a terminal or swap what is read.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
            }
            '\u{2028}' | '\u{2029}' => shown.push(' '),
            _ if character.is_control() => shown.push(' '),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_on_a_terminal() {
        let rows = vec![vec!["ä".into(), "long cell".into()], vec!["bbb".into(), "c".into()]];
        assert_eq!(table(&["x", "y"], &rows), "x    y\nä    long cell\nbbb  c\n");
        // Two columns each, and one for a letter with its accent.
        let rows = vec![vec!["東京".into(), "1".into()], vec!["e\u{301}".into(), "2".into()]];
        assert_eq!(table(&["x", "y"], &rows), "x     y\n東京  1\ne\u{301}     2\n");
    }

    #[test]
    fn lines_of_a_value_begin_below_each_other() {
        let rows = [("text".into(), "one\n\ntwo".into()), ("cc".into(), String::new())];
        assert_eq!(pairs(&rows), "text  one\n\n      two\ncc\n");
    }

    #[test]
    fn no_text_moves_the_cursor_or_turns_a_line_around() {
        let rows = vec![vec!["\u{1b}[2Jgone\r\n".into(), "a\u{202e}b".into()]];
        assert_eq!(table(&["x", "y"], &rows), "x           y\n [2Jgone    a⟨U+202E⟩b\n");
    }
}
