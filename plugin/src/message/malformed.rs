//! Where and why a text is not JSON.

use serde_json::Error;

use crate::language::Language;

/// What the parser says, and the same in German. A saying that is not here is given as it is in English and as a plain
/// "not allowed here" in German.
const SAYINGS: [(&str, &str); 14] = [
    ("EOF while parsing", "der Text endet mitten im Dokument"),
    ("expected value", "hier fehlt ein Wert"),
    ("expected ident", "hier steht ein unbekanntes Wort"),
    ("expected `,` or `}`", "hier fehlt `,` oder `}`"),
    ("expected `,` or `]`", "hier fehlt `,` oder `]`"),
    ("expected `:`", "hier fehlt `:`"),
    ("key must be a string", "hier fehlt ein Name in Anführungszeichen"),
    ("trailing comma", "hier steht ein Komma zu viel"),
    ("trailing characters", "nach dem Dokument steht noch etwas"),
    ("invalid number", "das ist keine Zahl"),
    ("number out of range", "diese Zahl ist zu groß"),
    ("invalid escape", "das ist keine gültige Maskierung mit `\\`"),
    (
        "control character",
        "hier steht ein Steuerzeichen, das maskiert sein muss",
    ),
    ("recursion limit exceeded", "hier ist zu tief verschachtelt"),
];

/// The parser's error as a sentence.
#[must_use]
pub fn malformed(error: &Error, language: Language) -> String {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    match language {
        Language::English => format!("This is not JSON: line {line}, column {column}: {said}."),
        Language::German => {
            let known = SAYINGS.iter().find(|(english, _)| said.starts_with(english));
            let said = known.map_or("das ist hier nicht erlaubt", |(_, german)| german);
            format!("Das ist kein JSON: Zeile {line}, Spalte {column}: {said}.")
        }
    }
}
