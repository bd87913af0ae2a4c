//! What is wrong with a rule, a time of day or a zone, for programs and for people.

use std::fmt;

use crate::language::Language;

/// How many characters of a wrong text a message repeats.
const QUOTED: usize = 60;

/// Which of the three texts an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Rule,
    Time,
    Zone,
}

/// One thing wrong with one part of a timetable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceError {
    fault: Fault,
    /// The wrong text, cut and escaped.
    quoted: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no rule, or nothing but white space.
    RuleEmpty,
    /// There is a `DTSTART`, but no `RRULE`.
    RuleMissing,
    RuleRepeated,
    /// A line that is no property, such as `daily` or a cron expression.
    TextNotUnderstood,
    /// A property other than `DTSTART` and `RRULE`, such as `EXDATE`.
    PropertyNotSupported,
    StartInvalid,
    /// `DTSTART` in UTC or with `TZID`; the schedule has its own zone.
    StartHasZone,
    StartRepeated,
    /// A part of the rule that is not `NAME=VALUE`.
    PartMalformed,
    PartNotSupported,
    /// `BYMONTHDAY`, which other parts can say.
    MonthDayNotSupported,
    PartRepeated,
    FrequencyMissing,
    FrequencyNotSupported,
    IntervalInvalid,
    CountInvalid,
    UntilInvalid,
    UntilHasZone,
    CountAndUntil,
    ByDayInvalid,
    /// An ordinal such as `1MO` with `DAILY` or `WEEKLY`.
    OrdinalNotAllowed,
    ByMonthInvalid,
    SetPositionInvalid,
    SetPositionNotAllowed,
    /// `WKST` is no weekday.
    WeekStartInvalid,
    /// Weeks start on Monday, and here another start would give other dates.
    WeekStartNotMonday,
    /// `BYHOUR`, `BYMINUTE` or `BYSECOND` is not the time of day of `DTSTART`.
    TimePartDiffers,
    TimeInvalid,
    ZoneUnknown,
}

impl RecurrenceError {
    pub(super) fn new(fault: Fault, wrong: &str) -> Self {
        Self {
            fault,
            quoted: quote(wrong),
        }
    }

    /// What is wrong, for code that tells cases apart.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The text that is wrong.
    #[must_use]
    pub fn part(&self) -> Part {
        match self.fault {
            Fault::TimeInvalid => Part::Time,
            Fault::ZoneUnknown => Part::Zone,
            _ => Part::Rule,
        }
    }

    /// A word for programs, in kebab-case. It stays the same when messages change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::RuleEmpty => "rule-empty",
            Fault::RuleMissing => "rule-missing",
            Fault::RuleRepeated => "rule-repeated",
            Fault::TextNotUnderstood => "text-not-understood",
            Fault::PropertyNotSupported => "property-not-supported",
            Fault::StartInvalid => "dtstart-invalid",
            Fault::StartHasZone => "dtstart-has-zone",
            Fault::StartRepeated => "dtstart-repeated",
            Fault::PartMalformed => "part-malformed",
            Fault::PartNotSupported | Fault::MonthDayNotSupported => "part-not-supported",
            Fault::PartRepeated => "part-repeated",
            Fault::FrequencyMissing => "freq-missing",
            Fault::FrequencyNotSupported => "freq-not-supported",
            Fault::IntervalInvalid => "interval-invalid",
            Fault::CountInvalid => "count-invalid",
            Fault::UntilInvalid => "until-invalid",
            Fault::UntilHasZone => "until-has-zone",
            Fault::CountAndUntil => "count-and-until",
            Fault::ByDayInvalid => "byday-invalid",
            Fault::OrdinalNotAllowed => "byday-ordinal-not-allowed",
            Fault::ByMonthInvalid => "bymonth-invalid",
            Fault::SetPositionInvalid => "bysetpos-invalid",
            Fault::SetPositionNotAllowed => "bysetpos-not-allowed",
            Fault::WeekStartInvalid => "wkst-invalid",
            Fault::WeekStartNotMonday => "wkst-not-monday",
            Fault::TimePartDiffers => "time-part-differs",
            Fault::TimeInvalid => "time-invalid",
            Fault::ZoneUnknown => "zone-unknown",
        }
    }

    /// One or two sentences: what is wrong, and what would be right.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let (english, german) = self.fault.wording();
        language.pick(english, german).replace("{}", &self.quoted)
    }
}

impl fmt::Display for RecurrenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for RecurrenceError {}

impl Fault {
    /// English and German, with `{}` for the wrong text.
    fn wording(self) -> (&'static str, &'static str) {
        match self {
            Self::RuleEmpty => (
                "The rule is empty. A rule looks like this: RRULE:FREQ=WEEKLY;BYDAY=MO",
                "Die Regel ist leer. Eine Regel sieht so aus: RRULE:FREQ=WEEKLY;BYDAY=MO",
            ),
            Self::RuleMissing => (
                "“{}” has no RRULE. Add a line such as RRULE:FREQ=WEEKLY;BYDAY=MO",
                "„{}“ enthält kein RRULE. Es fehlt eine Zeile wie RRULE:FREQ=WEEKLY;BYDAY=MO",
            ),
            Self::RuleRepeated => (
                "“{}” is a second RRULE. Only one is allowed, without spaces in it.",
                "„{}“ ist ein zweites RRULE. Erlaubt ist nur eines, ohne Leerzeichen darin.",
            ),
            Self::TextNotUnderstood => (
                "“{}” is not part of a rule. A rule looks like this: RRULE:FREQ=WEEKLY;BYDAY=MO",
                "„{}“ gehört nicht zu einer Regel. Eine Regel sieht so aus: RRULE:FREQ=WEEKLY;BYDAY=MO",
            ),
            Self::PropertyNotSupported => (
                "“{}” is not supported. There can be one DTSTART and one RRULE.",
                "„{}“ wird nicht unterstützt. Möglich sind ein DTSTART und ein RRULE.",
            ),
            Self::StartInvalid => (
                "“{}” is not a valid DTSTART. Use an existing date, such as DTSTART:20260131T000000 or DTSTART;VALUE=DATE:20260131.",
                "„{}“ ist kein gültiges DTSTART. Bitte ein existierendes Datum angeben, etwa DTSTART:20260131T000000 oder DTSTART;VALUE=DATE:20260131.",
            ),
            Self::StartHasZone => (
                "“{}” names a time zone. DTSTART is a local time without Z and without TZID; the zone is given on its own.",
                "„{}“ nennt eine Zeitzone. DTSTART ist eine Ortszeit ohne Z und ohne TZID; die Zeitzone wird getrennt angegeben.",
            ),
            Self::StartRepeated => (
                "“{}” is a second start. There can be one DTSTART only.",
                "„{}“ ist ein zweiter Beginn. Es kann nur ein DTSTART geben.",
            ),
            Self::PartMalformed => (
                "“{}” is not a part of a rule. Parts look like INTERVAL=2 and have one semicolon between them.",
                "„{}“ ist kein Teil einer Regel. Teile sehen aus wie INTERVAL=2, mit je einem Semikolon dazwischen.",
            ),
            Self::PartNotSupported => (
                "The rule part “{}” is not supported. Supported rule parts are FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYSETPOS and WKST.",
                "Der Regelteil „{}“ wird nicht unterstützt. Unterstützt werden FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYSETPOS und WKST.",
            ),
            Self::MonthDayNotSupported => (
                "“{}” is not supported. For a day of the month, use FREQ=MONTHLY with a DTSTART on that day, such as DTSTART:20260115T000000. For several days, or days counted from the end, use FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU with BYSETPOS, such as BYSETPOS=1,15 or BYSETPOS=-1 for the last day.",
                "„{}“ wird nicht unterstützt. Für einen Tag des Monats bitte FREQ=MONTHLY mit einem DTSTART an diesem Tag verwenden, etwa DTSTART:20260115T000000. Für mehrere oder vom Monatsende gezählte Tage bitte FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU mit BYSETPOS verwenden, etwa BYSETPOS=1,15 oder BYSETPOS=-1 für den letzten Tag.",
            ),
            Self::PartRepeated => (
                "“{}”: this part of the rule is there twice. Each can be given once.",
                "„{}“: Dieser Teil der Regel steht zweimal da. Jeder kann einmal angegeben werden.",
            ),
            Self::FrequencyMissing => (
                "The rule has no FREQ. Right is FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.",
                "Der Regel fehlt FREQ. Richtig ist FREQ=DAILY, WEEKLY, MONTHLY oder YEARLY.",
            ),
            Self::FrequencyNotSupported => (
                "“{}” cannot be the FREQ. Right is DAILY, WEEKLY, MONTHLY or YEARLY.",
                "„{}“ geht nicht als FREQ. Richtig ist DAILY, WEEKLY, MONTHLY oder YEARLY.",
            ),
            Self::IntervalInvalid => (
                "“{}” cannot be the INTERVAL. Right is a whole number from 1.",
                "„{}“ geht nicht als INTERVAL. Richtig ist eine ganze Zahl ab 1.",
            ),
            Self::CountInvalid => (
                "“{}” cannot be the COUNT. Right is a whole number.",
                "„{}“ geht nicht als COUNT. Richtig ist eine ganze Zahl.",
            ),
            Self::UntilInvalid => (
                "“{}” cannot be the UNTIL. Right is 20261231 or 20261231T235959, a date that exists.",
                "„{}“ geht nicht als UNTIL. Richtig ist 20261231 oder 20261231T235959, ein Datum, das es gibt.",
            ),
            Self::UntilHasZone => (
                "“{}” is in UTC. UNTIL is a local time without Z, such as 20261231T235959.",
                "„{}“ ist in UTC. UNTIL ist eine Ortszeit ohne Z, etwa 20261231T235959.",
            ),
            Self::CountAndUntil => (
                "The rule has both COUNT and UNTIL ({}). Only one of them can be given.",
                "Die Regel hat sowohl COUNT als auch UNTIL ({}). Nur eines von beiden kann angegeben werden.",
            ),
            Self::ByDayInvalid => (
                "“{}” cannot be in BYDAY. Right are MO, TU, WE, TH, FR, SA and SU, for months and years also with a number from 1 to 53 before them, such as 1MO or -1FR.",
                "„{}“ geht nicht in BYDAY. Richtig sind MO, TU, WE, TH, FR, SA und SU, für Monate und Jahre auch mit einer Zahl von 1 bis 53 davor, etwa 1MO oder -1FR.",
            ),
            Self::OrdinalNotAllowed => (
                "“{}” needs FREQ=MONTHLY or YEARLY. With DAILY and WEEKLY, BYDAY takes weekdays without a number.",
                "„{}“ braucht FREQ=MONTHLY oder YEARLY. Mit DAILY und WEEKLY nimmt BYDAY Wochentage ohne Zahl.",
            ),
            Self::ByMonthInvalid => (
                "“{}” cannot be in BYMONTH. Right are 1 to 12, with commas between them.",
                "„{}“ geht nicht in BYMONTH. Richtig sind 1 bis 12, mit Kommas dazwischen.",
            ),
            Self::SetPositionInvalid => (
                "“{}” is not a valid BYSETPOS. Use positions from 1 to 366, or from -1 to -366 counted from the end, separated by commas.",
                "„{}“ ist kein gültiger Wert für BYSETPOS. Möglich sind Positionen von 1 bis 366, oder von -1 bis -366 vom Ende gezählt, durch Kommas getrennt.",
            ),
            Self::SetPositionNotAllowed => (
                "BYSETPOS={} requires FREQ=MONTHLY or YEARLY.",
                "BYSETPOS={} erfordert FREQ=MONTHLY oder YEARLY.",
            ),
            Self::WeekStartInvalid => (
                "“{}” is not a valid WKST. Use one of MO, TU, WE, TH, FR, SA and SU.",
                "„{}“ ist kein gültiger Wert für WKST. Möglich sind MO, TU, WE, TH, FR, SA und SU.",
            ),
            Self::WeekStartNotMonday => (
                "WKST={} is not supported with FREQ=WEEKLY and an INTERVAL above 1: weeks start on Monday. Omit WKST or use WKST=MO.",
                "WKST={} wird mit FREQ=WEEKLY und einem INTERVAL über 1 nicht unterstützt: Wochen beginnen am Montag. Bitte WKST weglassen oder WKST=MO verwenden.",
            ),
            Self::TimePartDiffers => (
                "“{}” is not the time of day of DTSTART. BYHOUR, BYMINUTE and BYSECOND can only repeat it; the time of the run is given on its own.",
                "„{}“ ist nicht die Uhrzeit von DTSTART. BYHOUR, BYMINUTE und BYSECOND können sie nur wiederholen; die Uhrzeit der Ausführung wird getrennt angegeben.",
            ),
            Self::TimeInvalid => (
                "“{}” is not a time of day. Right is HH:MM:SS, from 00:00:00 to 23:59:59.",
                "„{}“ ist keine Uhrzeit. Richtig ist HH:MM:SS, von 00:00:00 bis 23:59:59.",
            ),
            Self::ZoneUnknown => (
                "“{}” is not a time zone. Right is a name from the tz database, such as Europe/Berlin or UTC.",
                "„{}“ ist keine Zeitzone. Richtig ist ein Name aus der tz-Datenbank, etwa Europe/Berlin oder UTC.",
            ),
        }
    }
}

/// The text as it can stand in one line of a message: cut, and with control and invisible characters escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars().take(QUOTED) {
        if matches!(character, '"' | '\'' | '\\') {
            quoted.push(character);
        } else {
            quoted.extend(character.escape_debug());
        }
    }
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}
