//! The imports that an operator allows a component, down to single functions.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType, ComponentTypeRef,
    InstanceTypeDeclaration, Parser, Payload,
};

use super::LoadError;
use super::inspect::PACKAGE;
use crate::imports::OFFERED;

/// Imported interfaces with package and version, and the functions of each that a component can call.
pub type Imported = BTreeMap<String, Vec<String>>;

/// The imports that a component is allowed. By default all of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Interface without its version, and its functions; `None` for all of them.
    allowed: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl Default for Permissions {
    fn default() -> Self {
        let all = OFFERED
            .iter()
            .map(|(interface, _)| (format!("{PACKAGE}{interface}"), None));
        Self { allowed: all.collect() }
    }
}

impl Permissions {
    /// Reads a comma-separated list of names: an interface of the contract (`log`), or one of its functions (`mailer.stage`).
    ///
    /// # Errors
    /// One sentence that names the entry that is not an interface of the contract.
    pub fn from_list(list: &str) -> Result<Self, String> {
        let mut allowed: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let (interface, function) = match name.split_once('.') {
                Some((interface, function)) => (interface, Some(function)),
                None => (name, None),
            };
            if !OFFERED.iter().any(|(offered, _)| *offered == interface) {
                let right: Vec<&str> = OFFERED.iter().map(|(offered, _)| *offered).collect();
                return Err(format!(
                    "`{interface}` is not an import of the contract; expected one of {}",
                    right.join(", ")
                ));
            }
            let functions = allowed
                .entry(format!("{PACKAGE}{interface}"))
                .or_insert_with(|| function.map(|_| BTreeSet::new()));
            match (functions.as_mut(), function) {
                (Some(functions), Some(function)) => {
                    functions.insert(function.to_owned());
                }
                (Some(_), None) => *functions = None,
                (None, _) => {}
            }
        }
        Ok(Self { allowed })
    }

    /// Reads a manifest: JSON with `imports`, an object of interfaces, each with a list of its functions. `plugin/imports.json`
    /// is one, and `harness plugin inspect --json` prints one.
    ///
    /// # Errors
    /// One sentence.
    pub fn from_json(text: &str) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Manifest {
            imports: BTreeMap<String, BTreeSet<String>>,
        }
        let manifest: Manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let allowed = manifest.imports.into_iter();
        Ok(Self {
            allowed: allowed
                .map(|(interface, functions)| (stem(&interface).to_owned(), Some(functions)))
                .collect(),
        })
    }

    /// Returns why a component with these imports is rejected, `None` if all are allowed. An interface of which only types are
    /// used has nothing to call, so it needs no permission.
    pub(super) fn refusal(&self, imported: &Imported) -> Option<LoadError> {
        imported.iter().find_map(|(interface, functions)| {
            let allowed = self.allowed.get(stem(interface));
            let refused = functions.iter().find(|&function| match allowed {
                None => true,
                Some(None) => false,
                Some(Some(allowed)) => !allowed.contains(function),
            })?;
            Some(LoadError::NotAllowed {
                interface: interface.clone(),
                function: refused.clone(),
            })
        })
    }
}

/// The name of an interface without its version.
fn stem(interface: &str) -> &str {
    interface.split_once('@').map_or(interface, |(stem, _)| stem)
}

/// The functions that the outermost component imports, by interface.
pub(super) fn imported(bytes: &[u8]) -> Result<Imported, String> {
    let said = |error: wasmparser::BinaryReaderError| error.message().to_owned();
    let mut found = Imported::new();
    // The index space of types: for those that are instances, their functions.
    let mut types: Vec<Option<Vec<String>>> = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(said)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentTypeSection(section) if depth == 1 => {
                for of in section {
                    types.push(match of.map_err(said)? {
                        ComponentType::Instance(declared) => Some(functions(&declared)),
                        _ => None,
                    });
                }
            }
            Payload::ComponentAliasSection(section) if depth == 1 => {
                for alias in section {
                    match alias.map_err(said)? {
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Type,
                            ..
                        }
                        | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Type,
                            ..
                        } => types.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(said)?;
                    let functions = match import.ty {
                        ComponentTypeRef::Instance(of) => types.get(of as usize).cloned().flatten(),
                        ComponentTypeRef::Type(_) => {
                            types.push(None);
                            None
                        }
                        // A function outside of an interface: its own and only function.
                        ComponentTypeRef::Func(_) => Some(vec![import.name.name.to_owned()]),
                        _ => None,
                    };
                    found.insert(import.name.name.to_owned(), functions.unwrap_or_default());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    if export.map_err(said)?.kind == ComponentExternalKind::Type {
                        types.push(None);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The functions of an instance of this type, in alphabetical order.
fn functions(declared: &[InstanceTypeDeclaration]) -> Vec<String> {
    let named = declared.iter().filter_map(|one| match one {
        InstanceTypeDeclaration::Export {
            name,
            ty: ComponentTypeRef::Func(_),
        } => Some(name.name.to_owned()),
        _ => None,
    });
    let mut named: Vec<String> = named.collect();
    named.sort();
    named
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use crate::engine::EMBEDDED;

    fn refused(permissions: &Permissions) -> Option<String> {
        let imported = imported(EMBEDDED).expect("a component");
        permissions.refusal(&imported).map(|refusal| refusal.to_string())
    }

    #[test]
    fn all_that_the_contract_offers_is_allowed_unless_the_operator_says_otherwise() {
        assert_eq!(refused(&Permissions::default()), None);
        let all = "auth-context, exporters, log, mailer, manual-runs, schedule-store";
        assert_eq!(refused(&Permissions::from_list(all).expect("interfaces")), None);
    }

    #[test]
    fn one_function_that_is_not_allowed_is_named() {
        let list = "auth-context,exporters,log,mailer.stage,manual-runs,schedule-store";
        let sentence = refused(&Permissions::from_list(list).expect("interfaces")).expect("refused");
        assert_eq!(
            sentence,
            "the plugin imports `notify-owner` of `ticketing:scheduled-exports/mailer@0.1.0`, which --allow-imports does not permit"
        );
    }

    #[test]
    fn a_whole_interface_outweighs_single_functions_of_it() {
        for list in ["mailer.stage,mailer", "mailer,mailer.stage"] {
            assert_eq!(Permissions::from_list(list), Permissions::from_list("mailer"), "{list}");
        }
    }

    #[test]
    fn what_is_no_import_of_the_contract_is_named() {
        let error = Permissions::from_list("log,mailr").expect_err("a slip");
        assert!(error.starts_with("`mailr` is not an import of the contract"), "{error}");
    }

    #[test]
    fn nothing_allowed_refuses_every_component_that_calls_something() {
        assert!(refused(&Permissions::from_list("").expect("nothing")).is_some());
        assert!(refused(&Permissions::from_json(r#"{"imports":{}}"#).expect("a manifest")).is_some());
        let nothing = Permissions::from_list("").expect("nothing");
        assert!(nothing.refusal(&Imported::new()).is_none());
    }

    #[test]
    fn types_of_other_kinds_before_an_import_do_not_shift_what_it_is_taken_for() {
        let component = wat::parse_str(
            r#"(component
                (type $record (record (field "a" u32)))
                (type $first (instance (export "one" (func))))
                (import "a:b/first@0.1.0" (instance $i (type $first)))
                (import "a:b/types@0.1.0" (instance $t (export "kind" (type (sub resource)))))
                (alias export $t "kind" (type $kind))
                (type $second (instance (export "two" (func)) (export "and" (func))))
                (import "a:b/second@0.1.0" (instance (type $second))))"#,
        )
        .expect("a component");
        let found = imported(&component).expect("read");
        assert_eq!(found["a:b/first@0.1.0"], ["one"]);
        assert_eq!(found["a:b/types@0.1.0"], [""; 0]);
        assert_eq!(found["a:b/second@0.1.0"], ["and", "two"]);
    }
}
