//! `harness serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reference_server::api::{self, ApiLimits};
use reference_server::delivery::DeliveryLimits;
use reference_server::descriptors::Descriptors;
use reference_server::metrics;
use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::mail::Mailing;
use super::usage::Usage;
use super::{Data, Failure, PluginFile, Recording, Temporary, failed, host, say};

/// Connections that the system queues until they are accepted, as far as it allows. If a flood comes faster, the system drops
/// some, and their clients, honest ones too, retry after a second: with the usual 128, a flood of milliseconds was enough for
/// that.
const BACKLOG: u32 = 4096;
/// Maximum number of connections to the metrics.
const METRICS_CONNECTIONS: usize = 32;

/// Serve the HTTP API and run scheduled exports until SIGTERM or SIGINT.
#[derive(Args)]
#[command(
    after_help = "Example:\n  harness serve --data ./data --fixture tests/data/bigevents.json\n  harness serve --data ./data --smtp smtp://john@mx.example --smtp-password-file ./password \\\n    --mail-from 'Big Events <exports@example.org>' --base-url https://tickets.example"
)]
pub struct Serve {
    #[command(flatten)]
    data: Data,
    /// Address to serve the HTTP API on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Maximum number of connections to the HTTP API from one address (IPv6: one /64 network); one more closes an idle one, or is
    /// rejected. Behind a proxy, all connections have the proxy's address [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections_per_peer: Option<u32>,
    /// Address to serve OpenMetrics on (`GET /metrics`, unauthenticated); disabled if omitted
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    mailing: Mailing,
    /// Maximum number of concurrent connections to the mail server
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    smtp_connections: u32,
    /// Offer files too large to attach as download links, valid for 7 days
    #[arg(long)]
    download_links: bool,
    /// Days to keep run history; the audit log is kept at least one year
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_history: u32,
    #[command(flatten)]
    usage: Usage,
    #[command(flatten)]
    temporary: Temporary,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    plugin: PluginFile,
    /// JSON fixture with organizers, events, users and tokens to load if the store is empty; without it, a new store rejects every
    /// request until one is loaded
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let descriptors =
            Descriptors::raise().map_err(|reason| failed("could not raise the limit of open files")(&reason))?;
        let limits = self.api_limits(descriptors);
        let fixture = self.fixture.as_deref().map(host::read_fixture).transpose()?;
        let mailing = self.mailing.check()?;
        host::check(&self.data, mailing.smtp.is_some())?;
        mailing.base_url(self.listen)?;
        // Before the store: where another process has the port, nothing is written.
        let listener = listen(self.listen)?;
        let metrics = match self.metrics {
            Some(address) => Some(listen(address)?),
            None => None,
        };
        let address = listener.local_addr()?;
        if let Some(metrics) = &metrics {
            tracing::info!(address = %metrics.local_addr()?, "serving metrics");
        }
        // From here on a stop is orderly: one that comes while the store is filled waits until it is.
        let (stop, stopped) = watch::channel(false);
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("shutting down: finishing or releasing active runs");
            let _ = stop.send(true);
        });
        let given_base_url = mailing.given_base_url().map(str::to_owned);
        let facts = HostFacts {
            base_url: mailing.base_url(address)?,
            mail_from: mailing.sender,
            download_links: self.download_links,
            limits: self.usage.limits(),
            ..HostFacts::default()
        };
        let service = host::open_recording(
            &self.data,
            true,
            &self.plugin,
            None,
            facts,
            &self.recording,
            &self.temporary,
        )
        .await?;
        if let Some(fixture) = &fixture {
            if service.platform().is_empty().await? {
                let schedules = host::seed(&service, &self.data, fixture).await?;
                tracing::info!(schedules, "fixture loaded");
            } else {
                tracing::info!("store not empty; skipping fixture");
            }
        } else if service.platform().is_empty().await? {
            tracing::warn!(
                "the store is empty, so every request is refused: to fill it, restart with --fixture FILE, or run `harness seed --fixture FILE` on it"
            );
        }

        tracing::info!(
            before = descriptors.before,
            limit = descriptors.limit,
            connections = limits.connections,
            connections_per_peer = limits.connections_per_peer,
            "open files"
        );
        let (transport, mail) = host::transport(&self.data, mailing.smtp)?;
        let router = match &given_base_url {
            Some(base_url) => api::router_at(Arc::clone(&service) as _, limits.clone(), base_url),
            None => api::router(Arc::clone(&service) as _, limits.clone()),
        };
        let about = service.about();
        let mails = mail.map_or_else(|| "SMTP".to_owned(), |mail| mail.display().to_string());
        tracing::info!(
            plugin = about.name,
            version = about.version,
            zone_database = about.zone_database,
            mails,
            "ready"
        );
        // On standard output, so that a script that let the system choose the port learns it.
        let _ = say(format_args!("http://{address}"));
        let options = SchedulerOptions {
            delivery: DeliveryLimits {
                concurrency: self.smtp_connections,
                ..DeliveryLimits::default()
            },
            keep_history: Duration::from_secs(u64::from(self.keep_history) * 24 * 60 * 60),
            ..SchedulerOptions::default()
        };
        let scheduler = Arc::new(Scheduler::new(Arc::clone(&service), transport, options));
        let shutdown = |mut stopped: watch::Receiver<bool>| async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let metrics = async {
            if let Some(listener) = metrics {
                let page = metrics::router(Arc::clone(&service));
                // Out of the reserve: few ask for it.
                let limits = ApiLimits {
                    connections: METRICS_CONNECTIONS,
                    ..ApiLimits::default()
                };
                api::serve(listener, page, limits, shutdown(stopped.clone())).await;
            }
        };
        tokio::join!(
            api::serve(listener, router, limits, shutdown(stopped.clone())),
            metrics,
            scheduler.serve(stopped.clone())
        );
        service.close().await;
        Ok(())
    }
}

impl Serve {
    /// How many connections the file descriptors are good for, and of them those of one peer.
    fn api_limits(&self, descriptors: Descriptors) -> ApiLimits {
        let limits = ApiLimits::default();
        let connections = descriptors.connections(limits.connections);
        let per_peer = match self.connections_per_peer {
            Some(wanted) => usize::try_from(wanted).unwrap_or(usize::MAX).min(connections),
            // Some are left for others, however few there are.
            None => limits.connections_per_peer.min((connections / 2).max(1)),
        };
        ApiLimits {
            connections,
            connections_per_peer: per_peer,
            ..limits
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|reason| failed(format!("could not listen on {address}"))(&reason))
}
