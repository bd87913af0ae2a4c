//! A folder of tapes, bounded in number.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Called, Facts, Tape};

/// How all tapes end.
const ENDING: &str = ".tape.jsonl";

/// Which calls are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Runs that failed or did not finish, and calls that gave no answer.
    Failed,
    /// All.
    All,
}

/// Where tapes are kept: readable for this user alone, the latest ones only.
#[derive(Clone, Debug)]
pub struct Tapes {
    folder: PathBuf,
    most: usize,
    keep: Keep,
}

impl Tapes {
    /// In a folder, which is made if it is missing; at most `most` of them.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn in_folder(folder: &Path, most: usize, keep: Keep) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            most,
            keep,
        })
    }

    /// The files, earliest first.
    ///
    /// # Errors
    /// If the folder can't be read.
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

    /// Writes a tape down if it is one to keep, and lets go of the earliest ones past the number. What can't be written is
    /// said in the log: no run fails of it. None: the tape was too long. `cut` is a call that gave no answer, or did not finish
    /// its run.
    pub(crate) fn take(&self, tape: Option<Tape>, cut: bool) {
        let Some(tape) = tape else {
            tracing::warn!("a call was too long to be kept on tape");
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
            Ok(path) if failed => tracing::warn!(tape = %path.display(), "a call that failed is on tape"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a tape could not be written"),
        }
    }

    fn write(&self, tape: &Tape) -> io::Result<PathBuf> {
        let files = self.files()?;
        let last = files.last().and_then(|path| number(path)).unwrap_or_default();
        for number in last + 1.. {
            let path = self.folder.join(format!("{number:08}-{}{ENDING}", named(tape)));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    file.write_all(tape.to_text().as_bytes())?;
                    let past = (files.len() + 1).saturating_sub(self.most);
                    for old in files.iter().take(past) {
                        fs::remove_file(old)?;
                    }
                    return Ok(path);
                }
                // Another call was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("all numbers are taken"))
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
