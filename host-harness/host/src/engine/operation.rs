//! Calls of `schedules` and their results as values.

use serde::{Deserialize, Serialize};

use super::{Accepted, Schedules, Unaccepted};
use crate::contract::exported::schedules::{Page, Versioned};
use crate::contract::{Acted, PageQuery, RunQuery};
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
    /// `replace`: omitted fields return to their defaults.
    Replace {
        /// Id of the schedule.
        id: u64,
        /// JSON text.
        document: String,
        /// The version that must be stored; `None` for any.
        if_version: Option<u64>,
    },
    /// `patch`: omitted fields stay unchanged.
    Patch {
        /// Id of the schedule.
        id: u64,
        /// JSON text.
        document: String,
        /// The version that must be stored; `None` for any.
        if_version: Option<u64>,
    },
    /// `delete`.
    Delete {
        /// Id of the schedule.
        id: u64,
        /// The version that must be stored; `None` for any.
        if_version: Option<u64>,
    },
    /// `runs`: a page of the history.
    Runs {
        /// Id of the schedule.
        id: u64,
        /// Which part of it.
        query: RunQuery,
    },
    /// `exporters`; `Some` for the exporter with that identifier.
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
        /// Id of the schedule; `None` if the verb is about none.
        id: Option<u64>,
        /// The verb, which the plugin defines.
        verb: String,
        /// JSON text.
        document: String,
        /// The version that must be stored if the call changes the schedule; `None` for any. The component does not see it: the
        /// host checks the staged writes.
        #[serde(default)]
        if_version: Option<u64>,
    },
}

/// The result of an operation. Documents are JSON texts, to be passed on unchanged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Answer {
    /// Result of `list` and `runs`.
    Page {
        /// Rows on all pages.
        total: u64,
        /// One document per row.
        documents: Vec<String>,
        /// The cursor of the next page; `None` if this is the last one.
        next: Option<String>,
    },
    /// Result of `get`, `create`, `replace` and `patch`.
    Document {
        /// The schedule.
        document: String,
        /// The version, from which its `ETag` is made.
        version: u64,
    },
    /// Result of `delete`.
    Deleted,
    /// Result of `exporters`: one document per exporter.
    Exporters(Vec<String>),
    /// Of `view`: the plugin's document.
    Viewed(String),
    /// Of `act`.
    Acted {
        /// The plugin's document.
        document: String,
        /// The run that the call has asked for.
        run: Option<u64>,
    },
}

impl Operation {
    /// Returns the function's name in the contract.
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
    /// Calls the function of an operation.
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
            Operation::Runs { id, query } => answered(self.runs(id, &query).await?),
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
                let Acted { document, run } = answer;
                let answer = Answer::Acted { document, run };
                Accepted { answer, access }
            }
        })
    }
}

fn answered<T: Into<Answer>, A>(accepted: Accepted<T, A>) -> Accepted<Answer, A> {
    let (answer, access) = (accepted.answer.into(), accepted.access);
    Accepted { answer, access }
}
