//! The component: the contract's exports on the domain, and the domain's host traits on the contract's imports.
//!
//! The only file that knows the generated bindings. Conversions match without a `_` arm, so that a change of the contract
//! does not compile until it is carried over here.

mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../wit" });
}

use bindings::exports::ticketing::scheduled_exports as exports;
use bindings::ticketing::scheduled_exports as imports;
use imports::types as wire;

use crate::{host, language::Language, recurrence, run, schedules};

struct Plugin;
bindings::export!(Plugin with_types_in bindings);

// A panic on this target is a bare trap: the hook keeps its reason.
fn keep_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            imports::log::write(imports::log::Level::Error, &format!("panic: {panic}"));
        }));
    });
}

// ---- exports ----

impl exports::about::Guest for Plugin {
    fn describe() -> exports::about::Description {
        exports::about::Description {
            name: "Scheduled exports".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            zone_database: chrono_tz::IANA_TZDB_VERSION.into(),
        }
    }
}

impl exports::schedules::Guest for Plugin {
    fn list(
        by: &imports::auth_context::Access,
        query: wire::PageQuery,
    ) -> Result<exports::schedules::Page, wire::Problem> {
        keep_panics();
        schedules::list(by, &query.into()).map(Into::into).map_err(Into::into)
    }

    fn get(by: &imports::auth_context::Access, id: u64) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::get(by, id).map(Into::into).map_err(Into::into)
    }

    fn create(
        by: &imports::auth_context::Access,
        document: String,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::create(by, &document).map(Into::into).map_err(Into::into)
    }

    fn replace(
        by: &imports::auth_context::Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::replace(by, id, &document, if_version)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn patch(
        by: &imports::auth_context::Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::patch(by, id, &document, if_version)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn delete(by: &imports::auth_context::Access, id: u64, if_version: Option<u64>) -> Result<(), wire::Problem> {
        keep_panics();
        schedules::delete(by, id, if_version).map_err(Into::into)
    }

    fn runs(
        by: &imports::auth_context::Access,
        id: u64,
        at: wire::Position,
        size: u32,
    ) -> Result<exports::schedules::Page, wire::Problem> {
        keep_panics();
        schedules::runs(by, id, &at.into(), size)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn exporters(by: &imports::auth_context::Access, only: Option<String>) -> Result<Vec<String>, wire::Problem> {
        keep_panics();
        schedules::exporters(by, only.as_deref()).map_err(Into::into)
    }

    fn act(
        by: &imports::auth_context::Access,
        id: Option<u64>,
        verb: String,
        document: String,
    ) -> Result<String, wire::Problem> {
        keep_panics();
        schedules::act(by, id, &verb, &document).map_err(Into::into)
    }
}

impl exports::recurrence::Guest for Plugin {
    fn next_run(rule: exports::recurrence::Rule, after: i64) -> Result<Option<i64>, Vec<wire::FieldError>> {
        keep_panics();
        Ok(timetable(&rule, after)?.next_after(after).map(|next| next.at))
    }

    fn preview(
        rule: exports::recurrence::Rule,
        after: i64,
        limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<wire::FieldError>> {
        keep_panics();
        let limit = limit.min(MOST_PREVIEWED) as usize;
        Ok(timetable(&rule, after)?
            .occurrences(after)
            .take(limit)
            .map(Into::into)
            .collect())
    }

    fn replan(rows: Vec<exports::recurrence::Stored>, after: i64) -> Vec<Result<Option<i64>, String>> {
        keep_panics();
        let rows: Vec<_> = rows.into_iter().map(|row| (row.document, row.default_zone)).collect();
        schedules::replan(&rows, after)
    }
}

impl exports::jobs::Guest for Plugin {
    fn execute(handle: &imports::auth_context::Run) {
        keep_panics();
        run::execute(handle);
    }

    fn abandon(handle: &imports::auth_context::Run, reason: exports::jobs::AbandonReason) {
        use exports::jobs::AbandonReason as Wire;
        keep_panics();
        let reason = match reason {
            Wire::Trapped(words) => host::AbandonReason::Trapped(words),
            Wire::OutOfTime => host::AbandonReason::OutOfTime,
            Wire::OutOfMemory => host::AbandonReason::OutOfMemory,
            Wire::Unfinished => host::AbandonReason::Unfinished,
        };
        run::abandon(handle, reason);
    }

    fn settle(handle: &imports::auth_context::Run, deliveries: Vec<wire::Delivery>) {
        keep_panics();
        let deliveries: Vec<_> = deliveries.into_iter().map(Into::into).collect();
        run::settle(handle, &deliveries);
    }
}

/// Most occurrences that `preview` answers.
const MOST_PREVIEWED: u32 = 1_000;

fn timetable(rule: &exports::recurrence::Rule, after: i64) -> Result<recurrence::Timetable, Vec<wire::FieldError>> {
    let anchor = match &rule.anchor {
        Some(day) => day.parse().map_err(|_| {
            vec![wire::FieldError {
                path: vec!["anchor".into()],
                code: "not-a-date".into(),
                message: "This is not a date; write it as YYYY-MM-DD.".into(),
            }]
        })?,
        None => recurrence::zone(&rule.zone).map_or(chrono::NaiveDate::MIN, |zone| recurrence::local_date(after, zone)),
    };
    recurrence::Timetable::parse(&rule.text, &rule.time, &rule.zone, anchor).map_err(|errors| {
        errors
            .iter()
            .map(|error| wire::FieldError {
                path: vec![
                    match error.part() {
                        recurrence::Part::Rule => "text",
                        recurrence::Part::Time => "time",
                        recurrence::Part::Zone => "zone",
                    }
                    .into(),
                ],
                code: error.code().into(),
                message: error.message(Language::English),
            })
            .collect()
    })
}

// ---- imports ----

impl host::Access for imports::auth_context::Access {
    fn facts(&self) -> host::AccessFacts {
        use imports::auth_context::Caller as Wire;
        let facts = imports::auth_context::Access::facts(self);
        host::AccessFacts {
            caller: match facts.caller {
                Wire::User(user) => host::Caller::User(user.into()),
                Wire::Token => host::Caller::Token,
                Wire::Device => host::Caller::Device,
            },
            language: facts.language,
            event_level: facts.event_level,
            may_change_settings: facts.may_change_settings,
            may_write: facts.may_write,
            settings: facts.settings.into(),
        }
    }

    fn list(&self, query: &host::PageQuery) -> Result<host::Page<host::Schedule>, host::StoreError> {
        let page = imports::schedule_store::list(self, &query.clone().into())?;
        Ok(host::Page {
            total: page.total,
            rows: page.rows.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    fn get(&self, id: u64) -> Result<host::Schedule, host::StoreError> {
        Ok(imports::schedule_store::get(self, id)?.into())
    }

    fn insert(&self, content: &host::Content) -> Result<host::Schedule, host::StoreError> {
        Ok(imports::schedule_store::insert(self, &content.clone().into())?.into())
    }

    fn update(
        &self,
        id: u64,
        version: u64,
        content: &host::Content,
        missed: &[host::MissedRange],
    ) -> Result<host::Schedule, host::StoreError> {
        let content = content.clone().into();
        Ok(imports::schedule_store::update(self, id, version, &content, &ranges(missed))?.into())
    }

    fn take_over(
        &self,
        id: u64,
        version: u64,
        content: &host::Content,
        missed: &[host::MissedRange],
    ) -> Result<host::Schedule, host::StoreError> {
        let content = content.clone().into();
        Ok(imports::schedule_store::take_over(self, id, version, &content, &ranges(missed))?.into())
    }

    fn delete(&self, id: u64, version: Option<u64>) -> Result<(), host::StoreError> {
        Ok(imports::schedule_store::delete(self, id, version)?)
    }

    fn runs(&self, id: u64, at: &host::Position, size: u32) -> Result<host::Page<host::RunEntry>, host::StoreError> {
        let page = imports::schedule_store::runs(self, id, &at.clone().into(), size)?;
        Ok(host::Page {
            total: page.total,
            rows: page.rows.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    fn available(&self, whose: host::Subject, only: Option<&str>) -> Result<Vec<host::Exporter>, host::LookupError> {
        let found = imports::exporters::available(self, whose.into(), only)?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    fn usable_events(
        &self,
        whose: host::Subject,
        exporter: &str,
        only: Option<&[String]>,
    ) -> Result<Vec<String>, host::LookupError> {
        Ok(imports::exporters::usable_events(self, whose.into(), exporter, only)?)
    }

    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, host::LookupError> {
        Ok(imports::exporters::visible_events(self, slugs)?)
    }

    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, host::LookupError> {
        Ok(imports::exporters::missing_events(self, slugs)?)
    }

    fn notify_former_owner(&self, id: u64, subject: &str, text: &str) -> Result<(), host::MailError> {
        Ok(imports::mailer::notify_former_owner(self, id, subject, text)?)
    }
}

impl host::Run for imports::auth_context::Run {
    fn facts(&self) -> host::RunFacts {
        use imports::auth_context::OwnerRight as Wire;
        let facts = imports::auth_context::Run::facts(self);
        host::RunFacts {
            schedule: facts.schedule.into(),
            event_level: facts.event_level,
            owner_right: match facts.owner_right {
                Wire::Yes => host::OwnerRight::Yes,
                Wire::Inactive => host::OwnerRight::Inactive,
                Wire::Gone => host::OwnerRight::Gone,
                Wire::NotAllowed => host::OwnerRight::NotAllowed,
            },
            due: facts.due,
            started_version: facts.started_version,
            newer_zone_database: facts.newer_zone_database,
            attempt: facts.attempt,
            settings: facts.settings.into(),
        }
    }

    fn start(&self, plan: &host::Plan) -> Result<(), host::StoreError> {
        let plan = imports::schedule_store::Plan {
            due: plan.due,
            missed: ranges(&plan.missed),
            next_run: plan.next_run,
        };
        Ok(imports::schedule_store::start(self, &plan)?)
    }

    fn finish(&self, outcome: &host::Outcome, error_counter: u32, active: bool) -> Result<(), host::StoreError> {
        Ok(imports::schedule_store::finish(
            self,
            &outcome.clone().into(),
            error_counter,
            active,
        )?)
    }

    fn produce(
        &self,
        form: &str,
        language: &str,
        zone: &str,
        now: host::Instant,
    ) -> Result<host::File, host::ExportError> {
        Ok(imports::exporters::produce(self, form, language, zone, now)?.into())
    }

    fn zip(&self) -> Result<host::File, host::ExportError> {
        Ok(imports::exporters::zip(self)?.into())
    }

    fn link(&self) -> Result<Option<host::DownloadLink>, host::ExportError> {
        let link = imports::exporters::link(self)?;
        Ok(link.map(|link| host::DownloadLink {
            url: link.url,
            expires: link.expires,
        }))
    }

    fn stage(&self, mail: &host::Mail) -> Result<(), host::MailError> {
        use imports::mailer as wire;
        let mail = wire::Mail {
            kind: match mail.kind {
                host::MailKind::Export => wire::MailKind::Export,
                host::MailKind::NothingToExport => wire::MailKind::NothingToExport,
                host::MailKind::Failure => wire::MailKind::Failure,
                host::MailKind::Undelivered => wire::MailKind::Undelivered,
            },
            audience: match &mail.audience {
                host::Audience::People(people) => wire::Audience::People(people.clone().into()),
                host::Audience::Responsible => wire::Audience::Responsible,
            },
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            attach_file: mail.attach_file,
        };
        Ok(wire::stage(self, &mail)?)
    }

    fn log(&self, text: &str) {
        imports::log::write(imports::log::Level::Info, text);
    }
}

// ---- conversions ----

impl From<schedules::Versioned> for exports::schedules::Versioned {
    fn from(of: schedules::Versioned) -> Self {
        Self {
            document: of.document,
            version: of.version,
        }
    }
}

impl From<host::Page<String>> for exports::schedules::Page {
    fn from(of: host::Page<String>) -> Self {
        Self {
            total: of.total,
            documents: of.rows,
            next: of.next,
        }
    }
}

impl From<host::Problem> for wire::Problem {
    fn from(of: host::Problem) -> Self {
        match of {
            host::Problem::Malformed(words) => Self::Malformed(words),
            host::Problem::Invalid(errors) => Self::Invalid(
                errors
                    .into_iter()
                    .map(|error| wire::FieldError {
                        path: error.path,
                        code: error.code.into(),
                        message: error.message,
                    })
                    .collect(),
            ),
            host::Problem::Forbidden(words) => Self::Forbidden(words),
            host::Problem::NotFound => Self::NotFound,
            host::Problem::Stale => Self::Stale,
            host::Problem::Unavailable(words) => Self::Unavailable(words),
            host::Problem::Other { code, words } => Self::Other((code, words)),
        }
    }
}

impl From<recurrence::Occurrence> for exports::recurrence::Occurrence {
    fn from(of: recurrence::Occurrence) -> Self {
        use exports::recurrence::ClockNote as Wire;
        Self {
            at: of.at,
            utc_offset_seconds: of.utc_offset_seconds,
            note: match of.note {
                recurrence::ClockNote::Plain => Wire::Plain,
                recurrence::ClockNote::SkippedHour => Wire::SkippedHour,
                recurrence::ClockNote::RepeatedHour => Wire::RepeatedHour,
            },
        }
    }
}

impl From<wire::PageQuery> for host::PageQuery {
    fn from(of: wire::PageQuery) -> Self {
        let order = match of.order {
            wire::Order::Id => host::Order::Id,
            wire::Order::ExportIdentifier => host::Order::ExportIdentifier,
            wire::Order::NextRun => host::Order::NextRun,
        };
        Self {
            order,
            descending: of.descending,
            at: of.at.into(),
            size: of.size,
        }
    }
}

impl From<host::PageQuery> for wire::PageQuery {
    fn from(of: host::PageQuery) -> Self {
        let order = match of.order {
            host::Order::Id => wire::Order::Id,
            host::Order::ExportIdentifier => wire::Order::ExportIdentifier,
            host::Order::NextRun => wire::Order::NextRun,
        };
        Self {
            order,
            descending: of.descending,
            at: of.at.into(),
            size: of.size,
        }
    }
}

impl From<wire::Position> for host::Position {
    fn from(of: wire::Position) -> Self {
        match of {
            wire::Position::Number(number) => Self::Number(number),
            wire::Position::After(cursor) => Self::After(cursor),
        }
    }
}

impl From<host::Position> for wire::Position {
    fn from(of: host::Position) -> Self {
        match of {
            host::Position::Number(number) => Self::Number(number),
            host::Position::After(cursor) => Self::After(cursor),
        }
    }
}

impl From<wire::Recipients> for host::Recipients {
    fn from(of: wire::Recipients) -> Self {
        Self {
            to: of.to,
            cc: of.cc,
            bcc: of.bcc,
        }
    }
}

impl From<host::Recipients> for wire::Recipients {
    fn from(of: host::Recipients) -> Self {
        Self {
            to: of.to,
            cc: of.cc,
            bcc: of.bcc,
        }
    }
}

impl From<wire::User> for host::User {
    fn from(of: wire::User) -> Self {
        Self {
            id: of.id,
            email: of.email,
            language: of.language,
            active: of.active,
        }
    }
}

impl From<wire::Content> for host::Content {
    fn from(of: wire::Content) -> Self {
        Self {
            export_identifier: of.export_identifier,
            recipients: of.recipients.into(),
            next_run: of.next_run,
            active: of.active,
            error_counter: of.error_counter,
            document: of.document,
        }
    }
}

impl From<host::Content> for wire::Content {
    fn from(of: host::Content) -> Self {
        Self {
            export_identifier: of.export_identifier,
            recipients: of.recipients.into(),
            next_run: of.next_run,
            active: of.active,
            error_counter: of.error_counter,
            document: of.document,
        }
    }
}

impl From<wire::Schedule> for host::Schedule {
    fn from(of: wire::Schedule) -> Self {
        Self {
            id: of.id,
            owner: of.owner.map(Into::into),
            version: of.version,
            content: of.content.into(),
        }
    }
}

impl From<wire::MissedRange> for host::MissedRange {
    fn from(of: wire::MissedRange) -> Self {
        Self {
            first: of.first,
            last: of.last,
            count: of.count,
        }
    }
}

fn ranges(of: &[host::MissedRange]) -> Vec<wire::MissedRange> {
    of.iter().map(|range| (*range).into()).collect()
}

impl From<host::MissedRange> for wire::MissedRange {
    fn from(of: host::MissedRange) -> Self {
        Self {
            first: of.first,
            last: of.last,
            count: of.count,
        }
    }
}

impl From<wire::Outcome> for host::Outcome {
    fn from(of: wire::Outcome) -> Self {
        match of {
            wire::Outcome::Submitted => Self::Submitted,
            wire::Outcome::Delivered => Self::Delivered,
            wire::Outcome::Empty => Self::Empty,
            wire::Outcome::Failed((code, words)) => Self::Failed { code, words },
            wire::Outcome::Retry(at) => Self::Retry(at),
            wire::Outcome::Cancelled(why) => Self::Cancelled(why),
            wire::Outcome::Missed(range) => Self::Missed(range.into()),
        }
    }
}

impl From<host::Outcome> for wire::Outcome {
    fn from(of: host::Outcome) -> Self {
        match of {
            host::Outcome::Submitted => Self::Submitted,
            host::Outcome::Delivered => Self::Delivered,
            host::Outcome::Empty => Self::Empty,
            host::Outcome::Failed { code, words } => Self::Failed((code, words)),
            host::Outcome::Retry(at) => Self::Retry(at),
            host::Outcome::Cancelled(why) => Self::Cancelled(why),
            host::Outcome::Missed(range) => Self::Missed(range.into()),
        }
    }
}

impl From<wire::Delivery> for host::Delivery {
    fn from(of: wire::Delivery) -> Self {
        let status = match of.status {
            wire::DeliveryStatus::Queued => host::DeliveryStatus::Queued,
            wire::DeliveryStatus::Accepted => host::DeliveryStatus::Accepted,
            wire::DeliveryStatus::Retrying => host::DeliveryStatus::Retrying,
            wire::DeliveryStatus::Rejected => host::DeliveryStatus::Rejected,
        };
        Self {
            address: of.address,
            status,
            words: of.words,
        }
    }
}

impl From<wire::RunEntry> for host::RunEntry {
    fn from(of: wire::RunEntry) -> Self {
        Self {
            due: of.due,
            started: of.started,
            ended: of.ended,
            attempts: of.attempts,
            outcome: of.outcome.map(Into::into),
            rows: of.rows,
            bytes: of.bytes,
            deliveries: of.deliveries.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<imports::auth_context::Settings> for host::Settings {
    fn from(of: imports::auth_context::Settings) -> Self {
        Self {
            now: of.now,
            zone: of.zone,
            languages: of.languages,
            recipient_domains: of.recipient_domains,
            mail_bytes: of.mail_bytes,
            configuration_url: of.configuration_url,
        }
    }
}

impl From<imports::schedule_store::StoreError> for host::StoreError {
    fn from(of: imports::schedule_store::StoreError) -> Self {
        use imports::schedule_store::StoreError as Wire;
        match of {
            Wire::NotFound => Self::NotFound,
            Wire::Stale => Self::Stale,
            Wire::Quota(most) => Self::Quota(most),
            Wire::Forbidden => Self::Forbidden,
            Wire::LeaseLost => Self::LeaseLost,
            Wire::Recorded(latest) => Self::Recorded(latest),
            Wire::Unavailable(words) => Self::Unavailable(words),
        }
    }
}

impl From<imports::mailer::MailError> for host::MailError {
    fn from(of: imports::mailer::MailError) -> Self {
        use imports::mailer::MailError as Wire;
        match of {
            Wire::NotARecipient(addresses) => Self::NotARecipient(addresses),
            Wire::Nobody => Self::Nobody,
            Wire::TooLarge(size) => Self::TooLarge(size),
            Wire::NoFile => Self::NoFile,
            Wire::BadSubject => Self::BadSubject,
        }
    }
}

impl From<host::Subject> for imports::exporters::Subject {
    fn from(of: host::Subject) -> Self {
        match of {
            host::Subject::Caller => Self::Caller,
            host::Subject::OwnerOf(id) => Self::OwnerOf(id),
        }
    }
}

impl From<imports::exporters::LookupError> for host::LookupError {
    fn from(of: imports::exporters::LookupError) -> Self {
        match of {
            imports::exporters::LookupError::NotFound => Self::NotFound,
            imports::exporters::LookupError::Unavailable(words) => Self::Unavailable(words),
        }
    }
}

impl From<imports::exporters::Exporter> for host::Exporter {
    fn from(of: imports::exporters::Exporter) -> Self {
        Self {
            identifier: of.identifier,
            label: of.label,
            across_events: of.across_events,
            fields: of.fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<imports::exporters::Field> for host::Field {
    fn from(of: imports::exporters::Field) -> Self {
        use imports::exporters::FieldKind as Wire;
        let choices = |of: Vec<imports::exporters::Choice>| {
            of.into_iter()
                .map(|choice| host::Choice {
                    value: choice.value,
                    label: choice.label,
                })
                .collect()
        };
        let kind = match of.kind {
            Wire::Text(longest) => host::FieldKind::Text { longest },
            Wire::MultiLineText(longest) => host::FieldKind::MultiLineText { longest },
            Wire::Boolean => host::FieldKind::Boolean,
            Wire::Integer((smallest, largest)) => host::FieldKind::Integer { smallest, largest },
            Wire::Decimal => host::FieldKind::Decimal,
            Wire::Date => host::FieldKind::Date,
            Wire::DateTime => host::FieldKind::DateTime,
            Wire::DateRange => host::FieldKind::DateRange,
            Wire::Choice(of) => host::FieldKind::Choice(choices(of)),
            Wire::MultipleChoice(of) => host::FieldKind::MultipleChoice(choices(of)),
            Wire::Other(word) => host::FieldKind::Other(word),
        };
        Self {
            name: of.name,
            label: of.label,
            kind,
            required: of.required,
            default: of.default,
        }
    }
}

impl From<imports::exporters::File> for host::File {
    fn from(of: imports::exporters::File) -> Self {
        Self {
            name: of.name,
            content_type: of.content_type,
            size: of.size,
            rows: of.rows,
        }
    }
}

impl From<imports::exporters::ExportError> for host::ExportError {
    fn from(of: imports::exporters::ExportError) -> Self {
        use imports::exporters::ExportError as Wire;
        match of {
            Wire::NothingToExport => Self::NothingToExport,
            Wire::NotAllowed => Self::NotAllowed,
            Wire::FormUnfit(words) => Self::FormUnfit(words),
            Wire::Failed(words) => Self::Failed(words),
            Wire::Unavailable(words) => Self::Unavailable(words),
            Wire::LeaseLost => Self::LeaseLost,
        }
    }
}
