//! `exporters`: the platform's registry, asked with the rights of the handle's caller or owner.

use std::io::{self, Read, Write};
use std::path::Path;

use reference_platform::ExportJob;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::exporters::{
    DownloadLink, ExportError, Exporter, File, LookupError, Reach, RightsOf,
};
use scheduled_exports_host::imports::{Answer, Exporters};
use scheduled_exports_host::private;
use scheduled_exports_store::FileFacts;
use tempfile::SpooledData;

use super::{Access, Run, Services};
use crate::download::{self, Secret};

/// Whose rights are asked about: the caller's, or those of the owner of a schedule that he can see, inactive or not.
async fn subject(
    services: &Services,
    access: &Access,
    whose: RightsOf,
) -> Result<reference_platform::Subject, LookupError> {
    match whose {
        RightsOf::Caller => Ok(reference_platform::Subject::Caller(access.principal.clone())),
        RightsOf::OwnerOf(id) => match services.storage.get(&access.visible, id).await {
            Ok(Some(row)) => Ok(reference_platform::Subject::OwnerOnceActive(row.owner)),
            Ok(None) => Err(LookupError::NotFound),
            Err(error) => Err(LookupError::Unavailable(error.to_string())),
        },
    }
}

/// Media type of an archive.
const ZIP: &str = "application/zip";

/// The id of a started run.
fn started(run: &Run) -> Result<u64, ExportError> {
    run.leased.lease.run.ok_or(ExportError::LeaseLost)
}

impl Exporters for Services {
    async fn available(
        &self,
        access: &Access,
        whose: RightsOf,
        only: Option<String>,
    ) -> Answer<Vec<Exporter>, LookupError> {
        let subject = subject(self, access, whose).await?;
        let (scope, language) = (&access.visible.scope, &access.facts.language);
        let available = self.platform.available(&subject, scope, only.as_deref(), language);
        Ok(available.await?)
    }

    async fn usable_events(
        &self,
        access: &Access,
        whose: RightsOf,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> Answer<Reach, LookupError> {
        let subject = subject(self, access, whose).await?;
        let organizer = &access.visible.scope.organizer;
        let usable = self
            .platform
            .usable_events(&subject, organizer, &exporter, only.as_deref());
        Ok(usable.await?)
    }

    async fn visible_events(&self, access: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
        let organizer = &access.visible.scope.organizer;
        let visible = self.platform.visible_events(&access.principal, organizer, &slugs);
        Ok(visible.await?)
    }

    async fn missing_events(&self, access: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
        let organizer = &access.visible.scope.organizer;
        Ok(self.platform.missing_events(organizer, slugs).await?)
    }

    async fn produce(
        &self,
        run: &mut Run,
        form: String,
        language: String,
        zone: String,
        now: Instant,
    ) -> Answer<File, ExportError> {
        let id = started(run)?;
        let Ok(form) = serde_json::from_str(&form) else {
            return Err(ExportError::InvalidFormData("form data is not valid JSON".into()).into());
        };
        let row = &run.leased.row;
        let job = ExportJob {
            owner: row.owner.clone(),
            scope: row.scope.clone(),
            exporter: row.content.export_identifier.clone(),
            form,
            language,
            zone,
            now,
        };
        let produced = self.platform.produce(&job).await?;
        self.keep(run, id, produced.facts, &produced.file).await
    }

    async fn zip(&self, run: &mut Run) -> Answer<File, ExportError> {
        let id = started(run)?;
        if run.file.as_ref().is_some_and(|file| file.content_type == ZIP) {
            return Err(ExportError::Failed("the file is already a zip archive".into()).into());
        }
        let zipped = async {
            let folder = self.temp_files.folder()?;
            let plain = folder.path().join("plain");
            let Some(facts) = self.storage.read_file(id, &plain).await.map_err(io::Error::other)? else {
                return Ok(None);
            };
            let (packed, name) = (folder.path().join("packed"), facts.name.clone());
            let target = packed.clone();
            let size = tokio::task::spawn_blocking(move || zip_file(&plain, &name, &target)).await??;
            Ok::<_, io::Error>(Some((
                SpooledData::OnDisk(std::fs::File::open(packed)?),
                FileFacts {
                    name: format!("{}.zip", facts.name),
                    content_type: ZIP.into(),
                    size,
                    rows: facts.rows,
                    events: facts.events.clone(),
                },
            )))
        };
        let (packed, facts) = zipped
            .await
            .map_err(|error| ExportError::Unavailable(error.to_string().into()))?
            .ok_or_else(|| ExportError::Failed("no file to zip".into()))?;
        self.keep(run, id, facts, &packed).await
    }

    async fn link(&self, run: &mut Run) -> Answer<Option<DownloadLink>, ExportError> {
        let id = started(run)?;
        if !self.facts.download_links {
            return Ok(None);
        }
        let secret = Secret::new().map_err(|error| ExportError::Unavailable(error.to_string().into()))?;
        let expires = self.clock.now().saturating_add(download::LIFETIME);
        let (lease, hash) = (&run.leased.lease, secret.hash());
        let kept = self.storage.keep_link(lease, id, &hash, expires).await;
        kept.map_err(ExportError::from)?;
        let url = format!("{}{}{secret}", self.facts.base_url, download::PATH);
        Ok(Some(DownloadLink { url, expires }))
    }
}

impl Services {
    async fn keep(&self, run: &mut Run, id: u64, facts: FileFacts, file: &SpooledData) -> Answer<File, ExportError> {
        let kept = self.storage.keep_file(&run.leased.lease, id, &facts, file).await;
        kept.map_err(ExportError::from)?;
        run.file = Some(facts.clone());
        Ok(facts.into())
    }
}

/// An archive with that one file in it; its size.
fn zip_file(plain: &Path, name: &str, target: &Path) -> io::Result<u64> {
    let mut archive = zip::ZipWriter::new(private::create(target)?);
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file(name, options).map_err(io::Error::other)?;
    let mut source = std::fs::File::open(plain)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        archive.write_all(&buffer[..read])?;
    }
    let file = archive.finish().map_err(io::Error::other)?;
    Ok(file.metadata()?.len())
}
