//! The built component against `wit/`: it exports what the contract says, and can reach nothing that is not in it.

use std::collections::BTreeMap;
use std::path::Path;

use host_harness::engine::{EMBEDDED, LoadError, inspect};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldItem};

/// Interface name, then function name and its parameters and results as text.
type Interfaces = BTreeMap<String, BTreeMap<String, String>>;

fn of_wit() -> (Interfaces, Interfaces) {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(&wit).expect("wit/ parses");
    let world = resolve
        .select_world(&[package], Some("plugin"))
        .expect("the world `plugin`");
    interfaces(&resolve, world)
}

fn of_component(bytes: &[u8]) -> (Interfaces, Interfaces) {
    match wit_component::decode(bytes).expect("a component") {
        DecodedWasm::Component(resolve, world) => interfaces(&resolve, world),
        DecodedWasm::WitPackage(..) => panic!("a WIT package is no component"),
    }
}

fn interfaces(resolve: &Resolve, world: WorldId) -> (Interfaces, Interfaces) {
    let world = &resolve.worlds[world];
    let read = |items: &wit_parser::IndexMap<wit_parser::WorldKey, WorldItem>| {
        items
            .iter()
            .map(|(key, item)| {
                let WorldItem::Interface { id, .. } = item else {
                    panic!("{} is not an interface", resolve.name_world_key(key));
                };
                let functions = resolve.interfaces[*id].functions.iter();
                let functions = functions.map(|(name, function)| {
                    let types = |types: Vec<wit_parser::Type>| {
                        let names: Vec<String> = types.iter().map(|one| name_of(resolve, one)).collect();
                        names.join(", ")
                    };
                    let taken = types(function.params.iter().map(|param| param.ty).collect());
                    let given = types(function.result.into_iter().collect());
                    (name.clone(), format!("({taken}) -> {given}"))
                });
                (resolve.name_world_key(key), functions.collect())
            })
            .collect()
    };
    (read(&world.imports), read(&world.exports))
}

/// A type's name, and of nameless ones what they are made of.
fn name_of(resolve: &Resolve, of: &wit_parser::Type) -> String {
    use wit_parser::{Handle, Type, TypeDefKind};
    let Type::Id(id) = of else { return format!("{of:?}") };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    match &definition.kind {
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name_of(resolve, &Type::Id(*id))),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name_of(resolve, &Type::Id(*id))),
        TypeDefKind::List(of) => format!("list<{}>", name_of(resolve, of)),
        TypeDefKind::Option(of) => format!("option<{}>", name_of(resolve, of)),
        TypeDefKind::Result(result) => {
            let side = |of: &Option<Type>| of.as_ref().map_or_else(|| "_".into(), |of| name_of(resolve, of));
            format!("result<{}, {}>", side(&result.ok), side(&result.err))
        }
        TypeDefKind::Tuple(tuple) => {
            let parts: Vec<String> = tuple.types.iter().map(|part| name_of(resolve, part)).collect();
            format!("tuple<{}>", parts.join(", "))
        }
        TypeDefKind::Type(of) => name_of(resolve, of),
        other => panic!("a nameless {}", other.as_str()),
    }
}

#[test]
fn the_component_exports_what_the_contract_says_and_nothing_else() {
    assert_eq!(of_component(EMBEDDED).1, of_wit().1);
}

#[test]
fn the_component_imports_nothing_beyond_the_contract() {
    let (offered, _) = of_wit();
    let (wanted, _) = of_component(EMBEDDED);
    for (interface, functions) in &wanted {
        let offered = offered
            .get(interface)
            .unwrap_or_else(|| panic!("{interface} is not in wit/"));
        for (name, types) in functions {
            assert_eq!(offered.get(name), Some(types), "{interface}: {name}");
        }
    }
    assert!(
        !wanted.keys().any(|name| name.starts_with("wasi:")),
        "{:?}",
        wanted.keys()
    );
}

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit"))
        .expect("wit/ parses");
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
