//! What a component file is, asks for and offers: read before linking, so that a misfit is named in the host's own words.

use wasmparser::{Encoding, Parser, Payload};

use super::LoadError;
use super::permissions::{Imported, imported};

/// The package of the contract.
pub(super) const PACKAGE: &str = "ticketing:scheduled-exports/";
/// The version that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";
/// Interfaces that this host offers, and the functions of each. A test compares them with `wit/`.
pub const OFFERED: [(&str, &[&str]); 6] = [
    ("types", &[]),
    ("auth-context", &["[method]access.facts", "[method]run.facts"]),
    (
        "schedule-store",
        &[
            "list",
            "get",
            "insert",
            "update",
            "take-over",
            "delete",
            "runs",
            "start",
            "finish",
        ],
    ),
    (
        "exporters",
        &[
            "available",
            "usable-events",
            "visible-events",
            "missing-events",
            "produce",
            "zip",
            "link",
        ],
    ),
    ("mailer", &["stage", "notify-former-owner"]),
    ("log", &["write"]),
];
const EXPORTS: [&str; 4] = ["schedules", "recurrence", "jobs", "about"];

/// What was found in a component file.
#[derive(Debug)]
pub struct Inspection {
    /// Bytes.
    pub size: usize,
    /// Names of imported interfaces, with package and version.
    pub imports: Vec<String>,
    /// The functions of each that it can call.
    pub functions: Imported,
    /// Names of exported interfaces, with package and version.
    pub exports: Vec<String>,
    /// Why this host can't run it; none: it can, as far as names tell.
    pub misfit: Option<LoadError>,
}

/// Reads the names in a component, without compiling it.
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
        return Err("it is empty".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return Err("it does not begin as WebAssembly does".into());
    }
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    let mut is_component = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| error.message().to_owned())? {
            Payload::Version { encoding, .. } => {
                is_component |= encoding == Encoding::Component;
                if !is_component {
                    return Err("it is a core module; encode it with wit-component".into());
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

/// Component-model names link within one minor version of 0: 0.1.x with 0.1.y, and pre-releases with nothing else.
fn links(version: &str) -> bool {
    let minor = |of: &str| of.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    !version.contains(['-', '+']) && minor(version) == minor(VERSION)
}
