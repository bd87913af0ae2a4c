//! `schedules`, asked in one way: what is asked, and what was answered, as values.

use serde::{Deserialize, Serialize};

use super::{Accepted, Schedules, Unaccepted};
use crate::contract::exported::schedules::{Page, Versioned};
use crate::contract::{PageQuery, Position};
use crate::imports::Imports;

/// An exported function of `schedules`, with its arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// `list`.
    List(PageQuery),
    /// `get` of this id.
    Get(u64),
    /// `create` with this document.
    Create(String),
    /// `replace`: what the document leaves out goes back to its default.
    Replace {
        /// Of the schedule.
        id: u64,
        /// JSON text.
        document: String,
        /// Refused where another version is stored; none: whatever it is.
        if_version: Option<u64>,
    },
    /// `patch`: what the document leaves out stays.
    Patch {
        /// Of the schedule.
        id: u64,
        /// JSON text.
        document: String,
        /// Refused where another version is stored; none: whatever it is.
        if_version: Option<u64>,
    },
    /// `delete`.
    Delete {
        /// Of the schedule.
        id: u64,
        /// Refused where another version is stored; none: whatever it is.
        if_version: Option<u64>,
    },
    /// `runs`: a page of the history.
    Runs {
        /// Of the schedule.
        id: u64,
        /// Which page.
        at: Position,
        /// Rows a page, 1 to 50.
        size: u32,
    },
    /// `exporters`, or the one of that name.
    Exporters(Option<String>),
    /// `view`.
    View {
        /// Of the schedule; none: about none.
        id: Option<u64>,
        /// The plugin's word for what is to be shown.
        name: String,
        /// The query's, decoded.
        params: Vec<(String, String)>,
    },
    /// `act`.
    Act {
        /// Of the schedule; none: about none.
        id: Option<u64>,
        /// The plugin's word for what to do.
        verb: String,
        /// JSON text.
        document: String,
        /// Refused where it would change another version; none: whatever it is. The component is not told: it is the host that
        /// looks at what was staged.
        #[serde(default)]
        if_version: Option<u64>,
    },
}

/// What it answered. Documents are JSON texts, to be passed on as they are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Answer {
    /// Of `list` and `runs`.
    Page {
        /// Rows on all pages.
        total: u64,
        /// One for each row.
        documents: Vec<String>,
        /// Where the next page begins; none: this is the last.
        next: Option<String>,
    },
    /// Of `get`, `create`, `replace` and `patch`.
    Document {
        /// The schedule.
        document: String,
        /// What its `ETag` is made of.
        version: u64,
    },
    /// Of `delete`.
    Deleted,
    /// Of `exporters`: one document each.
    Exporters(Vec<String>),
    /// Of `view`: the plugin's document.
    Viewed(String),
    /// Of `act`: the plugin's document.
    Acted(String),
}

impl Operation {
    /// The function, as the contract names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Get(_) => "get",
            Self::Create(_) => "create",
            Self::Replace { .. } => "replace",
            Self::Patch { .. } => "patch",
            Self::Delete { .. } => "delete",
            Self::Runs { .. } => "runs",
            Self::Exporters(_) => "exporters",
            Self::View { .. } => "view",
            Self::Act { .. } => "act",
        }
    }
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self::Page {
            total: page.total,
            documents: page.documents,
            next: page.next,
        }
    }
}

impl From<Versioned> for Answer {
    fn from(one: Versioned) -> Self {
        Self::Document {
            document: one.document,
            version: one.version,
        }
    }
}

impl<H: Imports> Schedules<'_, H> {
    /// Asks what one of the operations says.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn ask(self, operation: Operation) -> Result<Accepted<Answer, H::Access>, Unaccepted> {
        Ok(match operation {
            Operation::List(query) => answered(self.list(&query).await?),
            Operation::Get(id) => answered(self.get(id).await?),
            Operation::Create(document) => answered(self.create(document).await?),
            Operation::Replace {
                id,
                document,
                if_version,
            } => answered(self.replace(id, document, if_version).await?),
            Operation::Patch {
                id,
                document,
                if_version,
            } => answered(self.patch(id, document, if_version).await?),
            Operation::Delete { id, if_version } => {
                let Accepted { answer: (), access } = self.delete(id, if_version).await?;
                let answer = Answer::Deleted;
                Accepted { answer, access }
            }
            Operation::Runs { id, at, size } => answered(self.runs(id, &at, size).await?),
            Operation::Exporters(only) => {
                let Accepted { answer, access } = self.exporters(only.as_deref()).await?;
                let answer = Answer::Exporters(answer);
                Accepted { answer, access }
            }
            Operation::View { id, name, params } => {
                let Accepted { answer, access } = self.view(id, &name, &params).await?;
                let answer = Answer::Viewed(answer);
                Accepted { answer, access }
            }
            Operation::Act { id, verb, document, .. } => {
                let Accepted { answer, access } = self.act(id, &verb, document).await?;
                let answer = Answer::Acted(answer);
                Accepted { answer, access }
            }
        })
    }
}

fn answered<T: Into<Answer>, A>(accepted: Accepted<T, A>) -> Accepted<Answer, A> {
    let (answer, access) = (accepted.answer.into(), accepted.access);
    Accepted { answer, access }
}
