//! The operations of the API, one row each. [`routes`](super::routes) finds a row by path and method and makes `Allow` of the rows of a
//! path, [`openapi`](super::openapi) describes them, and [`strict`](super::strict) takes the known names from here.

use super::filters::{LIST, RUNS};
use super::row::{Action, Parameter, Row, Success, host, read, write};

/// Everything about scheduled exports is below an organizer.
pub(super) const ROOT: &str = "/api/v1/organizers/";

const PAGE: Parameter = Parameter {
    name: "page",
    required: false,
    description: "Number of the page; a page that does not exist is a 404.",
    schema: r#"{"type": "integer", "minimum": 1, "maximum": 4294967295, "default": 1}"#,
};
const PAGE_SIZE: Parameter = Parameter {
    name: "page_size",
    required: false,
    description: "Rows per page; any other value counts as 50.",
    schema: r#"{"type": "integer", "minimum": 1, "maximum": 50, "default": 50}"#,
};
const ORDERING: Parameter = Parameter {
    name: "ordering",
    required: false,
    description: "The order, descending with a leading `-`; any other value is ignored.",
    schema: r#"{"default": "id", "enum": ["id", "-id", "export_identifier", "-export_identifier", "schedule_next_run", "-schedule_next_run"]}"#,
};
const RULE: Parameter = Parameter {
    name: "schedule_rrule",
    required: true,
    description: "The recurrence rule (RFC 5545).",
    schema: r#"{"type": "string", "minLength": 1, "maxLength": 2000, "examples": ["RRULE:FREQ=WEEKLY;BYDAY=MO"]}"#,
};
const RULE_OR_PICKS: Parameter = Parameter {
    name: "schedule_rrule",
    required: false,
    description: "The recurrence rule (RFC 5545). Required without `picks`, which replace it.",
    schema: r#"{"type": "string", "minLength": 1, "maxLength": 2000, "examples": ["RRULE:FREQ=WEEKLY;BYDAY=MO"]}"#,
};
const TIME: Parameter = Parameter {
    name: "schedule_rrule_time",
    required: true,
    description: "The local time of the runs.",
    schema: r#"{"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "examples": ["06:30"]}"#,
};
const ZONE: Parameter = Parameter {
    name: "timezone",
    required: false,
    description: "The IANA time zone; without it, that of the organizer. At event level it is ignored.",
    schema: r#"{"type": "string"}"#,
};
const LIMIT: Parameter = Parameter {
    name: "limit",
    required: false,
    description: "Maximum number of runs.",
    schema: r#"{"type": "integer", "minimum": 1, "maximum": 100, "default": 10}"#,
};
const PICKS: Parameter = Parameter {
    name: "picks",
    required: false,
    description: "The picks of a form instead of a rule, as JSON of the schema `Picks`.",
    schema: r#"{"type": "string", "contentMediaType": "application/json"}"#,
};
const EXPORTER: Parameter = Parameter {
    name: "export_identifier",
    required: true,
    description: "The exporter that the form is for.",
    schema: r#"{"type": "string"}"#,
};

const DUE: Parameter = Parameter {
    name: "due",
    required: false,
    description: "A due time; the response then says what became of it.",
    schema: r#"{"type": "string", "format": "date-time"}"#,
};
const OWNER: Parameter = Parameter {
    name: "owner",
    required: false,
    description: "Only schedules of the owner with this address.",
    schema: r#"{"type": "string"}"#,
};
const RECIPIENT: Parameter = Parameter {
    name: "recipient",
    required: false,
    description: "Only schedules that this address gets mail from, as a recipient or the owner.",
    schema: r#"{"type": "string"}"#,
};
const OF_EXPORTER: Parameter = Parameter {
    name: "export_identifier",
    required: false,
    description: "Only schedules of this exporter.",
    schema: r#"{"type": "string"}"#,
};
const STATE: Parameter = Parameter {
    name: "state",
    required: false,
    description: "Only schedules in this state.",
    schema: r#"{"enum": ["active", "paused", "stopped"]}"#,
};
const FAILING: Parameter = Parameter {
    name: "failing",
    required: false,
    description: "Only schedules whose latest run failed, or only the others.",
    schema: r#"{"enum": ["true", "false"]}"#,
};
const DUE_BEFORE: Parameter = Parameter {
    name: "due_before",
    required: false,
    description: "Only active schedules whose next run is before this time.",
    schema: r#"{"type": "string", "format": "date-time"}"#,
};
const ORDER: Parameter = Parameter {
    name: "order",
    required: false,
    description: "The order, descending with a leading `-`.",
    schema: r#"{"default": "id", "enum": ["id", "-id", "export_identifier", "-export_identifier", "next_run", "-next_run"]}"#,
};
const AFTER: Parameter = Parameter {
    name: "after",
    required: false,
    description: "The `next` of an earlier page of the same filter and order, in place of `page`.",
    schema: r#"{"type": "string"}"#,
};

const LISTED: &[Parameter] = &[PAGE, PAGE_SIZE];

/// Every operation. Of the paths that fit a request, the first one counts, so names come before `{name}`. The rows of a path are
/// adjacent, in the order of `Allow`.
pub(super) const ROWS: &[Row] = &[
    host(
        "/",
        Action::Home,
        "show_home",
        "Returns the paths of this API",
        Success::Document("Home"),
    ),
    host(
        "/healthz",
        Action::Health,
        "check_health",
        "Checks whether the store responds",
        Success::Document("Health"),
    ),
    host(
        "/readyz",
        Action::Ready,
        "check_readiness",
        "Checks whether the store can be written",
        Success::Document("Readiness"),
    ),
    host(
        "/api/v1/openapi.json",
        Action::Description,
        "describe_api",
        "Returns this description",
        Success::Description,
    ),
    host(
        "/download/{secret}",
        Action::Download,
        "download_file",
        "Returns a file that was too large for its mail",
        Success::File,
    ),
    host(
        "/control/{organizer}/scheduled-exports/",
        Action::Page,
        "show_page",
        "Names the API path of an organizer's schedules",
        Success::Text,
    ),
    host(
        "/control/{organizer}/{event}/scheduled-exports/",
        Action::Page,
        "show_event_page",
        "Names the API path of an event's schedules",
        Success::Text,
    ),
    read(
        "scheduled_exports/",
        Action::List,
        "list_schedules",
        "Lists schedules",
        Success::PageOf("Schedule"),
    )
    .query(&[
        PAGE, PAGE_SIZE, ORDERING, LIST[0], LIST[1], LIST[2], LIST[3], LIST[4], LIST[5],
    ]),
    write(
        "POST",
        "scheduled_exports/",
        Action::Create,
        "create_schedule",
        "Creates a schedule that the caller owns",
        Success::Created("Schedule"),
    )
    .body("ScheduleInput"),
    read(
        "scheduled_exports/preview/",
        Action::View,
        "preview",
        "Returns the next runs of a recurrence rule",
        Success::Document("Preview"),
    )
    .query(&[RULE, TIME, ZONE, LIMIT])
    .for_either_scope(),
    write(
        "POST",
        "scheduled_exports/preview/",
        Action::Act,
        "preview_document",
        "Returns the next runs of a recurrence rule in a body",
        Success::Document("Preview"),
    )
    .body("PreviewInput")
    .for_either_scope(),
    read(
        "scheduled_exports/rule/",
        Action::View,
        "describe_rule",
        "Describes a recurrence rule in words and as picks of a form",
        Success::Document("Rule"),
    )
    .query(&[RULE_OR_PICKS, TIME, ZONE, PICKS]),
    read(
        "scheduled_exports/form/",
        Action::View,
        "show_form",
        "Returns the JSON Schema of a new schedule of an exporter",
        Success::Document("Form"),
    )
    .query(&[EXPORTER]),
    read(
        "scheduled_exports/overview/",
        Action::View,
        "show_overview",
        "Returns slim rows of schedules for a table, with what the caller can do",
        Success::Document("Overview"),
    )
    .query(&[
        OWNER,
        OF_EXPORTER,
        RECIPIENT,
        STATE,
        FAILING,
        DUE_BEFORE,
        ORDER,
        PAGE,
        PAGE_SIZE,
        AFTER,
    ]),
    write(
        "POST",
        "scheduled_exports/test/",
        Action::Act,
        "test_document",
        "Runs a schedule that is not stored, with the caller's permissions and to the caller alone",
        Success::Accepted("RequestedRun"),
    )
    .body("ScheduleInput"),
    read(
        "scheduled_exports/deleted_events/",
        Action::DeletedEvents,
        "list_deleted_events",
        "Lists deleted events that still have schedules",
        Success::PageOf("DeletedEvent"),
    )
    .query(LISTED)
    .at_organizer_level(),
    read(
        "scheduled_exports/{id}/",
        Action::One,
        "get_schedule",
        "Returns a schedule",
        Success::Versioned("Schedule"),
    ),
    write(
        "PUT",
        "scheduled_exports/{id}/",
        Action::Replace,
        "replace_schedule",
        "Replaces all fields of a schedule; omitted ones return to their defaults",
        Success::Versioned("Schedule"),
    )
    .body("ScheduleInput")
    .conditional(),
    write(
        "PATCH",
        "scheduled_exports/{id}/",
        Action::Patch,
        "change_schedule",
        "Changes the given fields of a schedule",
        Success::Versioned("Schedule"),
    )
    .body("SchedulePatch")
    .conditional(),
    write(
        "DELETE",
        "scheduled_exports/{id}/",
        Action::Delete,
        "delete_schedule",
        "Deletes a schedule",
        Success::Nothing,
    )
    .conditional(),
    read(
        "scheduled_exports/{id}/runs/",
        Action::Runs,
        "list_runs",
        "Lists the runs of a schedule, latest due time first",
        Success::PageOf("Run"),
    )
    .query(&[PAGE, PAGE_SIZE, RUNS[0], RUNS[1], RUNS[2]]),
    read(
        "scheduled_exports/{id}/runs/{run}/",
        Action::Run,
        "get_run",
        "Returns a run of a schedule",
        Success::Document("Run"),
    ),
    write(
        "POST",
        "scheduled_exports/{id}/take_over/",
        Action::Act,
        "take_over_schedule",
        "Makes the caller the owner of a schedule",
        Success::Document("Schedule"),
    )
    .optional_body("EmptyInput")
    .conditional(),
    read(
        "scheduled_exports/{id}/preview/",
        Action::View,
        "preview_schedule",
        "Returns the next runs of a schedule, what each exports, and to whom",
        Success::Document("Preview"),
    )
    .query(&[LIMIT]),
    write(
        "POST",
        "scheduled_exports/{id}/preview/",
        Action::Act,
        "preview_changes",
        "Returns the next runs of a schedule with the changes of the body",
        Success::Document("Preview"),
    )
    .optional_body("PreviewChanges")
    .for_reading(),
    write(
        "POST",
        "scheduled_exports/{id}/pause/",
        Action::Act,
        "pause_schedule",
        "Pauses a schedule, with a reason and an end",
        Success::Document("Schedule"),
    )
    .optional_body("PauseInput")
    .conditional(),
    write(
        "POST",
        "scheduled_exports/{id}/resume/",
        Action::Act,
        "resume_schedule",
        "Resumes a schedule that is paused or was stopped after failures",
        Success::Document("Schedule"),
    )
    .optional_body("EmptyInput")
    .conditional(),
    write(
        "POST",
        "scheduled_exports/{id}/run/",
        Action::Act,
        "run_schedule",
        "Runs a schedule now, or once more for a past due time",
        Success::Accepted("RequestedRun"),
    )
    .optional_body("RunInput")
    .conditional(),
    write(
        "POST",
        "scheduled_exports/{id}/test/",
        Action::Act,
        "test_schedule",
        "Runs a schedule, with changes if the body has any, with the caller's permissions and to the caller alone",
        Success::Accepted("RequestedRun"),
    )
    .optional_body("SchedulePatch")
    .conditional(),
    read(
        "scheduled_exports/{id}/explain/",
        Action::View,
        "explain_schedule",
        "Says what state a schedule is in, why, and what helps",
        Success::Document("Explanation"),
    )
    .query(&[DUE]),
    read(
        "scheduled_exports/{id}/rule/",
        Action::View,
        "describe_rule_of_schedule",
        "Describes the recurrence rule of a schedule",
        Success::Document("Rule"),
    ),
    read(
        "scheduled_exports/{id}/form/",
        Action::View,
        "show_form_of_schedule",
        "Returns a schedule, its JSON Schema, and whether the caller can change it",
        Success::Document("ScheduleForm"),
    ),
    read(
        "exporters/",
        Action::Exporters,
        "list_exporters",
        "Lists the exporters that the caller can run",
        Success::PageOf("Exporter"),
    )
    .query(LISTED),
    read(
        "exporters/{identifier}/",
        Action::Exporter,
        "get_exporter",
        "Returns an exporter",
        Success::Document("Exporter"),
    ),
    // Views and verbs of a component that is newer than this table.
    read("scheduled_exports/{name}/", Action::View, "", "", Success::Document("")).undescribed(),
    write(
        "POST",
        "scheduled_exports/{name}/",
        Action::Act,
        "",
        "",
        Success::Document(""),
    )
    .undescribed(),
    read(
        "scheduled_exports/{id}/{name}/",
        Action::View,
        "",
        "",
        Success::Document(""),
    )
    .undescribed(),
    write(
        "POST",
        "scheduled_exports/{id}/{name}/",
        Action::Act,
        "",
        "",
        Success::Document(""),
    )
    .undescribed(),
];
