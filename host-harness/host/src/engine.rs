//! The component on wasmtime: loaded and checked once, instantiated for every call, within limits.
//!
//! ```
//! use std::time::Duration;
//!
//! # #[cfg(feature = "embedded")]
//! use scheduled_exports_host::engine::{Cache, EMBEDDED, Engine, Limits, LoadError, Permissions};
//! use scheduled_exports_host::tape::Replayed; // a host: yours in its place
//!
//! # #[cfg(not(feature = "embedded"))]
//! # fn main() {}
//! # #[cfg(feature = "embedded")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limits = Limits { call_compute: Duration::from_millis(200), ..Limits::default() };
//! let engine = Engine::<Replayed>::load(EMBEDDED, limits, &Cache::of_user())?;
//! assert_eq!(engine.in_use(), 0); // instances: each call gets one, and it goes with the call
//!
//! // A component that asks for more than the operator allows is not loaded.
//! let limits = Limits { imports: Permissions::from_list("auth-context, log")?, ..Limits::default() };
//! let refused = Engine::<Replayed>::load(EMBEDDED, limits, &Cache::of_user());
//! assert!(matches!(refused, Err(LoadError::NotAllowed { .. })));
//! # Ok(())
//! # }
//! ```

mod budget;
mod cache;
mod inspect;
mod jobs;
mod operation;
mod permissions;
mod recurrence;
mod schedules;
mod work;

#[cfg(feature = "embedded")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

pub use budget::MemoryLimiter;
pub use cache::Cache;
pub use inspect::{Inspection, VERSION as CONTRACT, inspect};
pub use jobs::{End, Job, Worked};
pub use operation::{Answer, Operation};
pub use permissions::{Imported, Permissions};
pub use schedules::{Accepted, Schedules, Unaccepted};
pub use work::{MAX_ATTEMPTS, SAME_DUE_TIME, WorkResult};

pub use crate::imports::OFFERED;

use crate::contract::{Plugin, PluginPre};
use crate::imports::{Call, GuestMistake, HostFault, Imports, OpenHandles};

/// Bytes of stack of the guest. A deeper recursion traps.
const MAX_STACK: usize = 512 << 10;

/// The component that the build script built from the plugin.
#[cfg(feature = "embedded")]
pub static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plugin.wasm"));

/// What a plugin can import, and what one call can use. A call that exceeds a limit ends; others are not affected.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Allowed imports: a component with others is not loaded.
    pub imports: Permissions,
    /// Linear memory of one instance, in bytes.
    pub memory: usize,
    /// Bytes that one result or one import call can make the host allocate.
    pub lifted: usize,
    /// Time in guest code of one call for a user or API client; time in imports does not count.
    pub call_compute: Duration,
    /// Duration of such a call, imports included.
    pub call_deadline: Duration,
    /// Time in guest code of one run.
    pub run_compute: Duration,
    /// Duration of a run, its export included.
    pub run_deadline: Duration,
    /// Duration of abandoning a run that did not finish.
    pub abandon_deadline: Duration,
    /// Number of instances for runs at a time; further runs wait.
    pub instances: u32,
    /// Number of instances for users' calls at a time, separate from those for runs: neither kind waits for the other.
    pub call_instances: u32,
    /// How long such a call waits for an instance.
    pub call_wait: Duration,
}

impl Limits {
    /// Returns the number of instances of both kinds.
    #[must_use]
    pub fn all_instances(&self) -> u32 {
        self.instances.saturating_add(self.call_instances)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            imports: Permissions::default(),
            memory: 64 << 20,
            // The largest valid result is a page of 50 documents of 64 KiB each.
            lifted: 8 << 20,
            call_compute: Duration::from_secs(1),
            call_deadline: Duration::from_secs(30),
            run_compute: Duration::from_secs(5),
            run_deadline: Duration::from_secs(30 * 60),
            abandon_deadline: Duration::from_secs(60),
            instances: 64,
            call_instances: 32,
            call_wait: Duration::from_secs(2),
        }
    }
}

/// Why a component cannot be used. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("could not read plugin {path}: {reason}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// The file is not in a binary format that wasmtime compiles.
    #[error("the plugin is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// An import that is not in the contract.
    #[error("the plugin imports `{0}`, which this host does not provide")]
    ForeignImport(String),
    /// A function that its interface of the contract does not have.
    #[error("the plugin imports `{function}` of `{interface}`, which this host does not provide")]
    ForeignFunction {
        /// An interface of the contract.
        interface: String,
        /// The imported function.
        function: String,
    },
    /// An import of the contract that [`Limits::imports`] does not allow.
    #[error("the plugin imports `{function}` of `{interface}`, which --allow-imports does not permit")]
    NotAllowed {
        /// An interface of the contract.
        interface: String,
        /// The imported function.
        function: String,
    },
    /// An interface that the contract requires plugins to export is missing.
    #[error("the plugin does not export `{0}`, which this host requires")]
    MissingExport(String),
    /// An incompatible version of the contract.
    #[error("the plugin uses contract version {found}, but this host supports {wanted}")]
    OtherVersion {
        /// The component's.
        found: String,
        /// The host's.
        wanted: String,
    },
    /// A later, compatible version, of which the plugin imports something new.
    #[error(
        "the plugin uses contract version {found} and imports `{lacking}`, which this host's version {wanted} does not provide"
    )]
    LaterVersion {
        /// The component's.
        found: String,
        /// The host's.
        wanted: String,
        /// The import that the host's version does not have.
        lacking: String,
    },
    /// Its names are those of the contract, but its types are not; the text is wasmtime's.
    #[error("the plugin is incompatible with this host: {0}")]
    Unfit(String),
    /// Wasmtime cannot create an engine with these limits.
    #[error("could not initialize Wasmtime: {0}")]
    Engine(String),
}

/// Why a call into the guest did not return a result. The instance is dropped, and nothing that it staged is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestFault {
    /// It panicked, or violated the contract; the text is that of the panic or of the trap.
    #[error("{0}")]
    Trapped(String),
    /// It exceeded its guest time or its deadline.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// It exceeded [`Limits::memory`].
    #[error("memory limit exceeded")]
    OutOfMemory,
    /// An import could not continue: an error of the host, not of the guest.
    #[error("host error: {0}")]
    Host(String),
}

/// A loaded component, linked to hosts of the type `H`.
///
/// Each call gets a new instance within [`Limits`], so that nothing is carried from one tenant's call to the next. Each call also
/// names the host that implements its imports; usually it is always the same one.
pub struct Engine<H: Imports> {
    engine: wasmtime::Engine,
    plugin: PluginPre<Call<H>>,
    /// It is the component that was built with this host from the same sources.
    own: bool,
    limits: Limits,
    /// For runs, and for the host's own calls.
    places: Semaphore,
    /// For calls for users and API clients.
    call_places: Semaphore,
    handles: OpenHandles,
    ticker: budget::Ticker,
}

impl<H: Imports> Engine<H> {
    /// Loads the component in `bytes`, from `cache` if it has been compiled before.
    ///
    /// # Errors
    /// One sentence that names the incompatibility; see [`LoadError`].
    pub fn load(bytes: &[u8], limits: Limits, cache: &Cache) -> Result<Self, LoadError> {
        let found = inspect(bytes)?;
        if let Some(misfit) = found.misfit {
            return Err(misfit);
        }
        if let Some(refusal) = limits.imports.refusal(&found.functions) {
            return Err(refusal);
        }
        let engine =
            wasmtime::Engine::new(&config(&limits)).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let component = cache
            .component(&engine, bytes)
            .map_err(|error| LoadError::NotAComponent(format!("{error:#}")))?;
        let plugin = link(&engine, &component).map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
        let places = Semaphore::new(limits.instances as usize);
        let call_places = Semaphore::new(limits.call_instances as usize);
        let ticker = budget::Ticker::start(&engine);
        Ok(Self {
            engine,
            plugin,
            own: is_embedded(bytes),
            limits,
            places,
            call_places,
            handles: OpenHandles::default(),
            ticker,
        })
    }

    /// Loads a component file, or the embedded component.
    ///
    /// # Errors
    /// Like [`Engine::load`], and if the file cannot be read.
    #[cfg(feature = "embedded")]
    pub fn load_file(file: Option<&Path>, limits: Limits, cache: &Cache) -> Result<Self, LoadError> {
        match file {
            None => Self::load(EMBEDDED, limits, cache),
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|reason| LoadError::Unreadable {
                    path: path.to_owned(),
                    reason,
                })?;
                Self::load(&bytes, limits, cache)
            }
        }
    }

    /// Returns the limits of a call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the number of instances in use, of [`Limits::all_instances`].
    #[must_use]
    pub fn in_use(&self) -> usize {
        let free = self.places.available_permits() + self.call_places.available_permits();
        (self.limits.all_instances() as usize).saturating_sub(free)
    }

    /// Returns the number of handles that calls have borrowed. Each is dropped when its call returns, or with the instance if the
    /// call does not return: without a call in progress the number is 0.
    #[must_use]
    pub fn open_handles(&self) -> usize {
        self.handles.count()
    }

    /// Creates an instance with `compute` to spend in guest code. Waits if all are in use.
    ///
    /// Use it to call exports one by one, without a handle; the other exports have their own functions here. `function` names the
    /// call in the log.
    ///
    /// # Errors
    /// See [`GuestFault`]: instantiation can trap like any call.
    pub async fn instance(
        &self,
        host: &Arc<H>,
        function: &'static str,
        compute: Duration,
    ) -> Result<Instance<'_, H>, GuestFault> {
        let call = Call::new(host, function, self.limits.memory, &self.handles);
        let opened = self.instance_for(call, compute, &self.places).await;
        opened.map_err(|(fault, _)| fault)
    }

    /// The same with the data of a call, which is returned if there is no instance.
    async fn instance_for<'e>(
        &'e self,
        call: Call<H>,
        compute: Duration,
        places: &'e Semaphore,
    ) -> Result<Instance<'e, H>, (GuestFault, Call<H>)> {
        let place = places.acquire().await.expect("the semaphore is never closed");
        let mut store = Store::new(&self.engine, call);
        store.limiter(|call| &mut call.memory);
        store.set_hostcall_fuel(self.limits.lifted);
        let running = self.ticker.run(&mut store, compute);
        match self.plugin.instantiate_async(&mut store).await {
            Ok(plugin) => Ok(Instance {
                store,
                plugin,
                own: self.own,
                _place: place,
                _running: running,
            }),
            Err(error) => Err((fault(&error, store.data()), store.into_data())),
        }
    }
}

/// One instance, for one call. It cannot be entered again after an error.
pub struct Instance<'a, H: Imports> {
    /// Wasmtime's data of the instance.
    pub store: Store<Call<H>>,
    /// The exports of the component.
    pub plugin: Plugin,
    own: bool,
    _place: SemaphorePermit<'a>,
    _running: budget::Running<'a>,
}

/// Returns whether these are the bytes of the component that was built with this host from the same sources.
#[cfg(feature = "embedded")]
fn is_embedded(bytes: &[u8]) -> bool {
    bytes == EMBEDDED
}

#[cfg(not(feature = "embedded"))]
fn is_embedded(_bytes: &[u8]) -> bool {
    false
}

/// The result of a call that had to end by its deadline.
///
/// # Errors
/// See [`GuestFault`].
fn conclude<T, H: Imports>(
    outcome: Result<wasmtime::Result<T>, tokio::time::error::Elapsed>,
    call: &Call<H>,
) -> Result<T, GuestFault> {
    match outcome {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(fault(&error, call)),
        Err(_) => Err(GuestFault::DeadlineExceeded),
    }
}

fn fault<H: Imports>(error: &wasmtime::Error, call: &Call<H>) -> GuestFault {
    if let Some(host) = error.downcast_ref::<HostFault>() {
        return GuestFault::Host(host.0.clone());
    }
    if let Some(mistake) = error.downcast_ref::<GuestMistake>() {
        return GuestFault::Trapped(mistake.0.clone());
    }
    if call.memory.refused() {
        return GuestFault::OutOfMemory;
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) => GuestFault::DeadlineExceeded,
        Some(trap) => GuestFault::Trapped(match call.panic() {
            Some(words) => words.to_owned(),
            None => trap.to_string(),
        }),
        // Without the backtrace that wasmtime puts before it.
        None => GuestFault::Trapped(error.root_cause().to_string()),
    }
}

fn config(limits: &Limits) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    let instances = limits.all_instances();
    pool.total_component_instances(instances)
        // Next to the plugin's module, wit-component adds two small ones, for imports that need its memory.
        .total_core_instances(instances * 4)
        .total_memories(instances)
        .total_tables(instances * 2)
        .total_stacks(instances)
        .max_core_instances_per_component(4)
        .max_memories_per_component(1)
        .max_tables_per_component(2)
        .max_memory_size(limits.memory)
        .table_elements(10_000)
        // Without these, a new instance costs three times as much: docs/decisions/fresh-instance.md has the numbers.
        .linear_memory_keep_resident(128 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack(MAX_STACK)
        .async_stack_size(1 << 20);
    config
}

fn link<H: Imports>(engine: &wasmtime::Engine, component: &Component) -> wasmtime::Result<PluginPre<Call<H>>> {
    let mut linker = Linker::new(engine);
    Plugin::add_to_linker::<_, HasSelf<Call<H>>>(&mut linker, |call| call)?;
    PluginPre::new(linker.instantiate_pre(component)?)
}
