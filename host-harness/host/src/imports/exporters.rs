//! `exporters`: the platform's exporters, called with the permissions of the handle's caller or owner.

use std::future::Future;

use wasmtime::component::Resource;

use super::error::answered;
use super::{Answer, AuthContext, Call, Imports, bounds};
use crate::clock::Instant;
use crate::contract;
use crate::contract::exporters::{DownloadLink, ExportError, Exporter, File, Host, LookupError, Reach, Subject};

/// The exporters of this host, and who can use them.
///
/// Check permissions at each call, not when the handle is created: an owner who lost permission at noon gets no file at one.
pub trait Exporters: AuthContext {
    /// Returns the exporters that the subject can run here, in display order; with `only`, that one or none. Labels are in the
    /// caller's language.
    ///
    /// # Errors
    /// `not-found` if the subject's schedule is not visible to the caller; `unavailable`.
    fn available(
        &self,
        by: &Self::Access,
        whose: Subject,
        only: Option<String>,
    ) -> impl Future<Output = Answer<Vec<Exporter>, LookupError>> + Send;

    /// Returns the organizer's events whose data the subject can export with this exporter: all, future ones included, or a list.
    /// With `only`, always [`Reach::Events`]: those among the given ones. An event that does not exist is not among them. By
    /// default none: it is called only at organizer level, and not needed if no exporter reads across events.
    ///
    /// # Errors
    /// Like [`available`](Self::available).
    fn usable_events(
        &self,
        _by: &Self::Access,
        _whose: Subject,
        _exporter: String,
        _only: Option<Vec<String>>,
    ) -> impl Future<Output = Answer<Reach, LookupError>> + Send {
        async { Ok(Reach::Events(Vec::new())) }
    }

    /// Returns those of the slugs whose events the caller can see. By default none, as above.
    ///
    /// # Errors
    /// `unavailable`.
    fn visible_events(
        &self,
        _by: &Self::Access,
        _slugs: Vec<String>,
    ) -> impl Future<Output = Answer<Vec<String>, LookupError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Returns those of the slugs that no event of this organizer has. By default all of them, as above.
    ///
    /// # Errors
    /// `unavailable`.
    fn missing_events(
        &self,
        _by: &Self::Access,
        slugs: Vec<String>,
    ) -> impl Future<Output = Answer<Vec<String>, LookupError>> + Send {
        async { Ok(slugs) }
    }

    /// Runs the schedule's exporter with its owner's current permissions, and stores the file with the run, replacing an earlier
    /// one. `form` is a JSON document of at most 64 KiB in which date ranges are resolved to dates. `now` is the due time, `zone`
    /// the schedule's time zone, `language` that of headings. Called only for a run that is started and not over.
    ///
    /// # Errors
    /// Those of [`ExportError`]; `lease-lost` if the lease was lost before the file could be stored.
    fn produce(
        &self,
        of: &mut Self::Run,
        form: String,
        language: String,
        zone: String,
        now: Instant,
    ) -> impl Future<Output = Answer<File, ExportError>> + Send;

    /// Replaces the file of `produce` by a zip archive of it. Called only if this call has made a file whose mail was too large.
    /// By default `failed`: the host does not support zip archives.
    ///
    /// # Errors
    /// Like [`produce`](Self::produce).
    fn zip(&self, _of: &mut Self::Run) -> impl Future<Output = Answer<File, ExportError>> + Send {
        async { Err(ExportError::Failed("this host does not support zip archives".into()).into()) }
    }

    /// Offers the file for download, from the commit of `submitted` on. `None` if this host offers no downloads, which is the
    /// default. Called only if this call has made a file.
    ///
    /// # Errors
    /// Like [`produce`](Self::produce).
    fn link(&self, _of: &mut Self::Run) -> impl Future<Output = Answer<Option<DownloadLink>, ExportError>> + Send {
        async { Ok(None) }
    }
}

/// The error for a run that accepts no file: not started, over, or being settled.
const LEASE_LOST: wasmtime::Result<Result<File, ExportError>> = Ok(Err(ExportError::LeaseLost));

impl<H: Imports> Host for Call<H> {
    async fn available(
        &mut self,
        _by: Resource<contract::Access>,
        whose: Subject,
        only: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Exporter>, LookupError>> {
        let (host, lent) = self.access()?;
        answered(host.available(&lent.access, whose, only).await)
    }

    async fn usable_events(
        &mut self,
        _by: Resource<contract::Access>,
        whose: Subject,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> wasmtime::Result<Result<Reach, LookupError>> {
        bounds::slugs(only.as_deref().unwrap_or_default())?;
        let (host, lent) = self.access()?;
        answered(host.usable_events(&lent.access, whose, exporter, only).await)
    }

    async fn visible_events(
        &mut self,
        _by: Resource<contract::Access>,
        slugs: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        bounds::slugs(&slugs)?;
        let (host, lent) = self.access()?;
        answered(host.visible_events(&lent.access, slugs).await)
    }

    async fn missing_events(
        &mut self,
        _by: Resource<contract::Access>,
        slugs: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<String>, LookupError>> {
        bounds::slugs(&slugs)?;
        let (host, lent) = self.access()?;
        answered(host.missing_events(&lent.access, slugs).await)
    }

    async fn produce(
        &mut self,
        _of: Resource<contract::Run>,
        form: String,
        language: String,
        zone: String,
        now: i64,
    ) -> wasmtime::Result<Result<File, ExportError>> {
        let (host, lent) = self.run()?;
        if !lent.is_making() {
            return LEASE_LOST;
        }
        if form.len() > bounds::MOST_DOCUMENT {
            return Ok(Err(ExportError::FormUnfit("form data too large".into())));
        }
        let answer = answered(host.produce(&mut lent.run, form, language, zone, now).await)?;
        lent.file |= answer.is_ok();
        lent.lost |= answer == Err(ExportError::LeaseLost);
        Ok(answer)
    }

    async fn zip(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<Result<File, ExportError>> {
        let (host, lent) = self.run()?;
        if !lent.is_making() {
            return LEASE_LOST;
        }
        if !lent.file {
            let words = "no file to zip";
            return Ok(Err(ExportError::Failed(words.into())));
        }
        let answer = answered(host.zip(&mut lent.run).await)?;
        lent.lost |= answer == Err(ExportError::LeaseLost);
        Ok(answer)
    }

    async fn link(
        &mut self,
        _of: Resource<contract::Run>,
    ) -> wasmtime::Result<Result<Option<DownloadLink>, ExportError>> {
        let (host, lent) = self.run()?;
        if lent.due.is_none() || lent.over() {
            return Ok(Err(ExportError::LeaseLost));
        }
        if !lent.file {
            return Ok(Err(ExportError::Failed("no file to link to".into())));
        }
        let answer = answered(host.link(&mut lent.run).await)?;
        lent.lost |= answer == Err(ExportError::LeaseLost);
        Ok(answer)
    }
}
