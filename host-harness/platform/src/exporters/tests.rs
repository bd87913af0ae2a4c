//! Every exporter in every format, read back: against golden files, a window of days, the owner's rights and hard input.
//!
//! `tests/data/exports/README.md` says what the small world is made of. With `BLESS=1` the golden files are written anew.

mod formats;

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::PathBuf;

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
            ExportError::InvalidFormData(words) => assert!(words.contains(named), "{words}"),
            other => panic!("{other:?} for {named}"),
        }
    }
    let mut german = job("bigevents", "orderlist", json!({"_format": "pdf"}));
    german.language = "de".into();
    let expected = "Dateiformat (`_format`): muss eines von xlsx, default, excel, semicolon sein";
    assert_eq!(
        refusal(&world, &german).await,
        ExportError::InvalidFormData(expected.into())
    );
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
