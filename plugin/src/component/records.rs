//! The contract's records, and the domain's: matches without a `_` arm, so that a change of the contract does not compile until
//! it is carried over here.

use super::{exports, imports, wire};
use crate::{host, recurrence, schedules};

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

pub(super) fn ranges(of: &[host::MissedRange]) -> Vec<wire::MissedRange> {
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
            wire::DeliveryStatus::Cancelled => host::DeliveryStatus::Cancelled,
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
            latest_event: of.latest_event,
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

impl From<imports::exporters::Reach> for host::Reach {
    fn from(of: imports::exporters::Reach) -> Self {
        match of {
            imports::exporters::Reach::AllEvents => Self::AllEvents,
            imports::exporters::Reach::Events(slugs) => Self::Events(slugs),
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
