//! The API's own words, in each [`Language`]. What the component says is in the caller's language already.

use std::borrow::Cow;

use super::negotiation::{Language, UnsupportedBody};
use super::problems::Refusal;
use crate::usage::{Exceeded, UsageLimit};

/// What `detail` says; for people.
pub(super) fn detail(refusal: &Refusal, language: Language) -> Cow<'_, str> {
    let (english, german) = words(refusal);
    match language {
        Language::En => english,
        Language::De => german,
    }
}

/// The page at `path`, which a notice has led somebody to: where the API has its schedules.
pub(super) fn page(path: &str, api: &str, language: Language) -> String {
    match language {
        Language::En => format!(
            "{path}\n\nThis is a reference host without pages. The scheduled exports of this address are managed with the API:\n{api}\n"
        ),
        Language::De => format!(
            "{path}\n\nDies ist ein Referenz-Host ohne Seiten. Die geplanten Exporte dieser Adresse werden über die API verwaltet:\n{api}\n"
        ),
    }
}

fn words(refusal: &Refusal) -> (Cow<'_, str>, Cow<'_, str>) {
    match refusal {
        Refusal::UnknownPath => pair("Nothing is here.", "Hier ist nichts."),
        Refusal::Moved { .. } => pair("The path ends with a slash.", "Der Pfad endet mit einem Schrägstrich."),
        Refusal::Unauthorized(_) => pair(
            "Credentials are missing, or they are not valid (any more).",
            "Zugangsdaten fehlen oder sind nicht (mehr) gültig.",
        ),
        Refusal::NoAccess => pair(
            "There is no such organizer or event, or you have no access to it.",
            "Diesen Veranstalter oder diese Veranstaltung gibt es nicht, oder Sie haben dort keinen Zugriff.",
        ),
        Refusal::Disabled => pair(
            "Scheduled exports are switched off for this organizer.",
            "Geplante Exporte sind für diesen Veranstalter abgeschaltet.",
        ),
        Refusal::EventDeleted => pair(
            "This event was deleted. Its scheduled exports can be read and deleted, and nothing else.",
            "Diese Veranstaltung wurde gelöscht. Ihre geplanten Exporte können gelesen und gelöscht werden, sonst nichts.",
        ),
        Refusal::NoReadScope => pair(
            "The scope of this token does not include reading.",
            "Dieses Token berechtigt nicht zum Lesen.",
        ),
        Refusal::NoWriteScope => pair(
            "The scope of this token does not include writing.",
            "Dieses Token berechtigt nicht zum Schreiben.",
        ),
        Refusal::NotFound => pair("There is no such thing here.", "Das gibt es hier nicht."),
        Refusal::NoSuchPage => pair("This page does not exist.", "Diese Seite gibt es nicht."),
        Refusal::NotAcceptable => pair(
            "Answers are application/json, which Accept leaves out.",
            "Antworten sind application/json, und das lässt Accept nicht zu.",
        ),
        Refusal::UnsupportedBody(why) => unsupported(why),
        Refusal::BodyTooSlow => pair(
            "The body did not arrive in time.",
            "Der Inhalt kam nicht rechtzeitig an.",
        ),
        Refusal::BodyBroken => pair("The body did not arrive whole.", "Der Inhalt kam nicht vollständig an."),
        Refusal::BodyNotUtf8 => pair("The body is not UTF-8.", "Der Inhalt ist kein UTF-8."),
        Refusal::BodyWide => pair(
            "The body is UTF-16 or UTF-32: expected UTF-8.",
            "Der Inhalt ist UTF-16 oder UTF-32: erwartet wird UTF-8.",
        ),
        Refusal::BodyMark => pair(
            "The body has a byte order mark (U+FEFF) after its beginning: expected none, or one as the first character.",
            "Der Inhalt hat eine Byte-Reihenfolge-Marke (U+FEFF) nach seinem Anfang: erwartet wird keine, oder eine als erstes Zeichen.",
        ),
        Refusal::TransferCoding => pair(
            "This Transfer-Encoding is not supported: send the body as it is, or chunked.",
            "Dieses Transfer-Encoding wird nicht unterstützt: den Inhalt bitte so senden, wie er ist, oder in Stücken (chunked).",
        ),
        Refusal::BadKey => pair(
            "Idempotency-Key has 1 to 255 visible ASCII characters.",
            "Idempotency-Key hat 1 bis 255 sichtbare ASCII-Zeichen.",
        ),
        Refusal::SeveralKeys => pair(
            "Idempotency-Key and X-Idempotency-Key may only be given once, or with the same value.",
            "Idempotency-Key und X-Idempotency-Key dürfen nur einmal vorkommen, oder mit demselben Wert.",
        ),
        Refusal::KeyInUse => pair(
            "The first request with this idempotency key is still running.",
            "Die erste Anfrage mit diesem Idempotency-Key läuft noch.",
        ),
        Refusal::KeyOfAnother => pair(
            "This idempotency key was used for another request.",
            "Dieser Idempotency-Key gehört zu einer anderen Anfrage.",
        ),
        Refusal::Superseded => pair(
            "Another request with this idempotency key took over; nothing was changed by this one.",
            "Eine andere Anfrage mit diesem Idempotency-Key hat übernommen; diese hat nichts geändert.",
        ),
        Refusal::Stale => pair(
            "It was changed meanwhile: If-Match does not name the stored version.",
            "Es wurde inzwischen geändert: If-Match nennt nicht die gespeicherte Version.",
        ),
        Refusal::Exists => pair(
            "If-None-Match names the stored version, so nothing was changed.",
            "If-None-Match nennt die gespeicherte Version, also wurde nichts geändert.",
        ),
        Refusal::NoSuchRange { size } => (
            format!("Range is past the end: the file has {size} bytes.").into(),
            format!("Range liegt hinter dem Ende: die Datei hat {size} Bytes.").into(),
        ),
        Refusal::LinkInUse => pair(
            "This file is being downloaded several times at the moment. Please try again later.",
            "Diese Datei wird gerade mehrfach heruntergeladen. Bitte später noch einmal versuchen.",
        ),
        Refusal::TooManyDownloads => pair(
            "Many files are being downloaded at the moment. Please try again later.",
            "Gerade werden viele Dateien heruntergeladen. Bitte später noch einmal versuchen.",
        ),
        Refusal::BadHost(why) => pair(why, "Eine HTTP/1.1-Anfrage braucht genau eine gültige Host-Zeile."),
        Refusal::Exceeded(Exceeded { limit, retry_after }) => match limit {
            UsageLimit::WritesPerMinute(most) => (
                format!("Too many changes: at most {most} per minute are allowed. Retry in {retry_after} seconds.").into(),
                format!("Zu viele Änderungen: höchstens {most} pro Minute sind erlaubt. In {retry_after} Sekunden geht es weiter.").into(),
            ),
            UsageLimit::WriteBytesPerDay(most) => (
                format!("Too much data: changes can take at most {most} bytes per day. Retry in {retry_after} seconds.").into(),
                format!("Zu viele Daten: Änderungen dürfen höchstens {most} Bytes pro Tag belegen. In {retry_after} Sekunden geht es weiter.").into(),
            ),
            UsageLimit::MovedRunsPerDay(most) => (
                format!("This schedule, with deleted ones of its owner, has run {most} times within 24 hours: no other time of the next 24 hours can be chosen. Retry in {retry_after} seconds.").into(),
                format!("Dieser Zeitplan ist innerhalb von 24 Stunden, gelöschte desselben Besitzers mitgezählt, {most}-mal gelaufen: Eine andere Zeit der nächsten 24 Stunden kann nicht gewählt werden. In {retry_after} Sekunden geht es weiter.").into(),
            ),
        },
        Refusal::Busy => pair(
            "Too many requests are in progress. Please try again.",
            "Zu viele Anfragen sind gerade in Arbeit. Bitte noch einmal versuchen.",
        ),
        Refusal::Away(_) => pair(
            "A part of the system is away at the moment. Please try again.",
            "Ein Teil des Systems ist gerade nicht erreichbar. Bitte noch einmal versuchen.",
        ),
        Refusal::Broken(_) => pair(
            "Something went wrong on our side. Nothing was changed.",
            "Bei uns ist etwas schiefgegangen. Es wurde nichts geändert.",
        ),
        Refusal::Invalid(_) => pair("The document is not valid.", "Das Dokument ist nicht gültig."),
        Refusal::MissingSlash { path } => (
            format!("Nothing is here. The path ends with a slash: {path}").into(),
            format!("Hier ist nichts. Der Pfad endet mit einem Schrägstrich: {path}").into(),
        ),
        Refusal::MethodNotAllowed { allow } => (
            format!("There is no such method here. There are: {allow}.").into(),
            format!("Diese Methode gibt es hier nicht. Es gibt: {allow}.").into(),
        ),
        Refusal::BodyTooLarge { limit } => (
            format!("The body may have at most {limit} bytes.").into(),
            format!("Der Inhalt darf höchstens {limit} Bytes lang sein.").into(),
        ),
        Refusal::Malformed(said) | Refusal::Forbidden(said) | Refusal::Other(said) => pair(said, said),
    }
}

fn unsupported(why: &UnsupportedBody) -> (Cow<'_, str>, Cow<'_, str>) {
    match why {
        UnsupportedBody::Undeclared => pair(
            "Content-Type is missing: expected application/json.",
            "Content-Type fehlt: erwartet wird application/json.",
        ),
        UnsupportedBody::DeclaredTwice => pair(
            "Content-Type is given more than once: expected one line, application/json.",
            "Content-Type ist mehrfach angegeben: erwartet wird eine Zeile, application/json.",
        ),
        UnsupportedBody::MediaType(given) => (
            format!("Unsupported media type “{given}”: expected application/json.").into(),
            format!("Der Medientyp „{given}“ wird nicht unterstützt: erwartet wird application/json.").into(),
        ),
        UnsupportedBody::Charset(given) => (
            format!("Unsupported charset “{given}”: expected utf-8.").into(),
            format!("Der Zeichensatz „{given}“ wird nicht unterstützt: erwartet wird utf-8.").into(),
        ),
        UnsupportedBody::Encoding(given) => (
            format!("Unsupported Content-Encoding “{given}”: send the body uncompressed.").into(),
            format!("Content-Encoding „{given}“ wird nicht unterstützt: den Inhalt bitte unkomprimiert senden.").into(),
        ),
    }
}

fn pair<'a>(english: &'a str, german: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    (english.into(), german.into())
}
