//! The view `rule`: a recurrence rule in words, and as the picks of a form.

use crate::contract::{AccessContext, Problem, ScheduleId};
use crate::document::Document;
use crate::host::Access;
use crate::language::Language;
use crate::rule::{Picks, describe};

use super::request_body::RequestBody;
use super::{permissions, problem, timing};

/// The parameter that replaces the rule. [`Picks::json`] shows its shape.
const PICKS: &str = "picks";

/// Describes the rule in the parameters, or makes one from their picks and describes that. A form shows a stored rule with the
/// first, and gets the rule to store with the second. The result is [`Description::json`](crate::rule::Description::json).
///
/// As in a preview, a rule without `DTSTART` counts from today.
pub(super) fn rule(facts: &AccessContext, params: &[(String, String)]) -> Result<String, Problem> {
    permissions::check_preview(facts)?;
    let language = Language::of_tag(&facts.language);
    let mut body = RequestBody::of_params(params, &[PICKS], language)?;
    if let Some(picks) = body.value(PICKS) {
        let rule = match Picks::read(&picks, PICKS, language) {
            Ok(picks) => {
                let zone = body.peek_text(timing::ZONE).filter(|_| !facts.event_level);
                picks.rule(timing::today(zone.unwrap_or(&facts.settings.zone), facts))
            }
            Err(errors) => {
                body.errors.extend(errors);
                // A valid rule in place of the invalid picks, so that the errors of the other fields are found too.
                "FREQ=DAILY".to_owned()
            }
        };
        body.set_text(timing::RULE, rule);
    }
    let timing = timing::read(&mut body, None, None, facts);
    let (Some(timing), true) = (timing, body.errors.is_empty()) else {
        return Err(Problem::Invalid(body.errors));
    };
    let today = timing.anchor;
    let description = describe(&timing.rule, &timing.time, timing.anchor, today, language);
    let description = description.expect("`timing` has been parsed from the same texts");
    Ok(description.json().to_string())
}

/// Describes the rule of a stored schedule. Without `DTSTART`, it counts from the day on which it was saved.
///
/// # Errors
/// As for [`super::get`]; `Unavailable` if the stored document is not one that this plugin reads.
pub(super) fn of_schedule(by: &impl Access, id: ScheduleId) -> Result<String, Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    let language = Language::of_tag(&facts.language);
    let schedule = by.get(id).map_err(|error| problem(error, language))?;
    let unreadable = |error: &dyn std::fmt::Display| Problem::Unavailable(format!("stored document: {error}"));
    let document = Document::read(&schedule.content.document).map_err(|error| unreadable(&error))?;
    let today = timing::today(document.zone(&facts.settings.zone), &facts);
    let description = describe(&document.rule, &document.time, document.anchor, today, language)
        .map_err(|errors| unreadable(&errors[0]))?;
    Ok(description.json().to_string())
}
