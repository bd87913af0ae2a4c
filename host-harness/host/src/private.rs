//! Files and directories that only this user can access: mode 0600 and 0700, whatever the umask.
//!
//! Exports, mails and the store contain personal data. With the usual umask of 022, every user of the machine could read new
//! files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Mode of a directory that only this user can enter.
pub const DIRECTORY: u32 = 0o700;
/// Mode of a file that only this user can read.
pub const FILE: u32 = 0o600;
/// The permissions of group and others.
const OF_OTHERS: u32 = 0o077;
/// The bit of a directory like `/tmp`, which many users share.
const STICKY: u32 = 0o1000;

/// How [`directory`] treats an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The host wrote it: it becomes private.
    Ours,
    /// It says nothing about the directory's other uses.
    Neutral,
    /// Other users might need to reach it, so the directory keeps its mode.
    Foreign,
}

/// Creates a directory with its parents if it is missing, for this user alone.
///
/// An existing directory that other users can enter becomes private, as do the files that `entry` calls [`Entry::Ours`]. It keeps
/// its mode, and the log says so, if it is shared like `/tmp` or contains an [`Entry::Foreign`]: `--data /var` must not lock
/// other users out of `/var`. The files in it are private in either case.
///
/// # Errors
/// If the directory cannot be created or read.
pub fn directory(path: &Path, entry: impl Fn(&str, bool) -> Entry) -> io::Result<()> {
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(DIRECTORY).create(path)?;
        // The umask can have removed permissions that this user needs.
        return fs::set_permissions(path, Permissions::from_mode(DIRECTORY));
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OF_OTHERS == 0 {
        return Ok(());
    }
    let mut shared = mode & STICKY != 0;
    for found in fs::read_dir(path)? {
        let found = found?;
        // Not followed: a link to a directory is not a directory.
        let kind = found.file_type()?;
        match entry(&found.file_name().to_string_lossy(), kind.is_dir()) {
            Entry::Ours if kind.is_file() => tighten(&found.path())?,
            Entry::Ours | Entry::Neutral => {}
            Entry::Foreign => shared = true,
        }
    }
    if shared {
        tracing::warn!(
            directory = %path.display(),
            mode = format_args!("{:04o}", mode & 0o7777),
            "the directory is shared with others and keeps its mode; files in it are private"
        );
        return Ok(());
    }
    tracing::info!(directory = %path.display(), "other users could enter the directory; its mode is 0700 now");
    tighten(path)
}

/// Removes the permissions of group and others from a file or directory.
///
/// # Errors
/// If that is not possible, as for another user's file. No error if the file does not exist.
pub fn tighten(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & OF_OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OF_OTHERS))
}

/// Options that create new files as private.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

/// The id of this process's user, who owns the files that it creates.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Creates an empty private file.
///
/// # Errors
/// If that is not possible.
pub fn create(path: &Path) -> io::Result<File> {
    let file = options().write(true).create(true).truncate(true).open(path)?;
    // An existing file keeps its mode when it is opened.
    file.set_permissions(Permissions::from_mode(FILE))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
    }

    fn entry(name: &str, directory: bool) -> Entry {
        match (name, directory) {
            (_, true) => Entry::Foreign,
            ("store", false) => Entry::Ours,
            (_, false) => Entry::Neutral,
        }
    }

    #[test]
    fn a_directory_that_others_could_enter_becomes_private_with_the_files_of_the_host() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = folder.path().join("a/b");
        directory(&made, entry).expect("made");
        assert_eq!((mode(&made), mode(made.parent().expect("a"))), (0o700, 0o700));

        for name in ["store", "notes"] {
            fs::write(made.join(name), "x").expect("written");
            set(&made.join(name), 0o644);
        }
        set(&made, 0o755);
        directory(&made, entry).expect("tightened");
        assert_eq!(mode(&made), 0o700);
        assert_eq!(mode(&made.join("store")), 0o600);
        assert_eq!(mode(&made.join("notes")), 0o644, "somebody else's file keeps its mode");
    }

    #[test]
    fn a_directory_that_others_need_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        set(folder.path(), 0o1777);
        fs::write(folder.path().join("store"), "x").expect("written");
        set(&folder.path().join("store"), 0o644);
        directory(folder.path(), entry).expect("left");
        assert_eq!(mode(folder.path()), 0o1777, "like /tmp");
        assert_eq!(mode(&folder.path().join("store")), 0o600);

        set(folder.path(), 0o755);
        fs::create_dir(folder.path().join("lib")).expect("made");
        directory(folder.path(), entry).expect("left");
        assert_eq!(mode(folder.path()), 0o755, "like /var");
    }

    #[test]
    fn a_file_that_is_made_again_is_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "of others").expect("written");
        set(&file, 0o666);
        create(&file).expect("made");
        assert_eq!((mode(&file), fs::metadata(&file).expect("the file").len()), (0o600, 0));
    }
}
