//! `schedule-store`: what the handle allows, on the storage.
//!
//! Writes of a person are staged on the [`Access`] and committed by the service after the call; `start` and `finish` commit
//! at once, under the run's lease.

use std::collections::BTreeSet;

use std::collections::HashMap;
use std::sync::PoisonError;

use plugin::language::Language;
use scheduled_exports_host::contract::schedule_store::{Page, RunPage, RunStart, StoreError};
use scheduled_exports_host::contract::{Content, Filter, MissedRange, Outcome, PageQuery, Schedule, User};
use scheduled_exports_host::contract::{RunEntry, RunQuery, auth_context::Caller};
use scheduled_exports_host::imports::{Answer, ScheduleStore};
use scheduled_exports_store::usage::MailUser;
use scheduled_exports_store::{
    Change, Finish, ListFilter, ListQuery, Recipient, Row, StorageError, Written, difference,
};

use super::{Access, Run, Services};
use crate::called_off;

/// Joins the owners: the caller is known, for the others the platform is asked once.
async fn joined(services: &Services, caller: &Caller, rows: Vec<Row>) -> Result<Vec<Schedule>, StoreError> {
    let caller = match caller {
        Caller::User(user) => Some(user),
        Caller::Token | Caller::Device => None,
    };
    let mut others: Vec<String> = rows
        .iter()
        .map(|row| &row.owner)
        .filter(|owner| caller.is_none_or(|caller| caller.id != **owner))
        .cloned()
        .collect();
    others.sort_unstable();
    others.dedup();
    let others = match others.is_empty() {
        true => Vec::new(),
        false => services
            .platform
            .users(&others)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?,
    };
    let users = others.iter().chain(caller);
    let users: HashMap<&str, &User> = users.map(|user| (user.id.as_str(), user)).collect();
    Ok(rows
        .into_iter()
        .map(|row| Schedule {
            id: row.id,
            owner: users.get(row.owner.as_str()).map(|user| (*user).clone()),
            version: row.version,
            content: row.content,
        })
        .collect())
}

async fn joined_one(services: &Services, caller: &Caller, row: Row) -> Result<Schedule, StoreError> {
    Ok(joined(services, caller, vec![row]).await?.remove(0))
}

/// The filter as the store takes it: with the users that its addresses belong to.
async fn resolved(services: &Services, access: &Access, filter: &Filter) -> Result<ListFilter, StoreError> {
    let users = async |address: &str| match services.platform.user_by_email(address).await {
        Ok(user) => Ok(user.into_iter().map(|user| user.id).collect::<Vec<_>>()),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    };
    let Filter {
        owner,
        export_identifier,
        recipient,
        state,
        failing,
        due_before,
    } = filter;
    Ok(ListFilter {
        owners: match owner {
            Some(address) => Some(users(address).await?),
            None => None,
        },
        export_identifier: export_identifier.clone(),
        recipient: match recipient {
            Some(address) => Some(Recipient {
                address: address.clone(),
                users: users(address).await?,
            }),
            None => None,
        },
        state: *state,
        failing: *failing,
        due_before: *due_before,
        now: access.facts.settings.now,
    })
}

/// The row as it was when this call read it first.
async fn stored(services: &Services, access: &Access, id: u64) -> Result<Option<Row>, StorageError> {
    // A row is put in whole.
    let last = || access.read.lock().unwrap_or_else(PoisonError::into_inner);
    let read = last().clone().filter(|row| row.id == id);
    if read.is_some() {
        return Ok(read);
    }
    let row = services.storage.get(&access.visible, id).await?;
    last().clone_from(&row);
    Ok(row)
}

/// The row as this call sees it: as stored, and then what it has staged about it.
pub(super) async fn seen(services: &Services, access: &Access, id: u64) -> Result<Row, StoreError> {
    let inserts = |change: &Change| matches!(change, Change::Insert { id: inserted, .. } if *inserted == id);
    let mut row = match access.staged.iter().any(inserts) {
        true => None,
        false => stored(services, access, id).await?,
    };
    for change in &access.staged {
        match change {
            Change::Insert {
                id: inserted,
                owner,
                content,
            } if *inserted == id => {
                row = Some(Row {
                    id,
                    scope: access.visible.scope.clone(),
                    owner: owner.clone(),
                    version: 1,
                    content: content.clone(),
                });
            }
            Change::Update {
                id: updated,
                version,
                content,
                ..
            } if *updated == id => {
                row = row.map(|row| Row {
                    version: version + 1,
                    content: content.clone(),
                    ..row
                });
            }
            Change::TakeOver {
                id: taken,
                version,
                content,
                owner,
                ..
            } if *taken == id => {
                row = row.map(|row| Row {
                    version: version + 1,
                    content: content.clone(),
                    owner: owner.clone(),
                    ..row
                });
            }
            Change::Delete { id: deleted, .. } if *deleted == id => row = None,
            Change::Insert { .. }
            | Change::Update { .. }
            | Change::TakeOver { .. }
            | Change::Delete { .. }
            | Change::RequestRun(_)
            | Change::Tell(_) => {}
        }
    }
    row.ok_or(StoreError::NotFound)
}

/// Notes for the audit log what a staged change makes of a schedule; none: nothing is left of it.
fn note(access: &mut Access, id: u64, old: &Content, new: Option<&Content>) {
    let told = access.details.entry(id).or_default();
    let more = difference(Some(old), new);
    if !told.is_empty() && !more.is_empty() {
        told.push_str("; ");
    }
    told.push_str(&more);
}

/// Refuses missed due times of which some have an entry. The commit asks again: this answer is for the guest to correct.
async fn not_recorded(services: &Services, id: u64, missed: &[MissedRange]) -> Result<(), StoreError> {
    for range in missed {
        if let Some(latest) = services.storage.recorded(id, range).await? {
            return Err(StoreError::AlreadyRecorded(latest));
        }
    }
    Ok(())
}

impl Access {
    /// Keeps whose schedule it was before this call changed it.
    fn changes(&mut self, row: &Row) {
        let before = || (row.owner.clone(), row.version);
        self.owners.entry(row.id).or_insert_with(before);
    }
}

impl ScheduleStore for Services {
    async fn list(&self, access: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        let filter = resolved(self, access, &query.filter).await?;
        let query = ListQuery::new(query, filter);
        let found = self.storage.list(&access.visible, &query).await?;
        let rows = found.ok_or(StoreError::NotFound)?;
        Ok(Page {
            total: rows.total,
            rows: joined(self, &access.facts.caller, rows.rows).await?,
            next: rows.next,
        })
    }

    async fn get(&self, access: &Access, id: u64) -> Answer<Schedule, StoreError> {
        let row = seen(self, access, id).await?;
        Ok(joined_one(self, &access.facts.caller, row).await?)
    }

    async fn insert(&self, access: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
        let Caller::User(user) = &access.facts.caller else {
            return Err(StoreError::Forbidden.into());
        };
        // The commit counts, in its transaction. Once it has refused, this answer is for the guest to tell.
        if let Some(quota) = access.quota.filter(|_| access.counts_schedules) {
            let inserts = access
                .staged
                .iter()
                .filter(|change| matches!(change, Change::Insert { .. }))
                .count() as u64;
            let count = self.storage.count(&access.visible.scope.organizer).await?;
            if count + inserts >= u64::from(quota) {
                return Err(StoreError::Quota(quota).into());
            }
        }
        let owner = user.clone();
        let id = self.storage.reserve_id().await?;
        access.staged.push(Change::Insert {
            id,
            owner: owner.id.clone(),
            content: content.clone(),
        });
        Ok(Schedule {
            id,
            owner: Some(owner),
            version: 1,
            content,
        })
    }

    async fn update(
        &self,
        access: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let row = seen(self, access, id).await?;
        if row.version != version {
            return Err(StoreError::Stale.into());
        }
        not_recorded(self, id, &missed).await?;
        access.changes(&row);
        note(access, id, &row.content, Some(&content));
        access.staged.push(Change::Update {
            id,
            version,
            content: content.clone(),
            missed,
        });
        let changed = Row {
            version: version + 1,
            content,
            ..row
        };
        Ok(joined_one(self, &access.facts.caller, changed).await?)
    }

    async fn take_over(
        &self,
        access: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let Caller::User(user) = &access.facts.caller else {
            return Err(StoreError::Forbidden.into());
        };
        let owner = user.clone();
        let row = seen(self, access, id).await?;
        if row.version != version {
            return Err(StoreError::Stale.into());
        }
        not_recorded(self, id, &missed).await?;
        access.changes(&row);
        note(access, id, &row.content, Some(&content));
        access.staged.push(Change::TakeOver {
            id,
            version,
            owner: owner.id.clone(),
            former: row.owner,
            content: content.clone(),
            missed,
        });
        Ok(Schedule {
            id,
            owner: Some(owner),
            version: version + 1,
            content,
        })
    }

    async fn delete(&self, access: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
        let row = seen(self, access, id).await?;
        if version.is_some_and(|version| version != row.version) {
            return Err(StoreError::Stale.into());
        }
        access.changes(&row);
        note(access, id, &row.content, None);
        access.staged.push(Change::Delete { id, version });
        Ok(())
    }

    async fn runs(&self, access: &Access, id: u64, query: RunQuery) -> Answer<RunPage, StoreError> {
        seen(self, access, id).await?;
        let rows = self.storage.runs(id, &query).await?.ok_or(StoreError::NotFound)?;
        let language = Language::of_tag(&access.facts.language);
        Ok(RunPage {
            total: rows.total,
            rows: rows
                .rows
                .into_iter()
                .map(|entry| called_off::shown(entry, language))
                .collect(),
            next: rows.next,
        })
    }

    async fn latest_runs(&self, access: &Access, ids: Vec<u64>) -> Answer<Vec<Option<RunEntry>>, StoreError> {
        let mut visible = BTreeSet::new();
        for id in &ids {
            if self.storage.get(&access.visible, *id).await?.is_some() {
                visible.insert(*id);
            }
        }
        let language = Language::of_tag(&access.facts.language);
        let latest = self.storage.latest_runs(&ids).await?;
        let shown = |(id, entry): (&u64, Option<RunEntry>)| {
            entry
                .filter(|_| visible.contains(id))
                .map(|entry| called_off::shown(entry, language))
        };
        Ok(ids.iter().zip(latest).map(shown).collect())
    }

    async fn start(&self, run: &mut Run, plan: RunStart) -> Answer<(), StoreError> {
        let lease = &mut run.leased.lease;
        let id = self
            .storage
            .start(
                lease,
                &plan,
                &self.zone_database,
                &run.facts.settings.zone,
                self.clock.now(),
            )
            .await?;
        if lease.run.is_none() {
            // Of the span that the call is made in.
            tracing::Span::current().record("run", id);
            tracing::info!("run started");
        }
        lease.run = Some(id);
        run.due = Some(plan.due);
        run.leased.started_version.get_or_insert(run.leased.row.version);
        let zone = &run.facts.settings.zone;
        run.leased.started_zone.get_or_insert_with(|| zone.clone());
        Ok(())
    }

    async fn finish(
        &self,
        run: &mut Run,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> Answer<(), StoreError> {
        let id = run.leased.lease.run.ok_or(StoreError::LeaseLost)?;
        let finish = Finish {
            outcome,
            error_counter,
            active,
            mail: run.staged.clone(),
            now: self.clock.now(),
            mail_limits: self.mail_limits(run),
        };
        let written = self.storage.finish(&run.leased.lease, id, &finish).await?;
        if let Written::PastMailLimit(user) = written {
            let (organizer, schedule) = (&run.leased.row.scope.organizer, run.leased.schedule());
            let who = match user {
                MailUser::Organizer => "its organizer",
                MailUser::Owner => "the owner of its schedule",
            };
            tracing::warn!(
                organizer,
                schedule,
                "a mail was not sent: {who} has reached the limit of today"
            );
        }
        Ok(())
    }
}
