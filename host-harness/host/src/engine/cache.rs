//! Compiled components on disk: compiling takes seconds in a debug build, loading milliseconds.
//!
//! Loading a compiled component is like loading a shared library. A file is therefore used only from a directory that this user
//! alone can write to, and only if it is complete: it begins with a hash of the rest.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::private;

const MAGIC: &[u8; 8] = b"SXCWASM1";
const HASH: usize = 32;

/// A directory of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// Stores compiled components in `folder`, which is created if it is missing.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// Stores nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// Uses `HARNESS_CACHE_DIR`, otherwise the user's cache directory (XDG base directories), otherwise none.
    #[must_use]
    pub fn of_user() -> Self {
        let named = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = named("HARNESS_CACHE_DIR").or_else(|| {
            let base = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
            Some(base.join("scheduled-exports"))
        });
        Self { folder }
    }

    /// Returns the component in `bytes`, compiled for `engine`. An error of the cache is logged and costs the time to compile.
    ///
    /// # Errors
    /// If wasmtime cannot compile the bytes as a component.
    pub fn component(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(folder) = &self.folder else {
            return Component::new(engine, bytes);
        };
        if let Err(reason) = private_folder(folder) {
            tracing::warn!(folder = %folder.display(), %reason, "component cache disabled");
            return Component::new(engine, bytes);
        }
        let path = folder.join(format!("{}.cwasm", key(engine, bytes)));
        if let Ok(Some(found)) = load(engine, &path) {
            return Ok(found);
        }
        // Processes that start together compile once: the others wait for the lock, then find the file.
        let _lock = lock(&path.with_extension("lock"));
        match load(engine, &path) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(reason) => {
                tracing::warn!(path = %path.display(), reason, "cached component unusable; recompiling");
            }
        }
        let component = Component::new(engine, bytes)?;
        tracing::info!(path = %path.display(), "compiled component cached");
        if let Err(reason) = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| store(&path, &code))
        {
            tracing::warn!(path = %path.display(), %reason, "could not cache the compiled component");
        }
        Ok(component)
    }
}

/// Content, engine and settings in one name.
fn key(engine: &Engine, bytes: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut content = Sha256::new();
    content.update(bytes);
    content.update(settings.finish().to_le_bytes());
    format!("{:.32x}", content.finalize())
}

/// Returns the compiled component in a file, `None` if the file does not exist, or why it cannot be used.
#[expect(
    unsafe_code,
    reason = "the bytes are machine code, and are checked before they are taken for it"
)]
fn load(engine: &Engine, path: &Path) -> Result<Option<Component>, String> {
    let words = |error: io::Error| error.to_string();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(words(error)),
    };
    trusted(&file.metadata().map_err(words)?)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(words)?;
    let code = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_at_checked(HASH))
        .and_then(|(hash, code)| (Sha256::digest(code)[..] == *hash).then_some(code))
        .ok_or("checksum mismatch")?;
    // SAFETY: the bytes are whole, were written by `store` in a folder that only this user can write to, and are keyed by the
    // engine's version and settings; wasmtime checks the latter once more.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map(Some).map_err(|error| format!("{error:#}"))
}

fn store(path: &Path, code: &[u8]) -> io::Result<()> {
    // Only one process writes at a time, because it holds the lock. The unfinished file of a crashed one is overwritten.
    let unfinished = path.with_extension("new");
    let mut file = private::create(&unfinished)?;
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn lock(path: &Path) -> Option<File> {
    let file = private::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .ok()?;
    file.lock().ok()?;
    Some(file)
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| error.to_string())?;
    let facts = fs::metadata(folder).map_err(|error| error.to_string())?;
    trusted(&facts)?;
    private::tighten(folder).map_err(|error| error.to_string())
}

#[cfg(unix)]
fn trusted(facts: &fs::Metadata) -> Result<(), &'static str> {
    use std::os::unix::fs::MetadataExt;
    if facts.uid() != private::user() {
        return Err("owned by another user");
    }
    if facts.mode() & 0o022 != 0 {
        return Err("writable by other users");
    }
    Ok(())
}

#[cfg(not(unix))]
fn private_folder(_folder: &Path) -> Result<(), String> {
    Err("directory permissions cannot be checked on this system".into())
}

#[cfg(not(unix))]
fn trusted(_facts: &fs::Metadata) -> Result<(), &'static str> {
    Err("this system's file rights are not checked")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::{Arc, Barrier, Mutex};

    use super::*;

    /// The smallest component: its header.
    const TINY: &[u8] = b"\0asm\x0d\0\x01\0";

    /// What is logged in `work`.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics with it").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn of<T>(&self, work: impl FnOnce() -> T) -> T {
            let log = self.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || log.clone());
            tracing::subscriber::with_default(subscriber.finish(), work)
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("nobody panics with it").clone()).expect("text")
        }
    }

    /// Loads [`TINY`] through the cache in `folder`, which must always go well; answers the log.
    fn started(engine: &Engine, folder: &Path) -> String {
        let log = Log::default();
        log.of(|| Cache::at(folder).component(engine, TINY))
            .expect("the component");
        log.text()
    }

    fn kept(engine: &Engine, folder: &Path) -> PathBuf {
        folder.join(format!("{}.cwasm", key(engine, TINY)))
    }

    fn permit(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
    }

    #[test]
    fn a_component_is_compiled_at_the_first_start_and_found_at_the_second() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        let below = folder.path().join("made/by/need");
        assert!(started(&engine, &below).contains("compiled component cached"));
        assert_eq!(started(&engine, &below), "");
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(&below), 0o700);
        let files = fs::read_dir(&below)
            .expect("the folder")
            .map(|entry| entry.expect("a file").path());
        let modes: Vec<u32> = files.map(|file| mode(&file)).collect();
        assert_eq!(modes, [0o600, 0o600], "the component and the lock");
        // As a version of before has made it.
        permit(&below, 0o755);
        assert_eq!(started(&engine, &below), "");
        assert_eq!(mode(&below), 0o700);
    }

    #[test]
    fn a_file_that_cannot_be_trusted_is_made_again_and_the_log_says_why() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        started(&engine, folder.path());
        let path = kept(&engine, folder.path());
        let whole = fs::read(&path).expect("the compiled component");
        let signed = |code: &[u8]| [&MAGIC[..], &Sha256::digest(code)[..], code].concat();
        let mut flipped = whole.clone();
        *flipped.last_mut().expect("a byte") ^= 1;
        for (content, why) in [
            (Vec::new(), "checksum mismatch"),
            (MAGIC.to_vec(), "checksum mismatch"),
            (whole[..whole.len() - 1].to_vec(), "checksum mismatch"),
            (flipped, "checksum mismatch"),
            (
                b"something else entirely, and long enough to hold a hash".to_vec(),
                "checksum mismatch",
            ),
            (signed(b"whole, and no code"), "reason="),
        ] {
            fs::write(&path, content).expect("written");
            let log = started(&engine, folder.path());
            assert!(log.contains("recompiling") && log.contains(why), "{why}: {log}");
            assert_eq!(log.matches("WARN").count(), 1, "{log}");
            assert_eq!(started(&engine, folder.path()), "", "it was made again");
        }
    }

    #[test]
    fn a_file_that_others_may_write_to_is_made_again_for_this_user_alone() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        started(&engine, folder.path());
        let path = kept(&engine, folder.path());
        for mode in [0o620, 0o602] {
            permit(&path, mode);
            let log = started(&engine, folder.path());
            assert!(log.contains("writable by other users"), "{log}");
            assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o022, 0);
            assert_eq!(started(&engine, folder.path()), "");
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_neither_read_nor_written() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        for mode in [0o770, 0o707] {
            permit(folder.path(), mode);
            let log = started(&engine, folder.path());
            assert!(
                log.contains("cache disabled") && log.contains("writable by other users"),
                "{log}"
            );
            assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_costs_the_cache_and_nothing_else() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let log = started(&engine, &file.join("cache"));
        assert!(log.contains("cache disabled"), "{log}");
    }

    #[test]
    fn starts_at_one_time_compile_once() {
        let (engine, folder) = (Engine::default(), tempfile::tempdir().expect("a folder"));
        let (log, together) = (Log::default(), Barrier::new(8));
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    together.wait();
                    let found = log.of(|| Cache::at(folder.path()).component(&engine, TINY));
                    found.expect("the component");
                });
            }
        });
        assert_eq!(
            log.text().matches("compiled component cached").count(),
            1,
            "{}",
            log.text()
        );
    }
}
