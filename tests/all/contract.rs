//! The built component against `wit/`: it exports what the contract says, and can reach nothing that is not in it.

mod growth;
mod reference;
mod shape;
mod version;

use scheduled_exports_host::engine::{EMBEDDED, LoadError, OFFERED, inspect};
use wit_parser::Resolve;

use shape::{folder, of_component, of_folder};

#[test]
fn the_component_exports_what_the_contract_says_and_nothing_else() {
    let (built, contract) = (of_component(EMBEDDED), of_folder(&folder("wit")));
    assert_eq!(built.version, contract.version);
    let built: Vec<_> = built.exports.iter().map(|(name, of)| (name, of.signatures())).collect();
    let contract: Vec<_> = contract
        .exports
        .iter()
        .map(|(name, of)| (name, of.signatures()))
        .collect();
    assert_eq!(built, contract);
}

#[test]
fn the_component_imports_nothing_beyond_the_contract() {
    let (built, contract) = (of_component(EMBEDDED), of_folder(&folder("wit")));
    for (interface, wanted) in &built.imports {
        let offered = contract
            .imports
            .get(interface)
            .unwrap_or_else(|| panic!("{interface} is not in wit/"));
        let offered = offered.signatures();
        for (name, types) in wanted.signatures() {
            assert_eq!(offered.get(name), Some(&types), "{interface}: {name}");
        }
    }
    assert!(!built.imports.is_empty());
    assert!(
        !built.imports.keys().any(|name| name.starts_with("wasi:")),
        "{:?}",
        built.imports.keys()
    );
}

#[test]
fn the_host_offers_what_the_contract_says() {
    let contract = of_folder(&folder("wit"));
    for (name, interface) in &contract.imports {
        let short = name.trim_start_matches("ticketing:scheduled-exports/");
        let (_, offered) = OFFERED
            .iter()
            .find(|(offered, _)| *offered == short)
            .unwrap_or_else(|| panic!("{short} is not offered"));
        let mut offered = offered.to_vec();
        offered.sort_unstable();
        let wanted: Vec<&str> = interface.functions.keys().map(String::as_str).collect();
        assert_eq!(offered, wanted, "{short}");
    }
    assert_eq!(OFFERED.len(), contract.imports.len());
}

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    resolve.push_dir(folder("wit")).expect("wit/ parses");
    let mut bare = Vec::new();
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.clone().unwrap_or_default();
        if interface.docs.contents.is_none() {
            bare.push(name.clone());
        }
        let functions = interface
            .functions
            .iter()
            .filter(|(_, function)| function.docs.contents.is_none());
        bare.extend(functions.map(|(function, _)| format!("{name}.{function}")));
        let types = interface.types.iter().filter(|(_, id)| {
            let definition = &resolve.types[**id];
            let used_from_elsewhere = matches!(definition.kind, wit_parser::TypeDefKind::Type(wit_parser::Type::Id(_)));
            definition.docs.contents.is_none() && !used_from_elsewhere
        });
        bare.extend(types.map(|(of, _)| format!("{name}.{of}")));
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn a_file_that_is_no_component_is_named_in_one_sentence() {
    for bytes in [&b""[..], b"MZ", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\xff"] {
        let error = inspect(bytes).expect_err("no component");
        assert!(matches!(error, LoadError::NotAComponent(_)), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}
