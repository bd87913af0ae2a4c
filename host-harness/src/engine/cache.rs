//! Compiled components on disk: compiling takes seconds in a debug build, loading milliseconds.
//!
//! Loading a compiled component is as trusting as loading a shared library. So a file is taken only from a folder that is
//! this user's alone, and only whole: it begins with a hash of the rest.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 8] = b"SXCWASM1";
const HASH: usize = 32;

/// Where compiled components are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// Keeps them in `folder`, which is made if it is missing.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// `HARNESS_CACHE_DIR`, else the user's cache folder (XDG base directories), else none.
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

    /// The component in `bytes`, compiled for `engine`. A fault of the cache is logged and costs the time to compile.
    ///
    /// # Errors
    /// If the bytes are no component that wasmtime compiles.
    pub fn component(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(folder) = &self.folder else {
            return Component::new(engine, bytes);
        };
        if let Err(reason) = private_folder(folder) {
            tracing::warn!(folder = %folder.display(), %reason, "compiled components are not cached");
            return Component::new(engine, bytes);
        }
        let path = folder.join(format!("{}.cwasm", key(engine, bytes)));
        if let Some(found) = load(engine, &path) {
            return Ok(found);
        }
        // Processes that start together compile once: the others wait for the lock, then find the file.
        let _lock = lock(&path.with_extension("lock"));
        if let Some(found) = load(engine, &path) {
            return Ok(found);
        }
        let component = Component::new(engine, bytes)?;
        if let Err(reason) = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| store(folder, &path, &code))
        {
            tracing::warn!(path = %path.display(), %reason, "the compiled component could not be cached");
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
    content
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn load(engine: &Engine, path: &Path) -> Option<Component> {
    let mut file = File::open(path).ok()?;
    if let Err(reason) = private(&file.metadata().ok()?) {
        tracing::warn!(path = %path.display(), reason, "a compiled component is left alone");
        return None;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let code = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_at_checked(HASH))
        .and_then(|(hash, code)| (Sha256::digest(code)[..] == *hash).then_some(code));
    let Some(code) = code else {
        tracing::warn!(path = %path.display(), "a compiled component is torn and will be made again");
        return None;
    };
    // SAFETY: the bytes are whole, were written by `store` in a folder that only this user can write to, and are keyed by the
    // engine's version and settings; wasmtime checks the latter once more.
    match unsafe { Component::deserialize(engine, code) } {
        Ok(component) => Some(component),
        Err(reason) => {
            tracing::warn!(path = %path.display(), reason = %format!("{reason:#}"), "a compiled component does not fit and will be made again");
            None
        }
    }
}

fn store(folder: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new()
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
    private(&facts).map_err(Into::into)
}

#[cfg(unix)]
fn private(facts: &fs::Metadata) -> Result<(), &'static str> {
    use std::os::unix::fs::MetadataExt;
    if facts.uid() != effective_user() {
        return Err("it belongs to another user");
    }
    if facts.mode() & 0o022 != 0 {
        return Err("others may write to it");
    }
    Ok(())
}

/// Who this process is: the owner of a file that it makes.
#[cfg(unix)]
fn effective_user() -> u32 {
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;
    static USER: OnceLock<u32> = OnceLock::new();
    *USER.get_or_init(|| {
        tempfile::tempfile()
            .and_then(|file| file.metadata())
            .map_or(u32::MAX, |facts| facts.uid())
    })
}

#[cfg(not(unix))]
fn private_folder(_folder: &Path) -> Result<(), String> {
    Err("this system's folder rights are not checked".into())
}

#[cfg(not(unix))]
fn private(_facts: &fs::Metadata) -> Result<(), &'static str> {
    Err("this system's file rights are not checked")
}
