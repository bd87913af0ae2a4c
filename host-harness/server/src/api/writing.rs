//! Calls that may change something, at most once for each idempotency key.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::request::Parts;
use scheduled_exports_store::{KeptAnswer, RequestKey, RequestState};
use serde::Deserialize;
use tracing::Instrument;

use super::backend::Backend;
use super::etag::{self, Conditions, IfMatch};
use super::idempotency;
use super::links::Here;
use super::problems::Refusal;
use super::reading::{unexpected, versioned};
use super::reply::{REPLAYED, Reply};
use super::routes::Write;
use crate::service::{Answer, CallError, Grant, Keep, Operation};

/// A write that has passed every check of the API.
pub(super) struct Writing {
    pub backend: Arc<dyn Backend>,
    pub grant: Grant,
    pub write: Write,
    pub document: String,
    pub conditions: Conditions,
}

impl Writing {
    /// Carries it out, or answers as the first request with this key did.
    pub async fn answer(self, key: Option<String>, parts: &Parts, here: &Here<'_>) -> Result<Reply, Refusal> {
        let schedule = match self.write {
            Write::Act { id, .. } => id,
            _ => None,
        };
        let (kept, replayed) = match key {
            None => (self.perform(None).await?, false),
            Some(key) => {
                let fingerprint = idempotency::fingerprint(parts, &self.document);
                // A task of its own: a client that hangs up now and asks again is to find an answer, not a request that
                // seems to run until its lease ends.
                let task = tokio::spawn(self.once(key, fingerprint).in_current_span());
                task.await.map_err(|error| Refusal::Broken(error.to_string()))??
            }
        };
        let mut reply = Reply::from_kept(kept);
        reply = match (reply.status, schedule) {
            (StatusCode::CREATED, _) => with_location(reply, here),
            (StatusCode::ACCEPTED, Some(_)) => with_location_of_run(reply, here),
            _ => reply,
        };
        if replayed {
            reply = reply.with(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(reply)
    }

    /// The answer, and whether it is an earlier one.
    async fn once(self, key: String, fingerprint: [u8; 32]) -> Result<(KeptAnswer, bool), Refusal> {
        let key = RequestKey {
            caller: self.grant.principal.audit_name(),
            key,
        };
        let now = self.backend.now();
        let lease_until = now.saturating_add(idempotency::LEASE);
        let ticket = match self.backend.begin_request(&key, &fingerprint, now, lease_until).await? {
            RequestState::Begun { ticket } => ticket,
            RequestState::Running => return Err(Refusal::KeyInUse),
            RequestState::OtherRequest => return Err(Refusal::KeyOfAnother),
            RequestState::Answered(kept) => return Ok((kept, true)),
        };
        let done = self.perform(Some((&key, ticket))).await;
        if let Err(refusal) = &done
            && *refusal != Refusal::Superseded
        {
            // It changed nothing: repeated, it is carried out.
            if let Err(fault) = self.backend.end_request(&key, ticket).await {
                tracing::warn!(%fault, "a request counts as running until its lease ends");
            }
        }
        done.map(|kept| (kept, false))
    }

    async fn perform(&self, keep: Option<(&RequestKey, u64)>) -> Result<KeptAnswer, Refusal> {
        let operation = self.operation().await?;
        let success = match self.write {
            Write::Create => StatusCode::CREATED,
            Write::Delete(_) => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        };
        let answer = |answer: &Answer| kept(success, answer);
        let keep = keep.map(|(key, ticket)| Keep {
            key: key.clone(),
            ticket,
            answer: &answer,
        });
        let answered: Result<Answer, CallError> = self.backend.call(&self.grant, operation, keep).await;
        match answered? {
            Answer::Page { .. } | Answer::Exporters(_) | Answer::Viewed(_) => Err(unexpected()),
            right => Ok(answer(&right)),
        }
    }

    async fn operation(&self) -> Result<Operation, Refusal> {
        let document = self.document.clone();
        Ok(match &self.write {
            Write::Create => Operation::Create(document),
            Write::Act { id, verb } => Operation::Act {
                id: *id,
                verb: verb.clone(),
                document,
                if_version: match id {
                    Some(id) if self.conditions.are_given() => self.looked_up_version(*id).await?,
                    _ => None,
                },
            },
            &Write::Replace(id) => Operation::Replace {
                id,
                document,
                if_version: self.if_version(id).await?,
            },
            &Write::Patch(id) => Operation::Patch {
                id,
                document,
                if_version: self.if_version(id).await?,
            },
            &Write::Delete(id) => Operation::Delete {
                id,
                if_version: self.if_version(id).await?,
            },
        })
    }

    /// The version that the component is to insist on.
    async fn if_version(&self, id: u64) -> Result<Option<u64>, Refusal> {
        let Conditions { matches, none_match } = &self.conditions;
        let wanted = match matches {
            IfMatch::Any => None,
            IfMatch::OneOf(versions) => Some(versions.as_slice()),
        };
        if let (None, None) = (wanted, none_match) {
            return Ok(None);
        }
        if let (Some(&[version]), None) = (wanted, none_match) {
            return Ok(Some(version));
        }
        self.looked_up_version(id).await
    }

    /// The stored version, if it is as demanded.
    async fn looked_up_version(&self, id: u64) -> Result<Option<u64>, Refusal> {
        let Conditions { matches, none_match } = &self.conditions;
        // Also where nothing can match: a caller who may not see the schedule must read just that.
        let (_, stored) = versioned(&*self.backend, &self.grant, id).await?;
        if let IfMatch::OneOf(versions) = matches
            && !versions.contains(&stored)
        {
            return Err(Refusal::Stale);
        }
        if none_match.as_ref().is_some_and(|tags| tags.names(&etag::of(stored))) {
            return Err(Refusal::Exists);
        }
        // Nobody may change it between this look and the write.
        Ok(Some(stored))
    }
}

/// What the client gets for what the component answered.
fn kept(success: StatusCode, answer: &Answer) -> KeptAnswer {
    let (body, etag) = match answer {
        Answer::Document { document, version } => (document.clone().into_bytes(), Some(etag::of(*version))),
        Answer::Acted { document, run } => {
            let status = if run.is_some() { StatusCode::ACCEPTED } else { success };
            return KeptAnswer {
                status: status.as_u16(),
                etag: None,
                body: document.clone().into_bytes(),
            };
        }
        Answer::Deleted | Answer::Page { .. } | Answer::Exporters(_) | Answer::Viewed(_) => (Vec::new(), None),
    };
    KeptAnswer {
        status: success.as_u16(),
        etag,
        body,
    }
}

/// Says where the requested run of a schedule is: beside the verb.
fn with_location_of_run(reply: Reply, here: &Here<'_>) -> Reply {
    #[derive(Deserialize)]
    struct Requested {
        run: u64,
    }
    match serde_json::from_slice::<Requested>(&reply.body) {
        Ok(Requested { run }) => reply.with(LOCATION, here.beside(&format!("runs/{run}/"))),
        Err(_) => reply,
    }
}

/// Says where the created schedule is. The document is the component's, so its id is read from there.
fn with_location(reply: Reply, here: &Here<'_>) -> Reply {
    #[derive(Deserialize)]
    struct Created {
        id: u64,
    }
    match serde_json::from_slice::<Created>(&reply.body) {
        Ok(Created { id }) => reply.with(LOCATION, here.below(&format!("{id}/"))),
        Err(_) => reply,
    }
}
