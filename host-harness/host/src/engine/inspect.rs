//! The imports and exports of a component file, read before linking, so that the host can name an incompatibility itself.

use semver::Version;
use wasmparser::{Encoding, Parser, Payload};

use super::LoadError;
use super::permissions::{Imported, imported};
use crate::imports::OFFERED;

/// The package of the contract.
pub(super) const PACKAGE: &str = "ticketing:scheduled-exports/";
/// The version of the contract that this host implements.
pub const VERSION: &str = "0.1.0";
const EXPORTS: [&str; 4] = ["schedules", "recurrence", "jobs", "about"];

/// The contents of a component file.
#[derive(Debug)]
pub struct Inspection {
    /// Size in bytes.
    pub size: usize,
    /// Imported interfaces, with package and version.
    pub imports: Vec<String>,
    /// The functions of each that the component can call.
    pub functions: Imported,
    /// Exported interfaces, with package and version.
    pub exports: Vec<String>,
    /// Why this host cannot load it; `None` if all names are compatible.
    pub misfit: Option<LoadError>,
}

/// Reads the names in a component without compiling it.
///
/// # Errors
/// [`LoadError::NotAComponent`].
pub fn inspect(bytes: &[u8]) -> Result<Inspection, LoadError> {
    let (imports, exports) = names(bytes).map_err(LoadError::NotAComponent)?;
    let functions = imported(bytes).map_err(LoadError::NotAComponent)?;
    let misfit = misfit(&imports, &functions, &exports);
    Ok(Inspection {
        size: bytes.len(),
        imports,
        functions,
        exports,
        misfit,
    })
}

/// Imports and exports of the outermost component.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return Err("missing WebAssembly magic number".into());
    }
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    let mut is_component = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| error.message().to_owned())? {
            Payload::Version { encoding, .. } => {
                is_component |= encoding == Encoding::Component;
                if !is_component {
                    return Err(
                        "the file is a core module; encode it as a component with `wasm-tools component new`".into(),
                    );
                }
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import.map_err(|error| error.message().to_owned())?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export.map_err(|error| error.message().to_owned())?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn misfit(imports: &[String], functions: &Imported, exports: &[String]) -> Option<LoadError> {
    let of_contract = |name: &'_ str| -> Option<(String, String)> {
        let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
        Some((interface.to_owned(), version.to_owned()))
    };
    let mut versions = imports.iter().chain(exports).filter_map(|name| of_contract(name));
    if let Some((_, found)) = versions.find(|(_, found)| !links(found)) {
        return Some(LoadError::OtherVersion {
            found,
            wanted: VERSION.into(),
        });
    }
    for name in imports {
        let Some((interface, version)) = of_contract(name) else {
            return Some(LoadError::ForeignImport(name.clone()));
        };
        let offered = OFFERED.iter().find(|(offered, _)| *offered == interface);
        let function = match (offered, functions.get(name)) {
            (None, _) => None,
            (Some((_, offered)), Some(wanted)) => {
                match wanted.iter().find(|function| !offered.contains(&function.as_str())) {
                    Some(function) => Some(function.clone()),
                    None => continue,
                }
            }
            (Some(_), None) => continue,
        };
        return Some(match (version == VERSION, function) {
            (true, None) => LoadError::ForeignImport(name.clone()),
            (true, Some(function)) => LoadError::ForeignFunction {
                interface: name.clone(),
                function,
            },
            (false, function) => LoadError::LaterVersion {
                found: version,
                wanted: VERSION.into(),
                lacking: function.map_or_else(|| interface.clone(), |function| format!("{interface}.{function}")),
            },
        });
    }
    let missing = EXPORTS.iter().find(|wanted| {
        let stem = format!("{PACKAGE}{wanted}@");
        !exports.iter().any(|name| name.starts_with(&stem))
    })?;
    Some(LoadError::MissingExport(format!("{PACKAGE}{missing}@{VERSION}")))
}

/// Returns whether a name of this version links with the host's.
fn links(version: &str) -> bool {
    let line = |version: &str| Version::parse(version).ok().and_then(|version| line(&version));
    line(version).is_some_and(|found| line(VERSION) == Some(found))
}

/// The part of a version that must be equal for two names to link in the component model: 0.1 of 0.1.x, and from 1.0.0 on the
/// major version. `None` if the version links only with itself: 0.0.x, and versions with a pre-release or build in their name.
fn line(version: &Version) -> Option<(u64, u64)> {
    let plain = version.pre.is_empty() && version.build.is_empty();
    match (version.major, version.minor) {
        _ if !plain => None,
        (0, 0) => None,
        (0, minor) => Some((0, minor)),
        (major, _) => Some((major, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_line_link_and_no_others() {
        let line = |text: &str| Version::parse(text).ok().and_then(|version| line(&version));
        assert_eq!(line("0.1.0"), line("0.1.7"));
        assert_ne!(line("0.1.0"), line("0.2.0"));
        assert_eq!(line("1.0.0"), line("1.4.2"));
        assert_ne!(line("1.0.0"), line("2.0.0"));
        for alone in ["0.0.1", "0.1.0-draft", "0.1.0+mine"] {
            assert_eq!(line(alone), None, "{alone}");
        }
        for (version, fits) in [
            (VERSION, true),
            ("0.1.99", true),
            ("0.10.0", false),
            ("0.1", false),
            ("", false),
        ] {
            assert_eq!(links(version), fits, "{version}");
        }
    }
}
