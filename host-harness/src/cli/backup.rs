//! `harness backup`.

use std::path::{Path, PathBuf};

use clap::Args;
use scheduled_exports_store::sqlite::backup;
use tokio::task::spawn_blocking;

use super::{Data, Failure, Output, failed, host, say};

/// Copy the store of a data directory to a new file while hosts use it.
#[derive(Args)]
#[command(
    after_help = "Restore:\n  mkdir -m 700 ./restored\n  cp store.backup ./restored/harness.db\n  harness serve --data ./restored\n\nExample:\n  harness backup --data ./data store.backup"
)]
pub struct Backup {
    #[command(flatten)]
    data: Data,
    /// New file to write; readable only by this user
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Backup {
    pub async fn run(self) -> Result<(), Failure> {
        if self.data.database.is_some() {
            return Err(Failure::Sentence(
                "`harness backup` copies the store of a data directory: for a PostgreSQL database, use `pg_dump`"
                    .to_owned(),
            ));
        }
        let folder = self.data.folder.as_deref().unwrap_or(Path::new("."));
        let store = folder.join(host::STORE);
        if !store.exists() {
            return Err(Failure::Sentence(format!("no store found in {}", folder.display())));
        }
        let named = self.file.display().to_string();
        if self.file.exists() {
            return Err(Failure::Sentence(format!("{named} exists: name a new file")));
        }
        let target = self.file.clone();
        let copied = spawn_blocking(move || backup(&store, &target)).await;
        let copied = copied.map_err(|panic| Failure::Sentence(panic.to_string()))?;
        let schedules = copied.map_err(|reason| failed(format!("could not back up to {named}"))(&reason))?;
        let bytes = std::fs::metadata(&self.file)?.len();
        if self.output.json {
            say(serde_json::json!({ "file": named, "schedules": schedules, "bytes": bytes }))
        } else {
            say(format_args!("{named}: {schedules} schedules, {bytes} bytes"))
        }
    }
}
