//! Mail into a folder, for development: nothing leaves the machine.
//!
//! `DIR` holds one `.eml` file a message, which mail programs open: the bytes as SMTP would carry them, so without Bcc. Its name
//! is the left side of the Message-ID, e.g. `2026-10-27T030000Z-schedule-7-export.eml`, so that a listing is in the order of due
//! times. Further recipients and retries of a message find the file there. Another message of the same name (the database was
//! thrown away and the folder kept) stands beside it, with a part of its hash in the name.
//!
//! `DIR/envelopes.jsonl` says who got it: one line for each handing-over, Bcc included, in the order in which they happened. A
//! recipient is there twice if the host died between the line and its own record of it, just as a mail server would have got
//! the message twice.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use scheduled_exports_host::private::{self, Entry};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Refusal, Transport, TroubleKind};

/// The file in the folder that says who got what.
pub const ENVELOPES: &str = "envelopes.jsonl";
/// What a message is called while it is written, before some random letters.
const WRITING: &str = ".writing-";

/// Keeps messages in a folder.
#[derive(Clone, Debug)]
pub struct EmlTransport {
    dir: PathBuf,
}

impl EmlTransport {
    /// Makes the folder if it is not there, for this user alone. Of one that is there, it makes the mails private, and removes what
    /// processes that were killed had begun to write.
    ///
    /// # Errors
    /// Where that is not possible.
    pub fn new(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        private::directory(&dir, |name, _| match name {
            ENVELOPES => Entry::Ours,
            _ if name.ends_with(".eml") || name.starts_with(WRITING) => Entry::Ours,
            _ => Entry::Foreign,
        })?;
        sweep(&dir)?;
        Ok(Self { dir })
    }

    /// Where the messages are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[async_trait]
impl Transport for EmlTransport {
    async fn hand_over(
        &self,
        envelope_from: &str,
        recipient: &str,
        message_id: &str,
        bytes: Arc<[u8]>,
    ) -> Result<String, Refusal> {
        let (dir, message_id) = (self.dir.clone(), message_id.to_owned());
        let (from, recipient) = (envelope_from.to_owned(), recipient.to_owned());
        let kept = tokio::task::spawn_blocking(move || -> io::Result<String> {
            let file = keep(&dir, &message_id, &bytes)?;
            let line = json!({"file": file, "message_id": message_id, "from": from, "recipient": recipient});
            append(&dir, &format!("{line}\n"))?;
            Ok(file)
        });
        match kept.await {
            Ok(Ok(file)) => Ok(format!("written to {file}")),
            Ok(Err(error)) => Err(Refusal::trouble(
                TroubleKind::Host,
                format!("could not create the mail directory: {error}"),
            )),
            Err(error) => Err(Refusal::trouble(
                TroubleKind::Host,
                format!("could not write the mail: {error}"),
            )),
        }
    }
}

/// Writes the message unless it is there, whole or not at all, and answers its file's name.
fn keep(dir: &Path, message_id: &str, bytes: &[u8]) -> io::Result<String> {
    let stem = stem(message_id);
    let beside = format!("{stem}-{:.8x}", Sha256::digest(bytes));
    for name in [format!("{stem}.eml"), format!("{beside}.eml")] {
        let path = dir.join(&name);
        if !path.exists() {
            let mut new = tempfile::Builder::new().prefix(WRITING).tempfile_in(dir)?;
            // Held until it has its name: what nobody holds, a killed process has left.
            new.as_file().lock()?;
            new.write_all(bytes)?;
            new.as_file().sync_all()?;
            match new.persist_noclobber(&path) {
                Ok(_) => File::open(dir)?.sync_all()?,
                // Another recipient's handing-over was quicker.
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.error),
            }
        }
        if fs::read(&path)? == bytes {
            return Ok(name);
        }
    }
    Err(io::Error::other(format!(
        "{beside}.eml already exists with different content"
    )))
}

/// Removes messages that nobody writes any more.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(WRITING) {
            continue;
        }
        // One that is gone meanwhile has got its name.
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// One write of one line, which the operating system appends as a whole; after a line that a power cut has torn, on a line of
/// its own.
fn append(dir: &Path, line: &str) -> io::Result<()> {
    let path = dir.join(ENVELOPES);
    let mut file = private::options().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(io::SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        file.write_all(line.as_bytes())?;
    } else {
        file.write_all(format!("\n{line}").as_bytes())?;
    }
    file.sync_data()
}

/// The left side of a Message-ID, as a file name that stays in the folder and is no hidden file.
fn stem(message_id: &str) -> String {
    let left = message_id.split('@').next().unwrap_or_default();
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '_'
        }
    };
    let name: String = left.chars().map(clean).take(150).collect();
    match name.trim_start_matches('.') {
        "" => "message".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2026-10-27T030000Z-schedule-7-export@tickets.example";

    async fn hand(transport: &EmlTransport, recipient: &str, bytes: &[u8]) -> Result<String, Refusal> {
        let from = "exports@tickets.example";
        transport.hand_over(from, recipient, ID, bytes.into()).await
    }

    /// Names in the folder, without the list of envelopes.
    fn messages(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ENVELOPES)
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn recipients_and_retries_of_one_message_share_one_file_and_have_a_line_each() {
        let dir = tempfile::tempdir().unwrap();
        let transport = EmlTransport::new(dir.path().join("mail")).unwrap();
        let words = "written to 2026-10-27T030000Z-schedule-7-export.eml";
        let both = futures_util::future::join(
            hand(&transport, "a@example.com", b"Subject: x\r\n\r\n"),
            hand(&transport, "bcc@example.com", b"Subject: x\r\n\r\n"),
        );
        let (first, second) = both.await;
        assert_eq!((first.as_deref(), second.as_deref()), (Ok(words), Ok(words)));
        let again = hand(&transport, "a@example.com", b"Subject: x\r\n\r\n").await;
        assert_eq!(again.as_deref(), Ok(words));

        assert_eq!(messages(transport.dir()), ["2026-10-27T030000Z-schedule-7-export.eml"]);
        let lines = fs::read_to_string(transport.dir().join(ENVELOPES)).unwrap();
        let mut who: Vec<_> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["recipient"].as_str().unwrap().to_owned())
            .collect();
        who.sort();
        assert_eq!(who, ["a@example.com", "a@example.com", "bcc@example.com"]);
    }

    #[tokio::test]
    async fn another_message_of_the_same_name_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let transport = EmlTransport::new(dir.path()).unwrap();
        hand(&transport, "a@example.com", b"one").await.unwrap();
        let second = hand(&transport, "a@example.com", b"two").await.unwrap();
        assert_eq!(hand(&transport, "b@example.com", b"two").await.unwrap(), second);
        let names = messages(dir.path());
        assert_eq!(names.len(), 2);
        assert_eq!(fs::read(dir.path().join(&names[1])).unwrap(), b"one");
        assert_eq!(fs::read(dir.path().join(&names[0])).unwrap(), b"two");
    }

    #[tokio::test]
    async fn what_a_dead_host_left_half_written_is_not_taken_for_the_message() {
        let dir = tempfile::tempdir().unwrap();
        let transport = EmlTransport::new(dir.path()).unwrap();
        fs::write(dir.path().join(".writing-abc"), b"on").unwrap();
        hand(&transport, "a@example.com", b"one").await.unwrap();
        assert_eq!(
            fs::read(dir.path().join("2026-10-27T030000Z-schedule-7-export.eml")).unwrap(),
            b"one"
        );
    }

    #[tokio::test]
    async fn a_torn_line_of_the_envelopes_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let transport = EmlTransport::new(dir.path()).unwrap();
        hand(&transport, "a@example.com", b"one").await.unwrap();
        let list = dir.path().join(ENVELOPES);
        let whole = fs::read_to_string(&list).unwrap();
        fs::write(&list, format!("{whole}{}", &whole[..20])).unwrap();
        hand(&transport, "b@example.com", b"one").await.unwrap();
        hand(&transport, "c@example.com", b"one").await.unwrap();
        let lines = fs::read_to_string(&list).unwrap();
        let who: Vec<_> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).map(|line| line["recipient"].clone()))
            .collect();
        assert_eq!(who.len(), 4);
        assert!(who[1].is_err(), "the torn one");
        for (line, recipient) in [(0, "a@example.com"), (2, "b@example.com"), (3, "c@example.com")] {
            assert_eq!(who[line].as_ref().unwrap(), recipient);
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_tried_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let transport = EmlTransport::new(dir.path().join("mail")).unwrap();
        fs::remove_dir(transport.dir()).unwrap();
        let refused = hand(&transport, "a@example.com", b"one").await;
        assert!(matches!(refused, Err(Refusal::Trouble(_))), "{refused:?}");
    }

    #[test]
    fn no_message_id_leads_out_of_the_folder() {
        assert_eq!(stem("../../etc/passwd@x"), "_.._etc_passwd");
        assert_eq!(stem("a/b\0c\nd@x"), "a_b_c_d");
        assert_eq!(stem("@x"), "message");
        assert_eq!(stem(&"a".repeat(400)).len(), 150);
    }

    #[tokio::test]
    async fn what_a_killed_process_was_writing_is_removed_and_what_another_one_writes_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mail = dir.path().join("mail");
        EmlTransport::new(&mail).unwrap();
        let (left, living) = (mail.join(".writing-left"), mail.join(".writing-living"));
        fs::write(&left, b"half").unwrap();
        let writing = private::create(&living).unwrap();
        writing.lock().unwrap();
        EmlTransport::new(&mail).unwrap();
        assert!(!left.exists());
        assert!(living.exists());
    }
}
