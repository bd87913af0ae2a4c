//! What is in the cells of a file: numbers, dates and texts as such, and as spreadsheets of other countries read them.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};

use super::*;

on_both! {
    the_sheet_says_what_the_csv_says_with_numbers_and_dates_as_such,
    a_sheet_has_bold_frozen_headings_formats_and_no_formula,
    a_sheet_can_be_filtered_and_fits_the_width_of_a_page_across,
    amounts_have_the_digits_of_their_currency_and_a_refund_its_sign,
    a_german_file_with_semicolons_is_read_by_a_german_spreadsheet,
    one_instant_in_three_zones_is_told_apart_by_its_offsets,
}

fn sheet_rows(file: &[u8]) -> Vec<Vec<Data>> {
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(file)).expect("a workbook");
    let range = book.worksheet_range_at(0).expect("a sheet").expect("readable");
    range.rows().map(<[Data]>::to_vec).collect()
}

fn part(file: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).expect("an archive");
    let mut text = String::new();
    archive
        .by_name(name)
        .expect("a part")
        .read_to_string(&mut text)
        .expect("text");
    text
}

async fn the_sheet_says_what_the_csv_says_with_numbers_and_dates_as_such(on: On) {
    let world = World::of(on, SMALL).await;
    for exporter in all().filter(|exporter| exporter.identifier() != "mailaddresses") {
        for at in ["bigevents/sampleconf", "bigevents"] {
            if at == "bigevents" && !exporter.across_events() {
                continue;
            }
            let text = job(at, exporter.identifier(), json!({"_format": "default"}));
            let text = csv_rows(&bytes(&world, &text).await, b',');
            let produced = world
                .platform
                .produce(&job(at, exporter.identifier(), json!({})))
                .await
                .expect("a file");
            assert_eq!(produced.facts.rows, Some(text.len() as u64 - 1));
            let sheet = sheet_rows(&content(produced));
            assert_eq!(sheet.len(), text.len());
            for (cells, texts) in sheet.iter().zip(&text) {
                for (cell, text) in cells.iter().zip(texts) {
                    let shown = match cell {
                        Data::Empty => String::new(),
                        Data::String(shown) => shown.clone(),
                        Data::Float(number) if text.contains('.') => {
                            let digits = text.len() - 1 - text.find('.').expect("a point");
                            format!("{number:.digits$}")
                        }
                        Data::Float(number) => number.to_string(),
                        Data::DateTime(at) => {
                            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
                            let shown = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
                            shown[..text.len()].to_owned()
                        }
                        other => panic!("{other:?} in {}", exporter.identifier()),
                    };
                    let marked = text.strip_prefix('\'').unwrap_or(text);
                    assert_eq!(shown, marked, "{}", exporter.identifier());
                }
            }
        }
    }
}

async fn a_sheet_has_bold_frozen_headings_formats_and_no_formula(on: On) {
    let world = World::of(on, SMALL).await;
    let produced = world
        .platform
        .produce(&job("bigevents/sampleconf", "orderlist", json!({})))
        .await
        .expect("a file");
    let file = content(produced);
    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    assert!(
        sheet.contains("<pane ySplit=\"1\"") && sheet.contains("state=\"frozen\""),
        "{sheet}"
    );
    assert!(!sheet.contains("<f>"), "{sheet}");
    assert!(part(&file, "xl/sharedStrings.xml").contains("=HYPERLINK("), "as text");
    let styles = part(&file, "xl/styles.xml");
    assert!(
        styles.contains("<b/>") && styles.contains("yyyy-mm-dd hh:mm:ss"),
        "{styles}"
    );
    assert!(part(&file, "xl/workbook.xml").contains("name=\"Order list\""));
    let rows = sheet_rows(&file);
    assert!(
        matches!(rows[1][6], Data::Float(total) if (total - 98.0).abs() < 1e-9),
        "{:?}",
        rows[1]
    );
    assert!(matches!(rows[1][4], Data::DateTime(_)), "{:?}", rows[1]);
    let again = bytes(&world, &job("bigevents/sampleconf", "orderlist", json!({}))).await;
    assert_eq!(again, file, "the same rows make the same file");
}

async fn a_sheet_can_be_filtered_and_fits_the_width_of_a_page_across(on: On) {
    let mut fixture: Value = serde_json::from_str(SMALL).expect("JSON");
    fixture["orders"][0]["name"] = json!("x".repeat(40));
    fixture["orders"][1]["name"] = json!("Long name ".repeat(24));
    // Few rows are written in another way than many.
    let mut many = fixture.clone();
    many["orders_generated"] = json!([{"organizer": "bigevents", "event": "sampleconf", "count": 2_000,
        "from": "2026-03-01T00:00:00Z", "to": "2026-10-01T00:00:00Z", "seed": 1}]);
    for (fixture, rows) in [(fixture, 5), (many, 2_005)] {
        let world = World::of(on, &fixture.to_string()).await;
        let file = bytes(&world, &job("bigevents/sampleconf", "orderlist", json!({}))).await;
        let sheet = part(&file, "xl/worksheets/sheet1.xml");
        for words in [
            "<pageSetUpPr fitToPage=\"1\"/>",
            "orientation=\"landscape\"",
            "fitToHeight=\"0\"",
            "paperSize=\"9\"",
            &format!("<autoFilter ref=\"A1:H{rows}\"/>"),
        ] {
            assert!(sheet.contains(words), "{words}: {}", &sheet[sheet.len() - 600..]);
        }
        let names = part(&file, "xl/workbook.xml");
        assert!(
            names.contains("'Order list'!$1:$1"),
            "the headings are on each page: {names}"
        );
        let widths: Vec<f64> = sheet
            .split("<col ")
            .skip(1)
            .map(|column| column.split("width=\"").nth(1).expect("a width"))
            .map(|width| width.split('"').next().expect("a number").parse().expect("a number"))
            .collect();
        let of_code = "Order code".len() as f64;
        assert!((of_code..of_code + 6.0).contains(&widths[0]), "{widths:?}");
        assert!((19.0..22.0).contains(&widths[4]), "a date with its time: {widths:?}");
        assert!(
            (40.0..50.0).contains(&widths[2]),
            "no wider, whatever is in it: {widths:?}"
        );
        let styles = part(&file, "xl/styles.xml");
        assert!(styles.contains("wrapText=\"1\""), "{styles}");
        assert!(styles.contains("formatCode=\"#,##0.00\""), "{styles}");
    }
}

/// One event for each currency, in its zone, with the orders given.
fn currencies(events: &[(&str, &str, &str, &str)]) -> Value {
    let mut fixture: Value = serde_json::from_str(SMALL).expect("JSON");
    fixture["orders"] = json!([]);
    let list = |value: &mut Value, entry: Value| value.as_array_mut().expect("a list").push(entry);
    for (number, (slug, zone, currency, total)) in events.iter().enumerate() {
        let event = json!({"organizer": "bigevents", "slug": slug, "name": slug, "timezone": zone, "currency": currency,
            "starts": "2026-11-02T09:00:00Z", "ends": "2026-11-04T18:00:00Z"});
        list(&mut fixture["events"], event);
        let order = json!({"organizer": "bigevents", "event": slug, "code": format!("C{number}"), "email": "a@example.com",
            "name": "Anna", "status": "paid", "placed": "2026-10-25T00:30:00Z", "total": total, "positions": [
                {"product": "Ticket", "price": total, "attendee_name": "", "attendee_email": "",
                 "checked_in": "2026-11-02T10:00:00Z"}]});
        list(&mut fixture["orders"], order);
    }
    fixture
}

async fn amounts_have_the_digits_of_their_currency_and_a_refund_its_sign(on: On) {
    let fixture = currencies(&[
        ("yen", "Asia/Tokyo", "JPY", "1500"),
        ("dinar", "Asia/Kuwait", "KWD", "1.250"),
        ("refund", "Europe/Berlin", "EUR", "-10.00"),
        ("large", "Europe/Berlin", "EUR", "1234567.8"),
        ("yenback", "Asia/Tokyo", "JPY", "-1500"),
    ]);
    let world = World::of(on, &fixture.to_string()).await;
    for (exporter, index, event_index) in [("orderlist", 8, 0), ("orderpositions", 8, 0), ("dailysales", 5, 0)] {
        for (format, separator, shown) in [
            ("default", b',', ["1500", "1.250", "-10.00", "1234567.80", "-1500"]),
            ("semicolon", b';', ["1500", "1,250", "-10,00", "1234567,80", "-1500"]),
        ] {
            let mut export = job("bigevents", exporter, json!({"_format": format}));
            export.language = if format == "semicolon" { "de" } else { "en" }.into();
            let rows = csv_rows(&bytes(&world, &export).await, separator);
            for (event, amount) in ["yen", "dinar", "refund", "large", "yenback"].iter().zip(shown) {
                let row = rows.iter().find(|row| row[event_index] == **event).expect("a row");
                assert_eq!(row[index], amount, "{exporter} {row:?}");
            }
        }
        let file = bytes(&world, &job("bigevents", exporter, json!({}))).await;
        let sheet = sheet_rows(&file);
        for (event, amount) in [
            ("yen", 1500.0),
            ("dinar", 1.25),
            ("refund", -10.0),
            ("large", 1_234_567.8),
        ] {
            let row = sheet
                .iter()
                .find(|row| row[0] == Data::String(event.into()))
                .expect("a row");
            assert_eq!(row[index], Data::Float(amount), "{exporter} {row:?}");
        }
        let styles = part(&file, "xl/styles.xml");
        for format in ["#,##0", "#,##0.00", "#,##0.000"] {
            assert!(styles.contains(&format!("formatCode=\"{format}\"")), "{styles}");
        }
    }
}

async fn a_german_file_with_semicolons_is_read_by_a_german_spreadsheet(on: On) {
    let world = World::of(on, SMALL).await;
    for (language, format, marked, amount) in [
        ("de", "semicolon", true, "98,00"),
        ("de-AT", "semicolon", true, "98,00"),
        ("en", "semicolon", true, "98.00"),
        ("de", "default", false, "98.00"),
        ("de", "excel", true, "98.00"),
    ] {
        let mut export = job("bigevents/sampleconf", "orderlist", json!({"_format": format}));
        export.language = language.into();
        let file = bytes(&world, &export).await;
        assert_eq!(file.starts_with("\u{feff}".as_bytes()), marked, "{language} {format}");
        let rows = csv_rows(&file, if format == "semicolon" { b';' } else { b',' });
        assert_eq!(rows[1][6], amount, "{language} {format}");
        assert_eq!(rows[1].len(), 8, "{language} {format}");
    }
}

async fn one_instant_in_three_zones_is_told_apart_by_its_offsets(on: On) {
    let fixture = currencies(&[
        ("berlin", "Europe/Berlin", "EUR", "1.00"),
        ("newyork", "America/New_York", "USD", "1.00"),
        ("kathmandu", "Asia/Kathmandu", "USD", "1.00"),
    ]);
    let world = World::of(on, &fixture.to_string()).await;
    let expected = [
        (
            "berlin",
            "2026-10-25 02:30:00",
            "UTC+02:00",
            "2026-11-02 11:00:00",
            "UTC+01:00",
        ),
        (
            "newyork",
            "2026-10-24 20:30:00",
            "UTC-04:00",
            "2026-11-02 05:00:00",
            "UTC-05:00",
        ),
        (
            "kathmandu",
            "2026-10-25 06:15:00",
            "UTC+05:45",
            "2026-11-02 15:45:00",
            "UTC+05:45",
        ),
    ];
    let export = job("bigevents", "orderpositions", json!({"_format": "default"}));
    let rows = csv_rows(&bytes(&world, &export).await, b',');
    let at = |heading: &str| rows[0].iter().position(|one| one == heading).expect("a column");
    let headings = [
        "Order date",
        "Order date (UTC offset)",
        "Checked in",
        "Checked in (UTC offset)",
    ]
    .map(at);
    for (event, placed, placed_offset, came, came_offset) in expected {
        let row = rows.iter().find(|row| row[0] == event).expect("a row");
        let shown = headings.map(|index| row[index].as_str());
        assert_eq!(shown, [placed, placed_offset, came, came_offset]);
    }
    // One event has one zone: nothing is added.
    let alone = job("bigevents/berlin", "orderlist", json!({"_format": "default"}));
    let rows = csv_rows(&bytes(&world, &alone).await, b',');
    assert!(!rows[0].iter().any(|heading| heading.contains("UTC")), "{rows:?}");
}
