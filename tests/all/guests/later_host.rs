//! A host of the made-up later version 0.1.1, as small as it can be: what did not change is shared with 0.1.0 by `with:`, so it
//! is implemented once, and only what is new has an implementation of its own.

use scheduled_exports_host::contract::exporters::{
    DownloadLink, ExportError, Exporter, File, LookupError, Reach, RightsOf,
};
use scheduled_exports_host::contract::mailer::{Mail, MailError};
use scheduled_exports_host::contract::schedule_store::{Page, RunPage, RunStart, StoreError};
use scheduled_exports_host::contract::{
    self, Access, Content, MissedRange, Outcome, PageQuery, Recipients, Run, Schedule, User,
};
use scheduled_exports_host::contract::{
    FormError, RequestError, RunEntry, RunKind, RunQuery, RunRequest, ScheduleState,
    auth_context::{AccessContext, OwnerRight, RunContext, Settings},
};
use wasmtime::component::{Component, HasSelf, Linker, Resource};
use wasmtime::{Config, Engine, Store};

pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "contract/made-up-0.1.1",
        world: "plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "ticketing:scheduled-exports/types": scheduled_exports_host::contract::types,
            "ticketing:scheduled-exports/auth-context": scheduled_exports_host::contract::auth_context,
            "ticketing:scheduled-exports/schedule-store": scheduled_exports_host::contract::schedule_store,
            "ticketing:scheduled-exports/manual-runs": scheduled_exports_host::contract::manual_runs,
            "ticketing:scheduled-exports/exporters": scheduled_exports_host::contract::exporters,
            "ticketing:scheduled-exports/mailer": scheduled_exports_host::contract::mailer,
        },
    });
}

use bindings::ticketing::scheduled_exports::{holidays, log};

/// What was asked of the host, in order.
#[derive(Default)]
pub(super) struct LaterHost {
    asked: Vec<String>,
}

/// Has the component execute a run, and answers what it asked for on the way.
pub(super) async fn executed(component: &[u8]) -> Vec<String> {
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::new(&engine, component).expect("a component");
    let mut linker: Linker<LaterHost> = Linker::new(&engine);
    bindings::Plugin::add_to_linker::<_, HasSelf<LaterHost>>(&mut linker, |host| host).expect("imports");
    let mut store = Store::new(&engine, LaterHost::default());
    let plugin = bindings::Plugin::instantiate_async(&mut store, &component, &linker)
        .await
        .expect("an instance");
    plugin
        .ticketing_scheduled_exports_jobs()
        .call_execute(&mut store, Resource::new_borrow(1))
        .await
        .expect("no trap");
    store.into_data().asked
}

fn unasked<T>() -> wasmtime::Result<Result<T, StoreError>> {
    Ok(Err(StoreError::Unavailable("nobody asks for this here".into())))
}

impl contract::types::Host for LaterHost {}
impl contract::auth_context::Host for LaterHost {}

impl contract::auth_context::HostAccess for LaterHost {
    async fn context(&mut self, _: Resource<Access>) -> wasmtime::Result<AccessContext> {
        Err(wasmtime::Error::msg("no access was lent"))
    }

    async fn drop(&mut self, _: Resource<Access>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl contract::auth_context::HostRun for LaterHost {
    async fn context(&mut self, _: Resource<Run>) -> wasmtime::Result<RunContext> {
        Ok(RunContext {
            kind: RunKind::Scheduled,
            page_url: String::new(),
            requested_by: None,
            schedule: Schedule {
                id: 1,
                owner: Some(User {
                    id: "1".into(),
                    email: "ann@example.org".into(),
                    language: "en".into(),
                    active: true,
                }),
                version: 1,
                content: Content {
                    export_identifier: "orderlist".into(),
                    recipients: Recipients {
                        to: Vec::new(),
                        cc: Vec::new(),
                        bcc: Vec::new(),
                    },
                    next_run: Some(1_800_000_000),
                    state: ScheduleState::Active,
                    error_counter: 0,
                    document: "{}".into(),
                },
            },
            event_level: false,
            owner_right: OwnerRight::Yes,
            due: None,
            started_version: None,
            newer_zone_database: None,
            attempt: 1,
            settings: Settings {
                now: 1_800_000_000,
                zone: "UTC".into(),
                languages: vec!["en".into()],
                recipient_domains: None,
                mail_bytes: 1_000_000,
                configuration_url: "https://tickets.example/".into(),
                latest_event: 0,
            },
        })
    }

    async fn drop(&mut self, _: Resource<Run>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl contract::schedule_store::Host for LaterHost {
    async fn list(&mut self, _: Resource<Access>, _: PageQuery) -> wasmtime::Result<Result<Page, StoreError>> {
        unasked()
    }

    async fn get(&mut self, _: Resource<Access>, _: u64) -> wasmtime::Result<Result<Schedule, StoreError>> {
        unasked()
    }

    async fn insert(&mut self, _: Resource<Access>, _: Content) -> wasmtime::Result<Result<Schedule, StoreError>> {
        unasked()
    }

    async fn update(
        &mut self,
        _: Resource<Access>,
        _: u64,
        _: u64,
        _: Content,
        _: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        unasked()
    }

    async fn take_over(
        &mut self,
        _: Resource<Access>,
        _: u64,
        _: u64,
        _: Content,
        _: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        unasked()
    }

    async fn delete(
        &mut self,
        _: Resource<Access>,
        _: u64,
        _: Option<u64>,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        unasked()
    }

    async fn runs(
        &mut self,
        _: Resource<Access>,
        _: u64,
        _: RunQuery,
    ) -> wasmtime::Result<Result<RunPage, StoreError>> {
        unasked()
    }

    async fn latest_runs(
        &mut self,
        _: Resource<Access>,
        _: Vec<u64>,
    ) -> wasmtime::Result<Result<Vec<Option<RunEntry>>, StoreError>> {
        unasked()
    }

    async fn start(&mut self, _: Resource<Run>, plan: RunStart) -> wasmtime::Result<Result<(), StoreError>> {
        self.asked.push(format!("start {}", plan.due));
        Ok(Ok(()))
    }

    async fn finish(
        &mut self,
        _: Resource<Run>,
        outcome: Outcome,
        _: u32,
        _: bool,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        self.asked.push(format!("finish {outcome:?}"));
        Ok(Ok(()))
    }
}

impl contract::manual_runs::Host for LaterHost {
    async fn request(
        &mut self,
        _: Resource<Access>,
        _: Option<u64>,
        _: RunRequest,
    ) -> wasmtime::Result<Result<u64, RequestError>> {
        Ok(Err(RequestError::Unavailable("nobody asks for this here".into())))
    }
}

impl contract::exporters::Host for LaterHost {
    async fn check_form(
        &mut self,
        _: Resource<Access>,
        _: RightsOf,
        _: String,
        form: String,
    ) -> wasmtime::Result<Result<String, FormError>> {
        Ok(Ok(form))
    }

    async fn available(
        &mut self,
        _: Resource<Access>,
        _: RightsOf,
        _: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Exporter>, LookupError>> {
        Ok(Ok(Vec::new()))
    }

    async fn usable_events(
        &mut self,
        _: Resource<Access>,
        _: RightsOf,
        _: String,
        _: Option<Vec<String>>,
    ) -> wasmtime::Result<Result<Reach, LookupError>> {
        Ok(Ok(Reach::Events(Vec::new())))
    }

    async fn visible_events(
        &mut self,
        _: Resource<Access>,
        _: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        Ok(Ok(Vec::new()))
    }

    async fn missing_events(
        &mut self,
        _: Resource<Access>,
        _: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        Ok(Ok(Vec::new()))
    }

    async fn produce(
        &mut self,
        _: Resource<Run>,
        _: String,
        _: String,
        _: String,
        _: i64,
    ) -> wasmtime::Result<Result<File, ExportError>> {
        self.asked.push("produce".into());
        Ok(Ok(File {
            name: "orders.csv".into(),
            content_type: "text/csv".into(),
            size: 10,
            rows: Some(1),
        }))
    }

    async fn zip(&mut self, _: Resource<Run>) -> wasmtime::Result<Result<File, ExportError>> {
        Ok(Err(ExportError::Failed("no".into())))
    }

    async fn link(&mut self, _: Resource<Run>) -> wasmtime::Result<Result<Option<DownloadLink>, ExportError>> {
        Ok(Ok(None))
    }
}

impl contract::mailer::Host for LaterHost {
    async fn stage(&mut self, _: Resource<Run>, mail: Mail) -> wasmtime::Result<Result<(), MailError>> {
        self.asked.push(format!("stage {}", mail.subject));
        Ok(Ok(()))
    }

    async fn notify_owner(
        &mut self,
        _: Resource<Access>,
        _: u64,
        _: String,
        _: String,
    ) -> wasmtime::Result<Result<(), MailError>> {
        Ok(Err(MailError::NoRecipient))
    }
}

impl log::Host for LaterHost {
    async fn write(&mut self, _: log::Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn enabled(&mut self, level: log::Level) -> wasmtime::Result<bool> {
        Ok(level == log::Level::Error)
    }
}

impl holidays::Host for LaterHost {
    async fn is_holiday(&mut self, _: Resource<Run>, _: i64) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
