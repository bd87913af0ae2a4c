//! Every exporter in every format, read back: against golden files, a window of days, the owner's rights and hard input.
//!
//! `tests/data/exports/README.md` says what the small world is made of. With `BLESS=1` the golden files are written anew.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek};
use std::path::PathBuf;

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
use futures_util::FutureExt;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::*;
use crate::tests::{BIGEVENTS, NOW, On, World, on_both, scope};

const SMALL: &str = include_str!("../../../../tests/data/exports/world.json");
/// Formats of tables.
const TABLES: [&str; 4] = ["xlsx", "default", "excel", "semicolon"];

on_both! {
    every_exporter_makes_its_golden_files_in_every_text_format,
    the_sheet_says_what_the_csv_says_with_numbers_and_dates_as_such,
    a_sheet_has_bold_frozen_headings_formats_and_no_formula,
    a_sheet_can_be_filtered_and_fits_the_width_of_a_page_across,
    amounts_have_the_digits_of_their_currency_and_a_refund_its_sign,
    a_german_file_with_semicolons_is_read_by_a_german_spreadsheet,
    one_instant_in_three_zones_is_told_apart_by_its_offsets,
    files_are_named_after_exporter_place_and_local_day_of_the_due_time,
    days_are_those_of_the_events_own_clock_and_both_ends_are_included,
    a_window_agrees_with_a_count_by_hand_over_made_up_orders,
    options_of_the_other_exporters_count,
    an_address_is_listed_once_in_whatever_case_and_alphabet_it_is_written,
    an_export_holds_what_its_owner_may_read_at_that_moment,
    a_form_that_does_not_fit_says_which_field,
    a_large_export_has_all_rows_in_every_format,
    an_export_that_is_dropped_leaves_no_file_and_gives_its_turn_back,
    a_disk_that_cannot_be_written_may_work_later,
}

fn job(at: &str, exporter: &str, form: Value) -> ExportJob {
    ExportJob {
        owner: "u1".into(),
        scope: scope(at),
        exporter: exporter.into(),
        form,
        language: "en".into(),
        zone: "Europe/Berlin".into(),
        now: NOW,
    }
}

async fn bytes(world: &World, job: &ExportJob) -> Vec<u8> {
    content(world.platform.produce(job).await.expect("a file"))
}

fn content(produced: Produced) -> Vec<u8> {
    let bytes = match produced.file {
        SpooledData::InMemory(bytes) => bytes.into_inner(),
        SpooledData::OnDisk(mut file) => {
            let mut bytes = Vec::new();
            file.rewind().expect("a file");
            file.read_to_end(&mut bytes).expect("readable");
            bytes
        }
    };
    assert_eq!(produced.facts.size, bytes.len() as u64);
    bytes
}

async fn refusal(world: &World, job: &ExportJob) -> ExportError {
    world.platform.produce(job).await.expect_err("no file")
}

/// Rows of a CSV file, the headings first.
fn csv_rows(bytes: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .from_reader(bytes);
    reader
        .records()
        .map(|record| record.expect("CSV").iter().map(str::to_owned).collect())
        .collect()
}

/// The values of one column, headings left out.
async fn column(world: &World, job: &ExportJob, index: usize) -> Vec<String> {
    let rows = csv_rows(&bytes(world, job).await, b',');
    rows.into_iter().skip(1).map(|mut row| row.swap_remove(index)).collect()
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

fn golden(exporter: &str, name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/exports")
        .join(exporter)
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(&path, bytes).expect("writable");
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&expected),
        "{}",
        path.display()
    );
}

async fn every_exporter_makes_its_golden_files_in_every_text_format(on: On) {
    let world = World::of(on, SMALL).await;
    for exporter in all() {
        let formats: &[&str] = if exporter.identifier() == "mailaddresses" {
            &["csv", "txt"]
        } else {
            &TABLES[1..]
        };
        for format in formats {
            let extension = if *format == "txt" { "txt" } else { "csv" };
            let form = json!({"_format": format});
            let at_event = job("bigevents/sampleconf", exporter.identifier(), form.clone());
            golden(
                exporter.identifier(),
                &format!("event-{format}.{extension}"),
                &bytes(&world, &at_event).await,
            );
            if exporter.across_events() {
                let mut across = job("bigevents", exporter.identifier(), form);
                across.language = "de".into();
                golden(
                    exporter.identifier(),
                    &format!("all-german-{format}.{extension}"),
                    &bytes(&world, &across).await,
                );
            }
        }
    }
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

async fn files_are_named_after_exporter_place_and_local_day_of_the_due_time(on: On) {
    let world = World::of(on, SMALL).await;
    let mut at_event = job("bigevents/sampleconf", "orderlist", json!({}));
    at_event.now = 1_793_143_800; // 2026-10-27T23:30:00Z
    let named = world.platform.produce(&at_event).await.expect("a file").facts;
    assert_eq!(named.name, "bigevents_sampleconf_orderlist_2026-10-28.xlsx");
    assert_eq!(
        named.content_type,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    );
    let across = job("bigevents", "mailaddresses", json!({"_format": "txt"}));
    let named = world.platform.produce(&across).await.expect("a file").facts;
    assert_eq!(named.name, "bigevents_all_mailaddresses_2026-10-27.txt");
    assert_eq!(named.content_type, "text/plain; charset=utf-8");
}

async fn days_are_those_of_the_events_own_clock_and_both_ends_are_included(on: On) {
    let world = World::of(on, SMALL).await;
    let codes = |at: &'static str, range: &'static str| {
        let job = job(at, "orderlist", json!({"_format": "default", "date_range": range}));
        let index = usize::from(!at.contains('/'));
        let world = &world;
        async move { column(world, &job, index).await }
    };
    // AAAA2 was placed at 23:30 UTC: in Berlin the 21st had begun.
    assert_eq!(codes("bigevents/sampleconf", "2026-10-20/2026-10-20").await, ["AAAA1"]);
    assert_eq!(codes("bigevents/sampleconf", "2026-10-21/2026-10-21").await, ["AAAA2"]);
    // BBBB1 was placed at 03:30 UTC, before midnight in New York; BBBB2 at midnight there.
    assert_eq!(codes("bigevents", "2026-10-20/2026-10-20").await, ["AAAA1", "BBBB1"]);
    assert_eq!(codes("bigevents", "2026-10-21/2026-10-21").await, ["AAAA2", "BBBB2"]);
    // The 25th has 25 hours in Berlin; both orders fell on 02:30, an hour apart.
    assert_eq!(codes("bigevents/sampleconf", "2026-10-25/").await, ["AAAA3", "AAAA4"]);
    assert_eq!(codes("bigevents/sampleconf", "/2026-10-20").await, ["AAAA1"]);
    assert_eq!(codes("bigevents/sampleconf", "/").await.len(), 4);
    let addresses = job(
        "bigevents",
        "mailaddresses",
        json!({"date_range": "2026-10-21/2026-10-21"}),
    );
    assert_eq!(
        column(&world, &addresses, 0).await,
        ["late@example.com", "Zoe@example.com"]
    );
    let nothing = job("bigevents", "orderlist", json!({"date_range": "2026-10-22/2026-10-24"}));
    assert_eq!(refusal(&world, &nothing).await, ExportError::NothingToExport);
}

async fn a_window_agrees_with_a_count_by_hand_over_made_up_orders(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let all = job("bigevents/sampleconf", "orderlist", json!({"_format": "default"}));
    let all = csv_rows(&bytes(&world, &all).await, b',');
    let fits = |row: &&Vec<String>| row[4].as_str() >= "2026-06-01" && row[4].as_str() < "2026-07-01";
    let june: Vec<_> = all[1..].iter().filter(fits).cloned().collect();
    let paid: Vec<_> = june.iter().filter(|row| row[3] == "Paid").cloned().collect();
    assert!(june.len() > paid.len() && !paid.is_empty());
    let form = json!({"_format": "semicolon", "date_range": "2026-06-01/2026-06-30"});
    let found = csv_rows(
        &bytes(&world, &job("bigevents/sampleconf", "orderlist", form)).await,
        b';',
    );
    assert_eq!(found[1..], june);
    let form = json!({"_format": "default", "date_range": "2026-06-01/2026-06-30", "paid_only": true});
    let found = csv_rows(
        &bytes(&world, &job("bigevents/sampleconf", "orderlist", form)).await,
        b',',
    );
    assert_eq!(found[1..], paid);

    let form = json!({"_format": "default", "date_range": "2026-06-01/2026-06-30"});
    let positions = csv_rows(
        &bytes(&world, &job("bigevents/sampleconf", "orderpositions", form.clone())).await,
        b',',
    );
    let ordered: usize = june.iter().map(|row| row[5].parse::<usize>().expect("a number")).sum();
    assert_eq!(positions.len() - 1, ordered);
    let mut sums: BTreeMap<(String, String, String), (u64, Decimal)> = BTreeMap::new();
    for row in &positions[1..] {
        let key = (row[4][..10].to_owned(), row[5].clone(), row[3].clone());
        let sum = sums.entry(key).or_default();
        sum.0 += 1;
        sum.1 += row[6].parse::<Decimal>().expect("a decimal");
    }
    let sales = csv_rows(
        &bytes(&world, &job("bigevents/sampleconf", "dailysales", form)).await,
        b',',
    );
    assert_eq!(sales.len() - 1, sums.len());
    for row in &sales[1..] {
        let key = (row[0].clone(), row[1].clone(), row[2].clone());
        assert_eq!(
            format!("{} {}", row[3], row[4]),
            format!("{} {}", sums[&key].0, sums[&key].1),
            "{key:?}"
        );
    }
}

async fn options_of_the_other_exporters_count(on: On) {
    let world = World::of(on, SMALL).await;
    let attendees = job("bigevents", "mailaddresses", json!({"attendees": true}));
    let expected = [
        "anna@example.com",
        "ben@example.com",
        "bob@example.net",
        "late@example.com",
        "Zoe@example.com",
    ];
    assert_eq!(column(&world, &attendees, 0).await, expected);
    let paid = job("bigevents", "mailaddresses", json!({"paid_only": true}));
    assert_eq!(column(&world, &paid, 0).await, ["anna@example.com", "zoe@example.com"]);
    let let_in = job(
        "bigevents/sampleconf",
        "checkinlist",
        json!({"_format": "default", "paid_only": true}),
    );
    assert_eq!(
        column(&world, &let_in, 0).await,
        ["Anna Müller", "Dörte", "Smith, \"Bob\""]
    );
    let sold = job(
        "bigevents/sampleconf",
        "dailysales",
        json!({"_format": "default", "statuses": ["pending", "canceled"]}),
    );
    assert_eq!(column(&world, &sold, 2).await, ["Pending", "Canceled"]);
}

async fn an_address_is_listed_once_in_whatever_case_and_alphabet_it_is_written(on: On) {
    let mut fixture: Value = serde_json::from_str(SMALL).expect("JSON");
    let orders = fixture["orders"].as_array_mut().expect("orders");
    orders.truncate(4);
    // Those of one order were given at the same moment.
    for (order, (email, attendee)) in orders.iter_mut().zip([
        ("Ärger@example.com", "ärger@example.com"),
        ("zoe@example.com", "ZOE@example.com"),
        ("zora@example.com", ""),
        ("ÄRGER@example.com", "Zora@EXAMPLE.com"),
    ]) {
        order["email"] = email.into();
        order["positions"].as_array_mut().expect("positions").truncate(1);
        order["positions"][0]["attendee_email"] = attendee.into();
    }
    let world = World::of(on, &fixture.to_string()).await;
    let all = job("bigevents", "mailaddresses", json!({"attendees": true}));
    let once = ["ZOE@example.com", "zora@example.com", "Ärger@example.com"];
    assert_eq!(column(&world, &all, 0).await, once);
}

async fn an_export_holds_what_its_owner_may_read_at_that_moment(on: On) {
    let world = World::of(on, SMALL).await;
    let events = |owner: &str, form: Value| {
        let mut job = job("bigevents", "orderlist", form);
        job.owner = owner.into();
        let world = &world;
        async move {
            let mut names = column(world, &job, 0).await;
            names.dedup();
            names
        }
    };
    assert_eq!(
        events("u1", json!({"_format": "default"})).await,
        ["Sample Conf", "Summer Fest"]
    );
    assert_eq!(
        events("u1", json!({"_format": "default", "events": ["summerfest"]})).await,
        ["Summer Fest"]
    );
    assert_eq!(
        events("u2", json!({"_format": "default", "all_events": true})).await,
        ["Sample Conf"]
    );
    let both = json!({"_format": "default", "events": ["summerfest", "sampleconf", "gone"]});
    assert_eq!(events("u2", both).await, ["Sample Conf"], "lost ones are skipped");

    for (owner, at, exporter, form) in [
        ("u2", "bigevents", "orderlist", json!({"events": ["summerfest"]})),
        ("u2", "bigevents/summerfest", "orderlist", json!({})),
        ("u3", "bigevents/sampleconf", "orderlist", json!({})),
        ("u9", "bigevents/sampleconf", "orderlist", json!({})),
        ("u1", "bigevents", "checkinlist", json!({})),
        ("u1", "bigevents/sampleconf", "no-such", json!({})),
        ("u1", "bigevents/nothing", "orderlist", json!({})),
    ] {
        let mut job = job(at, exporter, form);
        job.owner = owner.into();
        assert_eq!(
            refusal(&world, &job).await,
            ExportError::NotAllowed,
            "{owner} {at} {exporter}"
        );
    }
    world.platform.set_user_active("u1", false).await.expect("is there");
    let inactive = job("bigevents", "orderlist", json!({}));
    assert_eq!(refusal(&world, &inactive).await, ExportError::NotAllowed);
}

async fn a_form_that_does_not_fit_says_which_field(on: On) {
    let world = World::of(on, SMALL).await;
    for (exporter, form, named) in [
        ("orderlist", json!([]), "object"),
        (
            "orderlist",
            json!({"_format": "pdf"}),
            "File format (`_format`): must be one of xlsx, default, excel, semicolon",
        ),
        ("orderlist", json!({"_format": 1}), "`_format`"),
        ("orderlist", json!({"paid_only": "yes"}), "`paid_only`"),
        ("orderlist", json!({"paid_only": null}), "`paid_only`"),
        ("orderlist", json!({"date_range": "week_this"}), "`date_range`"),
        (
            "orderlist",
            json!({"date_range": "2026-10-02/2026-10-01"}),
            "`date_range`",
        ),
        ("orderlist", json!({"date_range": "2026-1-2/"}), "`date_range`"),
        ("orderlist", json!({"date_range": "2026-10-02"}), "`date_range`"),
        ("orderlist", json!({"events": []}), "`events`"),
        ("orderlist", json!({"events": "sampleconf"}), "`events`"),
        ("orderlist", json!({"all_events": 1}), "`all_events`"),
        ("mailaddresses", json!({"_format": "xlsx"}), "`_format`"),
        ("dailysales", json!({"statuses": ["refunded"]}), "`statuses`"),
    ] {
        match refusal(&world, &job("bigevents", exporter, form)).await {
            ExportError::FormUnfit(words) => assert!(words.contains(named), "{words}"),
            other => panic!("{other:?} for {named}"),
        }
    }
    let mut german = job("bigevents", "orderlist", json!({"_format": "pdf"}));
    german.language = "de".into();
    let expected = "Dateiformat (`_format`): muss eines von xlsx, default, excel, semicolon sein";
    assert_eq!(refusal(&world, &german).await, ExportError::FormUnfit(expected.into()));
    let unknown = column(
        &world,
        &job("bigevents", "orderlist", json!({"_format": "default", "of_old": 1})),
        0,
    )
    .await;
    assert_eq!(unknown.len(), 6, "keys without a field are passed over");
}

async fn a_large_export_has_all_rows_in_every_format(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["orders_generated"][0]["count"] = json!(20_000);
    let world = World::of(on, &fixture.to_string()).await;
    for format in TABLES {
        let job = job("bigevents/sampleconf", "orderlist", json!({"_format": format}));
        let platform = world.platform.clone();
        // On another task, as the scheduler does it.
        let export = tokio::spawn(async move { platform.produce(&job).await });
        let facts = export.await.expect("ends").expect("a file").facts;
        assert_eq!(facts.rows, Some(20_000), "{format}");
        assert!(facts.size > 500_000, "{format}: {}", facts.size);
    }
    let left = std::fs::read_dir(world.folder.path().join("exports"))
        .expect("a folder")
        .count();
    assert_eq!(left, 0, "files go with what was produced");
}

async fn an_export_that_is_dropped_leaves_no_file_and_gives_its_turn_back(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["orders_generated"][0]["count"] = json!(5_000);
    let world = World::of(on, &fixture.to_string()).await;
    let folder = world.folder.path().join("exports");
    let job = job("bigevents/sampleconf", "orderpositions", json!({}));
    for polls in 0..2 * crate::EXPORTS_AT_ONCE {
        let mut export = Box::pin(world.platform.produce(&job));
        for _ in 0..polls {
            if export.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(export);
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
    }
    world.platform.produce(&job).await.expect("a file");
}

async fn a_disk_that_cannot_be_written_may_work_later(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["orders_generated"][0]["count"] = json!(5_000);
    let world = World::of(on, &fixture.to_string()).await;
    let platform = world.platform.clone().exporting_in("/proc/no-such-folder".into());
    for format in TABLES {
        let job = job("bigevents/sampleconf", "orderlist", json!({"_format": format}));
        let refused = platform.produce(&job).await.expect_err("no file");
        assert!(matches!(refused, ExportError::Unavailable(_)), "{refused:?}");
    }
}
