//! `exporters`: the platform's registry, asked with the rights of the handle's caller or owner.

use std::io::{self, Read, Write};
use std::path::Path;

use wasmtime::component::Resource;

use super::{Access, Run, Services, State, bounds, mistake};
use crate::contract::exporters::{DownloadLink, ExportError, Exporter, File, Host, LookupError, Subject};
use crate::download::{self, Secret};
use crate::platform::{self, ExportJob, PlatformError};
use crate::storage::{FileFacts, LeaseError};

impl From<PlatformError> for LookupError {
    fn from(error: PlatformError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<FileFacts> for File {
    fn from(of: FileFacts) -> Self {
        Self {
            name: of.name,
            content_type: of.content_type,
            size: of.size,
            rows: of.rows,
        }
    }
}

/// Whose rights are asked about: the caller's, or those of the owner of a schedule that he can see, inactive or not.
async fn subject(services: &Services, access: &Access, whose: Subject) -> Result<platform::Subject, LookupError> {
    match whose {
        Subject::Caller => Ok(platform::Subject::Caller(access.principal.clone())),
        Subject::OwnerOf(id) => match services.storage.get(&access.visible, id).await {
            Ok(Some(row)) => Ok(platform::Subject::OwnerOnceActive(row.owner)),
            Ok(None) => Err(LookupError::NotFound),
            Err(error) => Err(LookupError::Unavailable(error.to_string())),
        },
    }
}

/// Media type of an archive.
const ZIP: &str = "application/zip";

fn slugs_within(slugs: &[String]) -> wasmtime::Result<()> {
    if slugs.len() > bounds::MOST_SLUGS {
        return Err(mistake(format!("it asked about {} events at once", slugs.len())));
    }
    Ok(())
}

impl Host for State {
    async fn available(
        &mut self,
        by: Resource<Access>,
        whose: Subject,
        only: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Exporter>, LookupError>> {
        let access = self.access(&by)?;
        let subject = match subject(&self.services, access, whose).await {
            Ok(subject) => subject,
            Err(error) => return Ok(Err(error)),
        };
        let (scope, language) = (&access.visible.scope, &access.facts.language);
        Ok(self
            .services
            .platform
            .available(&subject, scope, only.as_deref(), language)
            .await
            .map_err(Into::into))
    }

    async fn usable_events(
        &mut self,
        by: Resource<Access>,
        whose: Subject,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        slugs_within(only.as_deref().unwrap_or_default())?;
        let access = self.access(&by)?;
        let subject = match subject(&self.services, access, whose).await {
            Ok(subject) => subject,
            Err(error) => return Ok(Err(error)),
        };
        let organizer = &access.visible.scope.organizer;
        let usable = self
            .services
            .platform
            .usable_events(&subject, organizer, &exporter, only.as_deref());
        Ok(usable.await.map_err(Into::into))
    }

    async fn visible_events(
        &mut self,
        by: Resource<Access>,
        slugs: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        slugs_within(&slugs)?;
        let access = self.access(&by)?;
        let visible = self
            .services
            .platform
            .visible_events(&access.principal, &access.visible.scope.organizer, &slugs)
            .await;
        Ok(visible.map_err(Into::into))
    }

    async fn missing_events(
        &mut self,
        by: Resource<Access>,
        slugs: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        slugs_within(&slugs)?;
        let organizer = &self.access(&by)?.visible.scope.organizer;
        let there = match self.services.platform.events(organizer).await {
            Ok(there) => there,
            Err(error) => return Ok(Err(error.into())),
        };
        let missing = |slug: &String| there.iter().all(|event| event.slug != *slug);
        Ok(Ok(slugs.into_iter().filter(missing).collect()))
    }

    async fn produce(
        &mut self,
        handle: Resource<Run>,
        form: String,
        language: String,
        zone: String,
        now: i64,
    ) -> wasmtime::Result<Result<File, ExportError>> {
        let run = self.run(&handle)?;
        let (Some(id), false, false, true) = (run.run, run.finished, run.lost, run.to_execute()) else {
            return Ok(Err(ExportError::LeaseLost));
        };
        if form.len() > bounds::MOST_DOCUMENT {
            return Ok(Err(ExportError::FormUnfit("the form is too long".into())));
        }
        let Ok(form) = serde_json::from_str(&form) else {
            return Ok(Err(ExportError::FormUnfit("the form is not a JSON document".into())));
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
        let produced = match self.services.platform.produce(&job).await {
            Ok(produced) => produced,
            Err(error) => return Ok(Err(error)),
        };
        let kept = self
            .services
            .storage
            .keep_file(&run.leased.lease, id, &produced.facts, &produced.file)
            .await;
        self.kept(&handle, produced.facts, kept)
    }

    async fn zip(&mut self, handle: Resource<Run>) -> wasmtime::Result<Result<File, ExportError>> {
        let run = self.run(&handle)?;
        let (Some(id), false, false, true) = (run.run, run.finished, run.lost, run.to_execute()) else {
            return Ok(Err(ExportError::LeaseLost));
        };
        if run.file.as_ref().is_some_and(|file| file.content_type == ZIP) {
            return Ok(Err(ExportError::Failed("the file is an archive already".into())));
        }
        let lease = run.leased.lease.clone();
        let zipped = async {
            let folder = tempfile::tempdir()?;
            let plain = folder.path().join("plain");
            let Some(facts) = self
                .services
                .storage
                .read_file(id, &plain)
                .await
                .map_err(io::Error::other)?
            else {
                return Ok(None);
            };
            let (packed, name) = (folder.path().join("packed"), facts.name.clone());
            let target = packed.clone();
            let size = tokio::task::spawn_blocking(move || zip_file(&plain, &name, &target)).await??;
            Ok::<_, io::Error>(Some((
                folder,
                packed,
                FileFacts {
                    name: format!("{}.zip", facts.name),
                    content_type: ZIP.into(),
                    size,
                    rows: facts.rows,
                },
            )))
        };
        let (folder, packed, facts) = match zipped.await {
            Ok(Some(made)) => made,
            Ok(None) => {
                return Ok(Err(ExportError::Failed(
                    "there is no file to put into an archive".into(),
                )));
            }
            Err(error) => return Ok(Err(ExportError::Unavailable(error.to_string()))),
        };
        let kept = self.services.storage.keep_file(&lease, id, &facts, &packed).await;
        drop(folder);
        self.kept(&handle, facts, kept)
    }

    async fn link(&mut self, handle: Resource<Run>) -> wasmtime::Result<Result<Option<DownloadLink>, ExportError>> {
        let run = self.run(&handle)?;
        let (Some(id), false, false) = (run.run, run.finished, run.lost) else {
            return Ok(Err(ExportError::LeaseLost));
        };
        if run.file.is_none() {
            return Ok(Err(ExportError::Failed("there is no file to offer".into())));
        }
        let services = &self.services;
        if !services.facts.download_links {
            return Ok(Ok(None));
        }
        let secret = match Secret::new() {
            Ok(secret) => secret,
            Err(error) => return Ok(Err(ExportError::Unavailable(error.to_string()))),
        };
        let expires = services.clock.now().saturating_add(download::LIFETIME);
        let lease = run.leased.lease.clone();
        let kept = services.storage.keep_link(&lease, id, &secret.hash(), expires).await;
        let url = format!("{}{}{secret}", services.facts.base_url, download::PATH);
        Ok(match kept {
            Ok(()) => Ok(Some(DownloadLink { url, expires })),
            Err(LeaseError::Lost) => {
                self.run_mut(&handle)?.lost = true;
                Err(ExportError::LeaseLost)
            }
            Err(LeaseError::Storage(error)) => Err(ExportError::Unavailable(error.to_string())),
        })
    }
}

impl State {
    fn kept(
        &mut self,
        handle: &Resource<Run>,
        facts: FileFacts,
        kept: Result<(), LeaseError>,
    ) -> wasmtime::Result<Result<File, ExportError>> {
        let run = self.run_mut(handle)?;
        Ok(match kept {
            Ok(()) => {
                run.file = Some(facts.clone());
                Ok(facts.into())
            }
            Err(LeaseError::Lost) => {
                run.lost = true;
                Err(ExportError::LeaseLost)
            }
            Err(LeaseError::Storage(error)) => Err(ExportError::Unavailable(error.to_string())),
        })
    }
}

/// An archive with that one file in it; its size.
fn zip_file(plain: &Path, name: &str, target: &Path) -> io::Result<u64> {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(target)?);
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
