//! The API's own words, from the catalogs. What the component says is in the caller's language already.

use std::borrow::Cow;

use plugin::language::Language;
use scheduled_exports_store::usage::{Exceeded, UsageLimit};

use super::links::BadHost;
use super::negotiation::UnsupportedBody;
use super::problems::Refusal;
use crate::text;

/// What `detail` says; for people.
pub(super) fn detail(refusal: &Refusal, language: Language) -> Cow<'_, str> {
    let words = match refusal {
        Refusal::UnknownPath => text::api_unknown_path(language),
        Refusal::Moved { .. } => text::api_moved(language),
        Refusal::MissingSlash { path } => return text::api_missing_slash(language, path).into(),
        Refusal::Unauthorized(_) => text::api_unauthorized(language),
        Refusal::NoAccess => text::api_no_access(language),
        Refusal::Disabled => text::api_disabled(language),
        Refusal::EventDeleted => text::api_event_deleted(language),
        Refusal::NoReadScope => text::api_no_read_scope(language),
        Refusal::NoWriteScope => text::api_no_write_scope(language),
        Refusal::NotFound => text::api_not_found(language),
        Refusal::NoSuchPage => text::api_no_such_page(language),
        Refusal::MethodNotAllowed { allow } => return text::api_method_not_allowed(language, allow).into(),
        Refusal::NotAcceptable => text::api_not_acceptable(language),
        Refusal::UnsupportedBody(why) => return unsupported(why, language),
        Refusal::BodyTooSlow => text::api_body_timeout(language),
        Refusal::BodyBroken => text::api_body_incomplete(language),
        Refusal::BodyNotUtf8 => text::api_body_not_utf_8(language),
        Refusal::BodyWide => text::api_body_wide(language),
        Refusal::BodyMark => text::api_body_mark(language),
        Refusal::TransferCoding => text::api_transfer_coding(language),
        Refusal::BodyTooLarge { limit } => return text::api_body_too_large(language, *limit).into(),
        Refusal::Invalid(_) => text::api_body_invalid(language),
        Refusal::BadKey => text::api_bad_key(language),
        Refusal::SeveralKeys => text::api_conflicting_keys(language),
        Refusal::KeyInUse => text::api_key_in_use(language),
        Refusal::KeyOfAnother => text::api_key_reused(language),
        Refusal::Superseded => text::api_superseded(language),
        Refusal::Stale => text::api_stale(language),
        Refusal::Exists => text::api_exists(language),
        Refusal::NoSuchRange { size } => return text::api_no_such_range(language, *size).into(),
        Refusal::LinkInUse => text::api_link_in_use(language),
        Refusal::TooManyDownloads => text::api_too_many_downloads(language),
        Refusal::BadHost(BadHost::Missing) => text::api_host_missing(language),
        Refusal::BadHost(BadHost::Repeated) => text::api_host_repeated(language),
        Refusal::BadHost(BadHost::Invalid) => text::api_host_invalid(language),
        Refusal::Exceeded(exceeded) => return too_much(exceeded, language).into(),
        Refusal::Busy => text::api_busy(language),
        Refusal::Away(_) => text::api_unavailable(language),
        Refusal::Broken(_) => text::api_internal(language),
        Refusal::Malformed(said)
        | Refusal::Forbidden(said)
        | Refusal::Other(_, said)
        | Refusal::TooMany { said, .. } => said,
    };
    words.into()
}

fn too_much(Exceeded { limit, retry_after }: &Exceeded, language: Language) -> String {
    match *limit {
        UsageLimit::WritesPerMinute(most) => text::api_too_many_writes(language, most, *retry_after),
        UsageLimit::WriteBytesPerDay(most) => text::api_too_many_bytes(language, most, *retry_after),
        UsageLimit::ManualRunUnderWay => text::api_manual_run_under_way(language, *retry_after),
        UsageLimit::ManualRunsPerSchedule(most) => text::api_too_many_manual_runs(language, most, *retry_after),
        UsageLimit::ManualRunsPerOrganizer(most) => {
            text::api_too_many_manual_runs_of_organizer(language, most, *retry_after)
        }
        UsageLimit::MovedRunsPerDay(most) => text::api_too_many_moves(language, most, *retry_after),
    }
}

/// The page at `path`, which a notice has led somebody to: where the API has its schedules.
pub(super) fn page(path: &str, api: &str, language: Language) -> String {
    format!("{path}\n\n{}\n{api}\n", text::api_page(language))
}

fn unsupported(why: &UnsupportedBody, language: Language) -> Cow<'static, str> {
    match why {
        UnsupportedBody::Undeclared => text::api_content_type_missing(language).into(),
        UnsupportedBody::DeclaredTwice => text::api_content_type_repeated(language).into(),
        UnsupportedBody::MediaType(given) => text::api_media_type(language, given).into(),
        UnsupportedBody::Charset(given) => text::api_charset(language, given).into(),
        UnsupportedBody::Encoding(given) => text::api_encoding(language, given).into(),
    }
}
