use serde_json::json;

use super::*;
use crate::contract::{Recipients, ScheduleState};
use crate::document::Document;

fn document() -> Document {
    Document::read(
        &json!({
            "export_form_data": {"_format": "csv", "events": ["conf"]}, "locale": "en", "mail_subject": "Orders",
            "mail_template": "All orders.", "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "06:00:00",
            "anchor": "2026-01-01",
        })
        .to_string(),
    )
    .expect("a document")
}

fn content(bcc: &[&str]) -> Content {
    Content {
        export_identifier: "orders".to_owned(),
        recipients: Recipients {
            bcc: bcc.iter().map(|&address| address.to_owned()).collect(),
            ..Recipients::default()
        },
        next_run: None,
        state: ScheduleState::Active,
        error_counter: 0,
        document: String::new(),
    }
}

fn context(language: Language) -> NoticeContext<'static> {
    NoticeContext {
        language,
        title: Some("Orders"),
        exporter: "orders",
        zone: "Europe/Berlin",
        due: None,
        next_run: None,
        requested: None,
        configuration_url: "https://tickets.example.com/exports/",
    }
}

const AT: Instant = 1_792_992_600; // 2026-10-26T05:30:00Z

/// `content` with this stored document; without one, with an unreadable one.
fn stored(content: &Content, document: Option<&Document>) -> Content {
    Content {
        document: document.map(Document::to_text).unwrap_or_default(),
        ..content.clone()
    }
}

fn changed(context: NoticeContext, actor: Actor, before: &Content, after: &Content) -> Notice {
    notice(context, actor, before, Change::Updated(after)).notice()
}

fn notice<'a>(
    context: NoticeContext<'a>,
    actor: Actor<'a>,
    before: &'a Content,
    change: Change<'a>,
) -> ForeignChange<'a> {
    ForeignChange {
        context,
        actor,
        at: AT,
        before,
        change,
    }
}

fn changed_from(old: &Content, was: &Document, new: &Content, is: &Document, language: Language) -> String {
    let (before, after) = (stored(old, Some(was)), stored(new, Some(is)));
    changed(context(language), Actor::User("eve@example.org"), &before, &after).text
}

fn told(language: Language, change: impl FnOnce(&mut Content, &mut Document)) -> String {
    let (old, was) = (content(&["a@example.org"]), document());
    let (mut new, mut is) = (old.clone(), was.clone());
    change(&mut new, &mut is);
    changed_from(&old, &was, &new, &is, language)
}

#[test]
fn an_owner_is_told_who_changed_which_field_from_what_to_what() {
    let text = told(Language::English, |content, document| {
        content.recipients.bcc.push("eve@example.org".to_owned());
        document.subject = "Orders, all".to_owned();
        document.timezone = Some("Asia/Tokyo".to_owned());
        document.form.remove("_format");
        document.form.insert("few".to_owned(), json!(3));
    });
    assert_eq!(
        text,
        "eve@example.org changed your scheduled export “Orders” (orders).\n\
         When: Monday, 26 October 2026, 06:30 (Europe/Berlin, UTC+01:00)\n\n\
         Changed: Recipients (Bcc), Form field “few”, Time zone, Email subject, Form field “_format”\n\
         - Recipients (Bcc): a@example.org → a@example.org, eve@example.org\n\
         - Form field “few”: (none) → 3\n\
         - Time zone: (none) → Asia/Tokyo\n\
         - Email subject: “Orders” → “Orders, all”\n\
         - Form field “_format”: \"csv\" → (none)\n\n\
         No further runs are scheduled.\n\
         If you did not want this, open the scheduled export at the link below and change or delete it.\n\
         Manage scheduled exports: https://tickets.example.com/exports/\n"
    );
}

#[test]
fn a_difference_after_the_length_that_is_shown_is_shown() {
    let long = "Always the same. ".repeat(500);
    let text = told(Language::English, |_, document| document.template = long.clone());
    assert!(text.contains("“All orders.” → “Always the same."), "{text}");
    let (old, mut was) = (content(&[]), document());
    was.template.clone_from(&long);
    let mut is = was.clone();
    is.template.push_str("Call eve@example.org.");
    let (before, after) = (stored(&old, Some(&was)), stored(&old, Some(&is)));
    let text = changed(context(Language::English), Actor::Token, &before, &after).text;
    assert!(text.contains("Call eve@example.org."), "{text}");
    assert!(text.len() < 2_000, "{text}");
}

#[test]
fn the_last_of_as_many_addresses_as_there_can_be_is_shown() {
    let many: Vec<String> = (0..25)
        .map(|at| format!("{}{at}@example.org", "a".repeat(60)))
        .collect();
    let text = told(Language::German, |content, _| content.recipients.bcc.clone_from(&many));
    let added = format!(
        "Empfänger (Bcc): 1 → 25: 25 neu ({}); 1 entfernt (a@example.org)\n",
        many.join(", ")
    );
    assert!(text.contains(&added), "{text}");
}

#[test]
fn a_second_difference_in_a_long_text_is_shown_as_well_as_the_first() {
    let text = |first: &str, last: &str| format!("{first}{}{last}", "Always the same. ".repeat(500));
    let (old, mut was) = (content(&[]), document());
    was.template = text("Dear all", "Yours");
    let mut is = was.clone();
    is.template = text("Dear you", "http://evil.example/");
    let told = changed_from(&old, &was, &old, &is, Language::English);
    for part in [
        "“Dear all",
        "“Dear you",
        "Yours”",
        "http://evil.example/”",
        " characters are not shown)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.chars().count() < 3_000, "{told}");
    // The common beginning and end are omitted.
    is.template = was.template.replacen("the same. Always", "another. Always", 1);
    let told = changed_from(&old, &was, &old, &is, Language::German);
    assert!(
        told.contains("„Dear allAlways the same. Always the same. Always the same. Alwa…“"),
        "{told}"
    );
    assert!(told.contains(" → „Dear allAlways another. Always"), "{told}");
    assert!(told.chars().count() < 700, "{told}");
}

#[test]
fn an_address_does_not_hide_among_long_ones_nor_behind_other_fields() {
    let many: Vec<String> = (0..24)
        .map(|at| format!("{}{at}@{}.example.org", "a".repeat(60), "b".repeat(60)))
        .collect();
    let (mut old, was) = (content(&[]), document());
    old.recipients.bcc.clone_from(&many);
    old.recipients.to.clone_from(&many);
    let (mut new, mut is) = (old.clone(), was.clone());
    new.recipients.bcc.insert(11, "eve@example.net".to_owned());
    new.recipients.to.reverse();
    is.template = "x".repeat(10_000);
    is.form.insert(
        "events".to_owned(),
        json!((0..1_000).map(|at| format!("event-{at}")).collect::<Vec<_>>()),
    );
    let told = changed_from(&old, &was, &new, &is, Language::English);
    let lines: Vec<&str> = told.lines().skip(3).take(5).collect();
    assert_eq!(
        lines[..3],
        [
            "Changed: Recipients (Bcc), Recipients (To), Form field “events”, Email text",
            "- Recipients (Bcc): 24 → 25: 1 added (eve@example.net)",
            "- Recipients (To): the same in a different order or number",
        ]
    );
    assert!(
        lines[3].starts_with("- Form field “events”: 1 → 1000: 1000 added (event-0, event-1, "),
        "{told}"
    );
    assert!(lines[3].ends_with(", event-999); 1 removed (conf)"), "{told}");
}

#[test]
fn no_value_makes_a_line_of_its_own_or_hides_what_is_in_it() {
    let told = told(Language::English, |_, document| {
        document.subject = "Orders\u{202e}\u{2028}- Recipients (Bcc): (none)".to_owned();
        document.template = format!("All orders.\n{}\n\n\n\n\t\u{2800}.", " ".repeat(500));
        document
            .form
            .insert("few".to_owned(), json!("\u{3164}\u{ad}\n- Rule: none"));
    });
    for line in [
        r#"- Form field “few”: (none) → "⟨U+3164⟩⟨U+00AD⟩\n- Rule: none""#,
        "- Email subject: “Orders” → “Orders⟨U+202E⟩⟨U+2028⟩- Recipients (Bcc): (none)”",
        "- Email text: “All orders.” → “All orders.⏎⟨U+0020 × 500⟩⟨U+000A × 4⟩⟨U+0009⟩⟨U+2800⟩.”",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    assert_eq!(told.lines().filter(|line| line.starts_with("- ")).count(), 3, "{told}");
}

#[test]
fn a_value_that_only_looks_the_same_is_told_as_another_one() {
    let (old, mut was) = (content(&[]), document());
    was.subject = "Orders⟨U+202E⟩".to_owned();
    let mut is = was.clone();
    is.subject = "Orders\u{202e}".to_owned();
    let told = changed_from(&old, &was, &old, &is, Language::English);
    assert!(
        told.contains("“Orders⟨U+202E⟩” (another value that looks the same)"),
        "{told}"
    );
}

#[test]
fn two_settings_whose_names_begin_alike_are_told_apart() {
    let key = |end: &str| format!("{}{end}", "k".repeat(200));
    let (old, mut was) = (content(&[]), document());
    was.form = [(key("a"), json!(1)), (key("b"), json!(2))].into_iter().collect();
    let mut is = was.clone();
    is.form.insert(key("b"), json!(3));
    let told = changed_from(&old, &was, &old, &is, Language::English);
    assert!(told.contains(": 2 → 3\n") && !told.contains("1 →"), "{told}");
}

#[test]
fn a_notice_in_brief_names_the_fields() {
    let (old, was) = (content(&["a@example.org"]), document());
    let (new, mut is) = (content(&["eve@example.org"]), was.clone());
    is.time = "07:00:00".to_owned();
    let (before, after) = (stored(&old, Some(&was)), stored(&new, Some(&is)));
    let context = context(Language::German);
    let brief = notice(context, Actor::Token, &before, Change::Updated(&after)).brief_notice();
    assert!(
        brief.text.contains("\nGeändert: Empfänger (Bcc), Uhrzeit\n"),
        "{}",
        brief.text
    );
    assert!(!brief.text.contains("eve@"), "{}", brief.text);
}

#[test]
fn what_is_saved_again_without_a_difference_is_told_too() {
    assert!(told(Language::English, |_, _| {}).contains("No values were changed."));
    let (mut old, was) = (content(&[]), document());
    old.state = ScheduleState::Stopped;
    let new = content(&[]);
    let (before, after) = (stored(&old, Some(&was)), stored(&new, Some(&was)));
    let text = changed(context(Language::German), Actor::Device, &before, &after).text;
    assert!(
        text.contains("Er war nach Fehlschlägen angehalten und wurde fortgesetzt."),
        "{text}"
    );
}

#[test]
fn a_document_that_cannot_be_read_is_told_as_such() {
    let (old, is) = (content(&[]), document());
    let (before, after) = (stored(&old, None), stored(&old, Some(&is)));
    let text = changed(context(Language::English), Actor::Token, &before, &after).text;
    assert!(text.contains("A program with an API token changed"), "{text}");
    assert!(text.contains("All other settings: cannot be read → (none)"), "{text}");
    assert!(text.contains("Recurrence rule: (none) → RRULE:FREQ=DAILY"), "{text}");
}

#[test]
fn an_owner_of_a_deleted_schedule_is_told_what_it_was() {
    let (old, was) = (content(&["a@example.org"]), document());
    let before = stored(&old, Some(&was));
    let eve = Actor::User("eve@example.org");
    let notice = notice(context(Language::German), eve, &before, Change::Deleted).notice();
    assert_eq!(notice.subject, "Geplanter Export gelöscht: Orders");
    for part in [
        "eve@example.org hat Ihren geplanten Export „Orders“ (orders) gelöscht.",
        "Empfänger (Bcc): a@example.org",
        "Wiederholungsregel: RRULE:FREQ=DAILY",
        "Einstellung „events“: conf",
    ] {
        assert!(notice.text.contains(part), "{part}: {}", notice.text);
    }
    assert!(!notice.text.contains("(leer)"), "{}", notice.text);
}
