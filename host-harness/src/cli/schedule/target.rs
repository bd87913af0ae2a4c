//! Where the schedules are, and who manages them: a host on a network with a token, or a store on behalf of a user.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::header::HeaderValue;
use clap::Args;
use reference_server::ports::HostFacts;
use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::User;

use super::api::{Api, Transport, header};
use super::http::Http;
use super::store::{Caller, Store};
use crate::cli::mail::{checked_url, secret_of};
use crate::cli::{Data, Failure, PluginFile, failed, host, instant};

/// The environment variable with the URL of the host.
const URL: &str = "HARNESS_URL";
/// The environment variable with the token. No option has it, because other users of a machine can see options.
const TOKEN: &str = "HARNESS_TOKEN";

/// The organizer or event, and the way to it.
#[derive(Args)]
#[command(next_help_heading = "Where and who")]
pub struct Target {
    /// Organizer slug
    #[arg(long, value_name = "SLUG")]
    organizer: String,
    /// Event slug; without it, schedules of the organizer as a whole
    #[arg(long, value_name = "SLUG")]
    event: Option<String>,
    /// URL of a host; or set HARNESS_URL. Its token is in HARNESS_TOKEN or --token-file
    #[arg(long, value_name = "URL", conflicts_with_all = ["folder", "database", "user", "now"])]
    url: Option<String>,
    /// File with the token: one line, `Bearer TOKEN`, `Token TOKEN`, `Device TOKEN`, or a bearer token alone
    #[arg(long, value_name = "FILE", env = "HARNESS_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// For operators: use the SQLite store in this data directory instead of a host, on behalf of --as
    #[arg(long = "data", value_name = "DIR", requires = "user", conflicts_with = "database")]
    folder: Option<PathBuf>,
    /// For operators: use this PostgreSQL store instead of a host, on behalf of --as
    #[arg(long, value_name = "URL", requires = "user")]
    database: Option<String>,
    /// Address of the user on whose behalf an operator uses the store, with that user's permissions
    #[arg(long = "as", value_name = "ADDRESS")]
    user: Option<String>,
    /// Time of the call on a store [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    notices: Notices,
    #[command(flatten)]
    plugin: PluginFile,
}

/// Sender and links of the mails that notify an owner of a change by another caller.
#[derive(Args)]
pub struct Notices {
    /// Sender of notices to owners if a store is used; required with --database for changes
    #[arg(long, value_name = "SENDER", env = "HARNESS_MAIL_FROM")]
    mail_from: Option<String>,
    /// Base URL of links in these notices; required with --database for changes
    #[arg(long, value_name = "URL", env = "HARNESS_BASE_URL")]
    base_url: Option<String>,
}

/// Whether a command can change a schedule, and so notify its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Reads,
    Changes,
}

impl Target {
    pub async fn open(&self, purpose: Purpose) -> Result<Api, Failure> {
        let transport = match (&self.folder, &self.database, &self.user) {
            (None, None, None) => Transport::Http(self.host()?),
            (None, None, Some(_)) => {
                return Err(Failure::Usage(
                    "--as needs the store of an operator: add --data or --database".to_owned(),
                ));
            }
            (folder, database, user) => {
                let data = Data {
                    folder: folder.clone(),
                    database: database.clone(),
                };
                let facts = self.notices.facts(&data, purpose)?;
                let base_url = facts.base_url.clone();
                let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
                let service = host::open(&data, false, &self.plugin, clock, facts).await?;
                let user = active_user(service.platform(), "--as", user.as_deref().unwrap_or_default()).await?;
                let caller = Caller {
                    user: user.id,
                    sees_all: false,
                    rehearses: false,
                };
                Transport::Store(Store::new(service, caller, &base_url))
            }
        };
        Ok(Api::of(transport, &self.organizer, self.event.as_deref()))
    }

    fn host(&self) -> Result<Http, Failure> {
        let variable = || std::env::var(URL).ok().filter(|url| !url.is_empty());
        let Some(url) = self.url.clone().or_else(variable) else {
            return Err(Failure::Usage(format!(
                "no host given: expected --url URL or {URL}, or for operators --data DIR or --database URL with --as ADDRESS"
            )));
        };
        Ok(Http::new(checked_url("--url", &url)?, self.authorization()?))
    }

    fn authorization(&self) -> Result<HeaderValue, Failure> {
        let variable = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
        let token = match (&self.token_file, variable) {
            (Some(file), None) => secret_of("token", file)
                .map_err(|reason| failed(format!("could not read the token file {}", file.display()))(&reason))?,
            (None, Some(token)) => token,
            (None, None) => {
                return Err(Failure::Usage(format!(
                    "no token given: expected {TOKEN} or --token-file FILE"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(Failure::Usage(format!(
                    "the token is given twice, with --token-file and {TOKEN}: expected one of them"
                )));
            }
        };
        header("the token", &with_scheme(token.trim()))
    }
}

/// The token as `Authorization` has it.
fn with_scheme(token: &str) -> String {
    match token.contains(' ') {
        true => token.to_owned(),
        false => format!("Bearer {token}"),
    }
}

impl Notices {
    /// Facts of a host that only takes calls.
    pub fn facts(&self, data: &Data, purpose: Purpose) -> Result<HostFacts, Failure> {
        let given = |option: &Option<String>| option.clone().filter(|text| !text.is_empty());
        let (sender, base_url) = (given(&self.mail_from), given(&self.base_url));
        // The hosts of a database send the notices that are written here, and not to files.
        if purpose == Purpose::Changes && data.database.is_some() && (sender.is_none() || base_url.is_none()) {
            return Err(Failure::Usage(
                "changes in a database need --mail-from and --base-url, as given to `harness serve`: owners are notified by mail"
                    .to_owned(),
            ));
        }
        let mut facts = HostFacts::default();
        if let Some(sender) = sender {
            facts.mail_from = sender.parse().map_err(|reason| failed("--mail-from")(&reason))?;
        }
        if let Some(url) = base_url {
            facts.base_url = checked_url("--base-url", &url)?;
        }
        Ok(facts)
    }
}

/// The active user of this address.
pub async fn active_user(
    platform: &reference_platform::Platform,
    option: &str,
    address: &str,
) -> Result<User, Failure> {
    match platform.user_by_email(address).await? {
        Some(user) if user.active => Ok(user),
        Some(_) => Err(Failure::Sentence(format!("{option}: the user {address} is inactive"))),
        None => Err(Failure::Sentence(format!(
            "{option}: no user in this store has the address {address}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::with_scheme;

    #[test]
    fn a_token_without_a_scheme_is_a_users() {
        assert_eq!(with_scheme("john-oauth"), "Bearer john-oauth");
        assert_eq!(with_scheme("Token settings"), "Token settings");
    }
}
