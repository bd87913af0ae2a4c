//! The reference host under test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conformance_component::COMPONENT;
use reference_platform::{Admission, Credentials};
use reference_server::delivery::{DeliveryLimits, MailHealth, deliver_due};
use reference_server::service::{Answer, CallError, Grant, Operation};
use scheduled_exports_host::clock::{Clock as _, Instant};
use scheduled_exports_host::contract::exported::recurrence::Stored;
use scheduled_exports_host::contract::{Filter, RunQuery, exported::jobs::AbandonReason};
use scheduled_exports_host::contract::{PageQuery, Position, SortKey};
use scheduled_exports_mail::Refusal;
use scheduled_exports_store::{Leased, Scope};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Change, Ending, Export, Facts, HandedOver, HostUnderTest, Hosts, Job, Right, Stands, Taken, World};
use crate::{Harness, TestStore};

/// How long a run is leased for, in seconds.
const LEASE: i64 = 60;

/// Reference hosts on SQLite, each in a folder of its own.
#[derive(Clone, Copy, Debug)]
pub struct OnSqlite;

/// Reference hosts on PostgreSQL, each in a database of its own on the server that the tests of this process share.
#[derive(Clone, Copy, Debug)]
pub struct OnPostgres;

#[async_trait]
impl Hosts for OnSqlite {
    fn context(&self) -> Facts {
        facts()
    }

    async fn plan(&self, document: &str) -> Result<String, String> {
        plan(document).await
    }

    async fn host(&self, world: &World, now: Instant) -> Result<Arc<dyn HostUnderTest>, String> {
        host(TestStore::Sqlite, world, now).await
    }
}

#[async_trait]
impl Hosts for OnPostgres {
    fn context(&self) -> Facts {
        facts()
    }

    async fn plan(&self, document: &str) -> Result<String, String> {
        plan(document).await
    }

    async fn host(&self, world: &World, now: Instant) -> Result<Arc<dyn HostUnderTest>, String> {
        let kept = TestStore::postgres().ok_or("there are no programs of a PostgreSQL server here")?;
        host(kept, world, now).await
    }
}

fn facts() -> Facts {
    Facts {
        exporter: "orderlist".into(),
        form: json!({"_format": "default", "date_range": "2000-01-01/2039-12-31"}),
        lease: LEASE,
    }
}

async fn launch(kept: TestStore, fixture: &str, now: &str) -> Harness {
    let host = Harness::builder().store(kept).plugin(COMPONENT);
    host.fixture(fixture).at(now).build().await
}

async fn plan(document: &str) -> Result<String, String> {
    let host = launch(TestStore::Sqlite, "{}", "2030-01-01T00:00:00Z").await;
    let instance = host.service.instance("replan", Duration::from_secs(60)).await;
    let mut instance = instance.map_err(|fault| fault.to_string())?;
    let recurrence = instance.plugin.ticketing_scheduled_exports_recurrence();
    let row = Stored {
        not_before: None,
        document: document.into(),
        default_zone: "UTC".into(),
    };
    let answers = recurrence.call_replan(&mut instance.store, &[row], 0).await;
    match answers.map_err(|error| error.to_string())?.pop() {
        Some(Err(plan)) => Ok(plan),
        other => Err(format!("the component answered {other:?} for a plan")),
    }
}

async fn host(kept: TestStore, world: &World, now: Instant) -> Result<Arc<dyn HostUnderTest>, String> {
    let now = chrono::DateTime::from_timestamp(now, 0).ok_or("a clock that no calendar has")?;
    let host = launch(kept, &fixture(world).to_string(), &now.to_rfc3339()).await;
    Ok(Arc::new(ReferenceHost {
        host,
        second: OnceCell::new(),
        looking: AtomicUsize::new(0),
        world: world.clone(),
        leases: Mutex::default(),
    }))
}

/// The world as a fixture of the reference platform. Each right of a user is a team.
fn fixture(world: &World) -> Value {
    let permissions = |right: &Right| {
        let mut permissions = Vec::new();
        if right.settings {
            permissions.extend(["change_organizer_settings", "change_event_settings"]);
        }
        if right.export {
            permissions.push("view_orders");
        }
        permissions
    };
    let team = |name: &str, right: &Right, members: Value, tokens: Value| {
        let events = right
            .events
            .as_ref()
            .map_or_else(|| json!("all"), |events| json!(events));
        json!({"organizer": right.organizer, "name": name, "members": members, "events": events,
            "permissions": permissions(right), "api_tokens": tokens})
    };
    let mut teams = Vec::new();
    for user in &world.users {
        teams.extend(
            user.rights
                .iter()
                .map(|right| team(&user.name, right, json!([user.email]), json!([]))),
        );
    }
    let (mut oauth_tokens, mut devices) = (Vec::new(), Vec::new());
    for caller in &world.callers {
        match &caller.stands {
            Stands::User(name) => {
                let user = world.users.iter().find(|user| user.name == *name);
                let organizers = user
                    .into_iter()
                    .flat_map(|user| &user.rights)
                    .map(|right| &right.organizer);
                oauth_tokens.push(json!({
                    "token": caller.name,
                    "user": user.map(|user| &user.email),
                    "scopes": if caller.may_write { json!(["read", "write"]) } else { json!(["read"]) },
                    "organizers": organizers.collect::<Vec<_>>(),
                }));
            }
            Stands::Token(right) => teams.push(team(&caller.name, right, json!([]), json!([caller.name]))),
            Stands::Device { organizer } => devices
                .push(json!({"organizer": organizer, "name": caller.name, "token": caller.name, "events": "all"})),
        }
    }
    let organizers = world.organizers.iter().map(|organizer| {
        let mut settings = json!({"max_mail_bytes": organizer.mail_bytes});
        if let Some(quota) = organizer.quota {
            settings["max_schedules"] = json!(quota);
        }
        if let Some(domains) = &organizer.recipient_domains {
            settings["recipient_domains"] = json!(domains);
        }
        json!({"slug": organizer.slug, "name": organizer.slug, "timezone": organizer.zone, "locale": "en", "settings": settings})
    });
    let events = world.events.iter().map(|event| {
        json!({"organizer": event.organizer, "slug": event.slug, "name": event.slug, "timezone": event.zone,
            "currency": "EUR", "starts": "2030-06-01T10:00:00Z", "ends": "2030-06-01T22:00:00Z"})
    });
    let orders = world.events.iter().zip(1..).map(|(event, seed)| {
        json!({"organizer": event.organizer, "event": event.slug, "count": 3, "from": "2029-01-01T00:00:00Z",
            "to": "2030-01-01T00:00:00Z", "seed": seed})
    });
    let users = world
        .users
        .iter()
        .map(|user| json!({"email": user.email, "name": user.name, "locale": user.language}));
    json!({
        "organizers": organizers.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "users": users.collect::<Vec<_>>(),
        "teams": teams,
        "oauth_tokens": oauth_tokens,
        "devices": devices,
        "orders_generated": orders.collect::<Vec<_>>(),
        "schedules": [],
    })
}

struct ReferenceHost {
    host: Harness,
    /// Another one on the same store: for workers that come while one is looking for work.
    second: OnceCell<Harness>,
    looking: AtomicUsize,
    world: World,
    leases: Mutex<Vec<Leased>>,
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl ReferenceHost {
    /// What the HTTP API would find out about this caller there.
    async fn grant(&self, name: &str, at: &Scope) -> Result<Grant, String> {
        let caller = self.world.callers.iter().find(|caller| caller.name == name);
        let caller = caller.ok_or_else(|| format!("there is no caller {name}"))?;
        let secret = caller.name.clone();
        let credentials = match caller.stands {
            Stands::User(_) => Credentials::Bearer(secret),
            Stands::Token(_) => Credentials::Token(secret),
            Stands::Device { .. } => Credentials::Device(secret),
        };
        let platform = self.host.platform();
        let now = self.host.clock.now();
        let admitted = match platform.admission(&credentials, Some(at), now).await.map_err(words)? {
            Admission::Nobody => return Err(format!("the credentials of {name} are not good any more")),
            Admission::NoAccess => return Err(format!("{name} has nothing to do with {at:?}")),
            Admission::Admitted(admitted) => *admitted,
        };
        Ok(Grant {
            scope: at.clone(),
            principal: admitted.principal,
            caller: admitted.caller,
            language: "en".into(),
            may_change_settings: admitted.rights.may_change_settings,
            may_write: admitted.rights.may_write,
            place: admitted.place,
            event_deleted: admitted.event_deleted,
            reaches_deleted_events: admitted.reaches_deleted_events,
        })
    }

    async fn id_of(&self, user: &str) -> Result<String, String> {
        let email = self
            .world
            .users
            .iter()
            .find(|one| one.name == user)
            .map(|one| &one.email);
        let email = email.ok_or_else(|| format!("there is no user {user}"))?;
        let found = self.host.platform().user_by_email(email).await.map_err(words)?;
        Ok(found.ok_or_else(|| format!("{user} is gone"))?.id)
    }
}

/// The first page, as a step asks for it.
const FIRST: Position = Position::Number(1);

fn operation(export: Export) -> Operation {
    match export {
        Export::List => Operation::List(PageQuery {
            filter: Filter::default(),
            order: SortKey::Id,
            descending: false,
            at: FIRST,
            size: 50,
        }),
        Export::Get(id) => Operation::Get(id),
        Export::Create(document) => Operation::Create(document),
        Export::Replace(id, document) => Operation::Replace {
            id,
            document,
            if_version: None,
        },
        Export::Patch(id, document) => Operation::Patch {
            id,
            document,
            if_version: None,
        },
        Export::Delete(id) => Operation::Delete { id, if_version: None },
        Export::Runs(id) => Operation::Runs {
            id,
            query: RunQuery::page(FIRST, 50),
        },
        Export::Exporters => Operation::Exporters(None),
        Export::View { name, params } => Operation::View { id: None, name, params },
        Export::Act { verb, document } => Operation::Act {
            id: None,
            verb,
            document,
            if_version: None,
        },
    }
}

#[async_trait]
impl HostUnderTest for ReferenceHost {
    async fn set_clock(&self, now: Instant) -> Result<(), String> {
        self.host.clock.set(now);
        Ok(())
    }

    async fn call(&self, caller: &str, at: &Scope, export: Export) -> Result<Ending, String> {
        let grant = self.grant(caller, at).await?;
        match self.host.service.call(&grant, operation(export), None).await {
            Ok(Answer::Document { document, .. } | Answer::Viewed(document) | Answer::Acted { document, .. }) => {
                Ok(Ending::Ok(Some(document)))
            }
            Ok(Answer::Page { .. } | Answer::Deleted | Answer::Exporters(_)) => Ok(Ending::Ok(None)),
            Err(CallError::Problem(refusal)) => Ok(super::problem(refusal)),
            Err(CallError::Trapped(words)) => Ok(Ending::Trap(words)),
            Err(
                error @ (CallError::Unavailable(_) | CallError::Busy | CallError::Exceeded(_) | CallError::Superseded),
            ) => Err(words(error)),
        }
    }

    async fn take(&self) -> Result<Vec<Taken>, String> {
        let host = match self.looking.fetch_add(1, Ordering::SeqCst) {
            0 => &self.host,
            _ => self.second.get_or_init(|| self.host.second()).await,
        };
        let (storage, now) = (host.storage(), host.clock.now());
        let mut all = storage.take_settled(now, now + LEASE, 100).await.map_err(words)?;
        all.extend(storage.take_due(now, now + LEASE, 100, None).await.map_err(words)?);
        self.looking.fetch_sub(1, Ordering::SeqCst);
        let mut leases = self.leases.lock().map_err(words)?;
        Ok(all
            .into_iter()
            .map(|leased| {
                let schedule = leased.row.id;
                leases.push(leased);
                Taken {
                    lease: leases.len() - 1,
                    schedule,
                }
            })
            .collect())
    }

    async fn run(&self, lease: usize, job: Job) -> Result<Result<(), String>, String> {
        let leased = self.leases.lock().map_err(words)?.get(lease).cloned();
        let mut leased = leased.ok_or("there is no such lease")?;
        let abandon = match job {
            Job::Execute | Job::Settle => None,
            Job::Abandon => Some(AbandonReason::Unfinished),
        };
        let done = self.host.service.job(&mut leased, abandon).await.map_err(words)?;
        self.leases.lock().map_err(words)?[lease] = leased;
        Ok(done.outcome.map_err(words))
    }

    async fn deliver(&self, refused: &[String]) -> Result<Vec<HandedOver>, String> {
        let refusal = Refusal::Permanent("550 no such user".into());
        for address in refused {
            self.host.mail.refuse(address, Some(refusal.clone()));
        }
        let (storage, clock) = (self.host.storage(), self.host.clock.as_ref());
        let (limits, health) = (DeliveryLimits::default(), MailHealth::default());
        deliver_due(storage, self.host.mail.as_ref(), clock, &limits, &health)
            .await
            .map_err(words)?;
        for address in refused {
            self.host.mail.refuse(address, None);
        }
        let mails = self.host.take_mails().into_iter().map(|mail| HandedOver {
            to: mail.recipient,
            subject: mail.subject,
            message_id: mail.message_id,
            attached: mail.attachment.is_some(),
        });
        Ok(mails.collect())
    }

    fn open_handles(&self) -> Option<usize> {
        Some(self.host.service.open_handles())
    }

    async fn change_user(&self, user: &str, change: Change) -> Result<(), String> {
        let id = self.id_of(user).await?;
        let platform = self.host.platform();
        match change {
            Change::Inactive => platform.set_user_active(&id, false).await.map_err(words),
            Change::Gone => platform.remove_user(&id).await.map_err(words),
            Change::WithoutRights => {
                let of = self.world.users.iter().filter(|one| one.name == user);
                for right in of.flat_map(|one| &one.rights) {
                    let removed = platform.remove_team_member(&right.organizer, user, &id).await;
                    removed.map_err(words)?;
                }
                Ok(())
            }
        }
    }
}
