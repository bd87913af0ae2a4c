//! Where a page begins, as the opaque text that [`Rows::next`](super::Rows::next) hands out: flat in depth, and rows added
//! or removed meanwhile shift nothing.

use data_encoding::HEXLOWER;

use crate::contract::SortKey;

/// First part of every text; another one is of another version of the store.
const VERSION: &str = "1";

/// The last row of a page, as its order sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) key: Key,
    pub(crate) descending: bool,
    pub(crate) id: i64,
}

/// What the row is sorted by beside its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// By id alone.
    Id,
    Exporter(String),
    /// The sort key of the next run in the cursor's direction.
    NextRun(i64),
    /// A run of the history, with its due time.
    Due(i64),
}

impl Cursor {
    /// The text for people to hand back.
    pub(crate) fn to_text(&self) -> String {
        let direction = if self.descending { "d" } else { "u" };
        let (order, key) = match &self.key {
            Key::Id => ("i", String::new()),
            Key::Exporter(identifier) => ("e", HEXLOWER.encode(identifier.as_bytes())),
            Key::NextRun(key) => ("n", key.to_string()),
            Key::Due(due) => ("h", due.to_string()),
        };
        format!("{VERSION}{order}{direction}.{}.{key}", self.id)
    }

    /// Reads back such a text of the same order; none: it is no such text.
    pub(crate) fn of_list(text: &str, order: SortKey, descending: bool) -> Option<Self> {
        let cursor = Self::read(text)?;
        let same = matches!(
            (&cursor.key, order),
            (Key::Id, SortKey::Id)
                | (Key::Exporter(_), SortKey::ExportIdentifier)
                | (Key::NextRun(_), SortKey::NextRun)
        );
        (same && cursor.descending == descending).then_some(cursor)
    }

    /// What leads on behind the run of this due time and id in the history.
    pub(super) fn behind(due: i64, id: i64) -> String {
        let cursor = Self {
            key: Key::Due(due),
            descending: true,
            id,
        };
        cursor.to_text()
    }

    /// Reads back due time and id of the run that a page of the history ended with; none: it is no such text.
    pub(crate) fn of_history(text: &str) -> Option<(i64, i64)> {
        match Self::read(text)? {
            Self {
                key: Key::Due(due),
                descending: true,
                id,
            } => Some((due, id)),
            _ => None,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(VERSION)?.splitn(3, '.');
        let (kind, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let cursor = Self {
            descending: kind.ends_with('d'),
            id: id.parse().ok()?,
            key: match kind {
                "iu" | "id" => Key::Id,
                "eu" | "ed" => Key::Exporter(String::from_utf8(HEXLOWER.decode(key.as_bytes()).ok()?).ok()?),
                "nu" | "nd" => Key::NextRun(key.parse().ok()?),
                "hd" => Key::Due(key.parse().ok()?),
                _ => return None,
            },
        };
        // One text a cursor: what people made up themselves is no `next` of ours.
        (cursor.to_text() == text).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_order_and_direction_only() {
        let cursor = Cursor {
            key: Key::Exporter("Bestellungen äöü.1".to_owned()),
            descending: true,
            id: 7,
        };
        let text = cursor.to_text();
        assert_eq!(Cursor::of_list(&text, SortKey::ExportIdentifier, true), Some(cursor));
        assert_eq!(Cursor::of_list(&text, SortKey::ExportIdentifier, false), None);
        assert_eq!(Cursor::of_list(&text, SortKey::Id, true), None);
        assert_eq!(Cursor::of_history(&text), None);
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        let made_up = [
            "",
            "1",
            "1iu",
            "1iu.5",
            "2iu.5.",
            "1iu.05.",
            "1iu.5.x",
            "1iu.-.",
            "1xu.5.",
            "1eu.5.0",
            "1eu.5.zz",
            "1eu.5.ff",
            "1nu.5.",
            "1iu.99999999999999999999.",
            "1iu.+5.",
            "1eu.5.+1",
            "1eu.5.é",
        ];
        for text in made_up {
            for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
                assert_eq!(Cursor::of_list(text, order, false), None, "{text}");
            }
            assert_eq!(Cursor::of_history(text), None, "{text}");
        }
    }
}
