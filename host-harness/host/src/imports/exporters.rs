//! `exporters`: the platform's exporters, called with the permissions of the handle's caller or owner.

use super::call::{LentRun, Work};
use super::{Imports, bounds, interface};
use crate::clock::Instant;
use crate::contract::exporters::{DownloadLink, ExportError, Exporter, File, FormError, LookupError, Reach, RightsOf};

interface! {
    /// What this host can export, and to whom it is open.
    ///
    /// Rights are asked at each call, not when the handle was minted: an owner who lost his at noon gets no file at one.
    pub trait Exporters in exporters {
        /// Exporters that the subject may run here, in the order to show them; with `only`, that one or nothing. Labels are in the
        /// caller's language.
        ///
        /// # Errors
        /// `not-found` where the subject's schedule is not visible to the caller; `unavailable`.
        fn available(&self, by: &Access, whose: RightsOf, only: Option<String>) -> Answer<Vec<Exporter>, LookupError> {}

        /// The organizer's events whose data the subject may export with this exporter: all, those to come included, or these; with
        /// `only`, always [`Reach::Events`]: those among these. An event that does not exist is not among them. None if left out:
        /// asked at organizer level only, it is not needed where no exporter reads across events.
        ///
        /// # Errors
        /// As [`available`](Self::available).
        fn usable_events(
            &self,
            by: &Access,
            whose: RightsOf,
            exporter: String,
            only: Option<Vec<String>>,
        ) -> Answer<Reach, LookupError> {
            check |_, _| { bounds::slugs(only.as_deref().unwrap_or_default())?; }
            default { Ok(Reach::Events(Vec::new())) }
        }

        /// Checks a form that fits the exporter's fields by whatever else this host knows, before it is stored, and answers what is to
        /// be stored in its place. The form as it came if left out.
        ///
        /// # Errors
        /// All that [`FormError`] says.
        fn check_form(&self, by: &Access, whose: RightsOf, exporter: String, form: String) -> Answer<String, FormError> {
            check |_, _| { bounds::form(&form).map_err(|_| FormError::NotFound)?; }
            default { Ok(form) }
        }

        /// Those of the slugs that the caller may know of. None if left out, as above.
        ///
        /// # Errors
        /// `unavailable`.
        fn visible_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
            check |_, _| { bounds::slugs(&slugs)?; }
            default { Ok(Vec::new()) }
        }

        /// Those of the slugs that no event of this organizer has. All of them if left out, as above.
        ///
        /// # Errors
        /// `unavailable`.
        fn missing_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
            check |_, _| { bounds::slugs(&slugs)?; }
            default { Ok(slugs) }
        }

        /// Runs the schedule's exporter with its owner's rights of this moment, and keeps the file with the run in place of an
        /// earlier one. `form` is a JSON document of at most 64 KiB with date ranges resolved to dates; `now` is the due time,
        /// `zone` the schedule's zone, `language` the one of headings. Asked only for a run that is started and not over.
        ///
        /// # Errors
        /// All that [`ExportError`] says; `lease-lost` where the file could only be kept under a lease that is gone.
        fn produce(
            &self,
            of: &mut Run,
            form: String,
            language: String,
            zone: String,
            now: Instant,
        ) -> Answer<File, ExportError> {
            check |_, run| {
                run.to_be_made()?;
                bounds::form(&form)?;
            }
            done |run, ()| { run.file = true; }
        }

        /// Puts the file that `produce` made into a zip archive, which takes its place. Asked only where this call has made a file
        /// whose mail was too large. `failed` if left out: the host does not support zip archives.
        ///
        /// # Errors
        /// As [`produce`](Self::produce).
        fn zip(&self, of: &mut Run) -> Answer<File, ExportError> {
            check |_, run| {
                run.to_be_made()?;
                run.with_file("no file to zip")?;
            }
            default { Err(ExportError::Failed("this host does not support zip archives".into()).into()) }
        }

        /// Offers the file for download, from the commit of `submitted` on. None: this host offers no downloads, which is also the
        /// answer if this is left out. Asked only where this call has made a file.
        ///
        /// # Errors
        /// As [`produce`](Self::produce).
        fn link(&self, of: &mut Run) -> Answer<Option<DownloadLink>, ExportError> {
            check |_, run| {
                run.open().ok_or(ExportError::LeaseLost)?;
                run.with_file("no file to link to")?;
            }
            default { Ok(None) }
        }
    }
}

impl<H: Imports> LentRun<H> {
    /// Is it started, not over, and still to be made?
    fn to_be_made(&self) -> Result<(), ExportError> {
        match self.open() {
            Some(_) if self.work == Work::Execute => Ok(()),
            _ => Err(ExportError::LeaseLost),
        }
    }

    /// Has this call made a file? Otherwise `missing` is the answer.
    fn with_file(&self, missing: &str) -> Result<(), ExportError> {
        match self.file {
            true => Ok(()),
            false => Err(ExportError::Failed(missing.into())),
        }
    }
}
