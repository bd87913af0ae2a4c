//! Lists in `docs/` match the plugin.

use chrono::NaiveDate;
use plugin::named_range::{NAMED_RANGES, resolve, text};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
const BEGIN: &str = "the_api_page_lists_every_named_range -->\n";
const END: &str = "<!-- End of what is generated. -->";

/// `UPDATE_DOCS=1` regenerates the table.
#[test]
fn the_api_page_lists_every_named_range() {
    let due = NaiveDate::from_ymd_opt(2026, 10, 28).expect("a day");
    let mut table = String::from("| named range | first day | last day |\n| --- | --- | --- |\n");
    for name in NAMED_RANGES {
        let range = text(resolve(name, due).expect("a range"));
        let (first, last) = range.split_once('/').expect("two sides");
        let side = |day: &str| {
            if day.is_empty() {
                "no limit".to_owned()
            } else {
                day.to_owned()
            }
        };
        table += &format!("| `{name}` | {} | {} |\n", side(first), side(last));
    }
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (shown, after) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(
        shown, table,
        "docs/api.md does not list what the code has: UPDATE_DOCS=1 cargo test -p plugin --test documents"
    );
}
