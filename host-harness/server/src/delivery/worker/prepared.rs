//! The bytes of a mail that is to be delivered, made ready for all of its recipients at once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use scheduled_exports_mail::message::RenderError;
use scheduled_exports_mail::{Refusal, TroubleKind, render};
use scheduled_exports_store::{MailKind, Outbox, OutboxMail, StorageError};
use tokio::sync::{OnceCell, Semaphore};

use crate::delivery::MailHealth;
use crate::delivery::verdict::About;
use crate::temp_files::TempFiles;

/// A mail ready to go, or why it never or not now will.
pub(super) type Prepared = Result<Ready, Refusal>;

pub(super) struct Ready {
    pub(super) run: Option<u64>,
    pub(super) about: About,
    pub(super) from: String,
    pub(super) message_id: String,
    pub(super) bytes: Arc<[u8]>,
}

/// Mails on their way to their recipients: each is read and rendered once, however many these are.
pub(super) struct PreparedMails<'a> {
    storage: &'a dyn Outbox,
    health: &'a MailHealth,
    temp_files: &'a TempFiles,
    places: Mutex<Places>,
    /// Rendering needs a few times the message's size: one rendering at a time.
    one_at_a_time: Semaphore,
}

#[derive(Default)]
struct Places {
    /// Of the mails with a delivery under way.
    by_id: HashMap<u64, Weak<OnceCell<Prepared>>>,
    /// Stays when its deliveries have ended, for those of the same mail that come next.
    latest: Option<Arc<OnceCell<Prepared>>>,
}

impl<'a> PreparedMails<'a> {
    pub(super) fn new(storage: &'a dyn Outbox, health: &'a MailHealth, temp_files: &'a TempFiles) -> Self {
        Self {
            storage,
            health,
            temp_files,
            places: Mutex::default(),
            one_at_a_time: Semaphore::new(1),
        }
    }

    /// Where this mail is, or will be once it is prepared.
    pub(super) fn place(&self, mail: u64) -> Arc<OnceCell<Prepared>> {
        let mut mails = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = mails.by_id.get(&mail).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::new(OnceCell::new());
        mails.latest = Some(Arc::clone(&place));
        mails.by_id.retain(|_, place| place.strong_count() > 0);
        mails.by_id.insert(mail, Arc::downgrade(&place));
        place
    }

    /// Reads and renders a mail. `Err` only where the store is away: then its deliveries stay as they are.
    pub(super) async fn prepare(&self, id: u64) -> Result<Prepared, StorageError> {
        let never = |run: Option<u64>, why: String| {
            tracing::error!(run, mail = id, why, "mail cannot be sent");
            Ok(Err(Refusal::Unsendable(why)))
        };
        // The semaphore is never closed.
        let _turn = self.one_at_a_time.acquire().await;
        let mail = match self.storage.mail(id).await {
            Ok(Some(mut mail)) => {
                if let Some(sender) = self.health.sender()
                    && sender.address() != mail.mail.from
                {
                    sender.address().clone_into(&mut mail.mail.from);
                    mail.mail.from_name = sender.name().map(str::to_owned);
                }
                mail
            }
            Ok(None) => return never(None, "the mail is no longer in the store".to_owned()),
            Err(StorageError::Corrupt(what)) => return never(None, format!("could not read the mail: {what}")),
            Err(away) => return Err(away),
        };
        let run = mail.run;
        // Nothing in here is the recipient's or the mail's fault.
        let not_now = |error: std::io::Error| {
            tracing::error!(run, mail = id, %error, "could not create a temporary file for mail");
            Ok(Err(Refusal::trouble(
                TroubleKind::Host,
                format!("could not create a temporary file: {error}"),
            )))
        };
        let dir = match self.temp_files.folder() {
            Ok(dir) => dir,
            Err(error) => return not_now(error),
        };
        let path = dir.path().join("file");
        if mail.mail.attach_file {
            let read = match run {
                Some(run) => self.storage.read_file(run, &path).await,
                None => Ok(None),
            };
            match read {
                Ok(Some(_)) => {}
                Ok(None) => return never(run, "the file is no longer in the store".to_owned()),
                Err(StorageError::Corrupt(what)) => {
                    return never(run, format!("could not read the file: {what}"));
                }
                Err(away) => return Err(away),
            }
        }
        let rendering = tokio::task::spawn_blocking(move || bytes_of(&mail, &path).map(|bytes| (mail, bytes)));
        match rendering.await {
            Ok(Ok((mail, Ok(bytes)))) => Ok(Ok(Ready {
                run,
                about: About {
                    schedule: mail.schedule,
                    is_notice: mail.mail.kind != MailKind::Export,
                },
                from: mail.mail.from,
                message_id: mail.mail.message_id,
                bytes,
            })),
            Ok(Ok((_, Err(Refusal::Unsendable(why))))) => never(run, why),
            Ok(Ok((_, Err(refusal)))) => Ok(Err(refusal)),
            Ok(Err(error)) => not_now(error),
            Err(error) => never(run, format!("could not render the mail: {error}")),
        }
    }
}

/// The bytes of a mail whose file is at `path`, or why there are none; `Err` where the file can't be read at the moment.
fn bytes_of(mail: &OutboxMail, path: &Path) -> std::io::Result<Result<Arc<[u8]>, Refusal>> {
    let file = if mail.mail.attach_file {
        Some(std::fs::read(path)?)
    } else {
        None
    };
    let size = file
        .as_ref()
        .map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let promised = mail.file.as_ref().map_or(0, |facts| facts.size);
    if file.is_some() && size != promised {
        let why = format!("the file has {size} bytes, expected {promised}");
        return Ok(Err(Refusal::Unsendable(why)));
    }
    Ok(match render(mail, file.as_deref()) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error @ RenderError::Sender(_)) => Err(Refusal::trouble(TroubleKind::Sender, error.to_string())),
        Err(error) => Err(Refusal::Unsendable(error.to_string())),
    })
}
