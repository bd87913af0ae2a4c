//! Where a host keeps files for the time of their use.
//!
//! They hold exports, so they lie in a directory of this user alone, below the data directory where there is one, and not in the
//! machine's `/tmp`. Each process has a directory of its own there, and a lock on it for as long as it lives: a process that starts
//! removes the directories whose lock nobody holds, those of processes that were killed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use scheduled_exports_host::private::{self, Entry};

/// What the directory of a process is called, before some random letters.
const PREFIX: &str = "host-";
/// In the directory of a process, locked while it lives.
const LOCK: &str = ".lock";
/// Locked by whoever makes or removes directories of processes.
const TURN: &str = ".turn";

/// A place for temporary files. Clones share it; the last one removes it.
#[derive(Clone, Debug)]
pub struct TempFiles(Arc<Place>);

#[derive(Debug)]
enum Place {
    /// The machine's own place for temporary files.
    Machine(PathBuf),
    /// Removed first, unlocked then.
    Own { folder: TempDir, _lock: File },
}

/// On the machine's own place for temporary files, where nothing is swept: for tests and small hosts.
impl Default for TempFiles {
    fn default() -> Self {
        Self(Arc::new(Place::Machine(std::env::temp_dir())))
    }
}

impl TempFiles {
    /// A directory of this process in `folder`, which is made if it is missing. What processes that were killed have left there is
    /// removed; what belongs to a living process stays.
    ///
    /// # Errors
    /// If the directories cannot be made or read.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        private::directory(folder, |name, _| match name.starts_with(PREFIX) || name == TURN {
            true => Entry::Ours,
            false => Entry::Foreign,
        })?;
        // Else a process could remove the directory of another one that is just about to lock it.
        let turn = private::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(TURN))?;
        turn.lock()?;
        sweep(folder)?;
        let own = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(private::DIRECTORY))
            .tempdir_in(folder)?;
        let lock = private::create(&own.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self(Arc::new(Place::Own {
            folder: own,
            _lock: lock,
        })))
    }

    /// Where the files lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &*self.0 {
            Place::Machine(folder) => folder,
            Place::Own { folder, .. } => folder.path(),
        }
    }

    /// A private directory, removed when it is dropped.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self) -> io::Result<TempDir> {
        tempfile::Builder::new()
            .permissions(Permissions::from_mode(private::DIRECTORY))
            .tempdir_in(self.path())
    }
}

/// Removes the directories of processes that do not live any more.
fn sweep(folder: &Path) -> io::Result<()> {
    for found in fs::read_dir(folder)? {
        let found = found?;
        if !found.file_name().to_string_lossy().starts_with(PREFIX) || !found.file_type()?.is_dir() {
            continue;
        }
        let path = found.path();
        let dead = match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // Killed before it had made its lock: whoever makes one has the turn.
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(_) => false,
        };
        if dead {
            match fs::remove_dir_all(&path) {
                Ok(()) => {
                    tracing::info!(directory = %path.display(), "removed temporary files of a host that was killed")
                }
                Err(error) => {
                    tracing::warn!(directory = %path.display(), %error, "could not remove temporary files of a host that was killed");
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names in the folder of directories of processes.
    fn processes(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().starts_with(PREFIX)).count()
    }

    #[test]
    fn what_a_killed_process_has_left_is_removed_and_what_a_living_one_has_stays() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("tmp");
        let living = TempFiles::in_folder(&folder).expect("a place");
        let file = living.folder().expect("a folder").keep().join("export.csv");
        fs::write(&file, "in use").expect("written");
        // As a killed process leaves it: its lock is gone, its files are not.
        for (name, locked) in [("host-killed", true), ("host-early", false)] {
            fs::create_dir(folder.join(name)).expect("made");
            fs::write(folder.join(name).join("export.csv"), "left").expect("written");
            if locked {
                fs::write(folder.join(name).join(LOCK), "").expect("written");
            }
        }
        let second = TempFiles::in_folder(&folder).expect("a place");
        assert!(file.exists(), "the living process still has its file");
        assert!(!folder.join("host-killed").exists());
        assert!(!folder.join("host-early").exists());
        assert_eq!(processes(&folder), 2);

        drop(second);
        drop(living);
        assert_eq!(processes(&folder), 0, "a process that ends removes its own");
    }

    #[test]
    fn temporary_files_are_private() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("tmp");
        let place = TempFiles::in_folder(&folder).expect("a place");
        let below = place.folder().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        for path in [&folder, place.path(), below.path()] {
            assert_eq!(mode(path), 0o700, "{}", path.display());
        }
        for file in [folder.join(TURN), place.path().join(LOCK)] {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        let path = below.path().to_owned();
        drop(below);
        assert!(!path.exists(), "removed when its use ends");
    }
}
