//! A directory of recordings, limited in number.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Called, Facts, Tape};
use crate::private::{self, Entry};

/// The extension of all recordings.
const ENDING: &str = ".tape.jsonl";

/// Which calls are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Runs that failed or did not finish, and calls that did not return.
    Failed,
    /// All.
    All,
}

/// The directory of the latest recordings, readable only by this user.
#[derive(Clone, Debug)]
pub struct Tapes {
    folder: PathBuf,
    most: usize,
    keep: Keep,
}

impl Tapes {
    /// Stores at most `most` recordings in a directory, which is created if it is missing.
    ///
    /// # Errors
    /// If the directory cannot be created.
    pub fn in_folder(folder: &Path, most: usize, keep: Keep) -> io::Result<Self> {
        private::directory(folder, |name, _| match name.ends_with(ENDING) {
            true => Entry::Ours,
            false => Entry::Foreign,
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            most,
            keep,
        })
    }

    /// Returns the files, earliest first.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(ENDING) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Stores a recording if it is one to keep, and deletes the earliest ones beyond the limit. A write error is only logged, so
    /// that no run fails because of it. `None` if the recording was too long. `cut` means that the call did not return, or did
    /// not finish its run.
    pub fn take(&self, tape: Option<Tape>, cut: bool) {
        let Some(tape) = tape else {
            tracing::warn!("call too large to record");
            return;
        };
        let failed = cut
            || tape
                .end
                .finished
                .as_ref()
                .is_some_and(|outcome| outcome.get("Failed").is_some());
        if !failed && self.keep == Keep::Failed {
            return;
        }
        match self.write(&tape) {
            Ok(path) if failed => tracing::warn!(tape = %path.display(), "recorded a failed call"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "could not write recording"),
        }
    }

    fn write(&self, tape: &Tape) -> io::Result<PathBuf> {
        let files = self.files()?;
        let last = files.last().and_then(|path| number(path)).unwrap_or_default();
        for number in last + 1.. {
            let path = self.folder.join(format!("{number:08}-{}{ENDING}", named(tape)));
            match private::options().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(tape.to_text().as_bytes())?;
                    let past = (files.len() + 1).saturating_sub(self.most);
                    for old in files.iter().take(past) {
                        match fs::remove_file(old) {
                            // Another call was faster.
                            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                            other => other?,
                        }
                    }
                    return Ok(path);
                }
                // Another call was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no free recording number"))
    }
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.split('-').next()?.parse().ok()
}

/// `execute-7`: the function, and the schedule of a run.
fn named(tape: &Tape) -> String {
    match (&tape.head.called, &tape.head.facts) {
        (Called::Jobs(job), Facts::Run(facts)) => format!("{}-{}", job.name(), facts.schedule.id),
        _ => "call".into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::*;
    use crate::contract::{AccessContext, Caller, Settings};
    use crate::engine::Operation;
    use crate::tape::{Came, Ending, Head};

    /// A recording without import calls.
    pub(in crate::tape) fn tape() -> Tape {
        let settings = Settings {
            now: 0,
            zone: "UTC".into(),
            languages: vec!["en".into()],
            recipient_domains: None,
            mail_bytes: 0,
            configuration_url: String::new(),
            latest_event: 0,
        };
        let facts = AccessContext {
            caller: Caller::Token,
            language: "en".into(),
            event_level: false,
            may_change_settings: false,
            may_write: false,
            settings,
        };
        Tape {
            head: Head {
                contract: "0.1.0".into(),
                component: String::new(),
                called: Called::Schedules(Operation::Get(1)),
                facts: Facts::Access(facts),
            },
            calls: Vec::new(),
            end: Ending {
                finished: None,
                came: Came::Answered(Value::Null),
            },
        }
    }

    fn names(tapes: &Tapes) -> Vec<String> {
        let files = tapes.files().expect("the folder");
        let name = |file: PathBuf| file.file_name().expect("a name").to_string_lossy().into_owned();
        files.into_iter().map(name).collect()
    }

    #[test]
    fn the_latest_tapes_stay_and_numbers_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let at_most = |most| Tapes::in_folder(folder.path(), most, Keep::All).expect("the folder");
        let numbered = |numbers: &[u32]| -> Vec<String> {
            let name = |number| format!("{number:08}-call.tape.jsonl");
            numbers.iter().map(name).collect()
        };
        for _ in 0..4 {
            at_most(3).take(Some(tape()), false);
        }
        assert_eq!(names(&at_most(3)), numbered(&[2, 3, 4]));
        at_most(2).take(Some(tape()), false);
        assert_eq!(names(&at_most(2)), numbered(&[4, 5]));
    }

    #[test]
    fn calls_that_end_at_once_are_all_written_and_the_next_one_mends_their_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let tapes = Tapes::in_folder(folder.path(), 5, Keep::All).expect("the folder");
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..20 {
                        tapes.write(&tape()).expect("it is written");
                    }
                });
            }
        });
        tapes.write(&tape()).expect("it is written");
        assert_eq!(names(&tapes).len(), 5);
    }
}
