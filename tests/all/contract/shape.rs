//! What a contract, or a component built for one, says: interfaces, functions and types as text, to be compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wit_component::DecodedWasm;
use wit_parser::{Handle, Resolve, Stability, Type, TypeDefKind, TypeId, WorldId, WorldItem, WorldKey};

/// One function or type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Parameters and result, or fields and cases, in order.
    pub(super) text: String,
    /// From `@since(version = …)`; none: not said, as in what a component holds.
    pub(super) since: Option<String>,
}

/// One interface, by the names of what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) functions: BTreeMap<String, Item>,
    pub(super) types: BTreeMap<String, Item>,
}

impl Interface {
    /// Functions with their signatures.
    pub(super) fn signatures(&self) -> BTreeMap<&str, &str> {
        let functions = self.functions.iter();
        functions
            .map(|(name, item)| (name.as_str(), item.text.as_str()))
            .collect()
    }
}

/// The world `plugin`, by the names of its interfaces without their version.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Of the package: `0.1.0`.
    pub(super) version: String,
    pub(super) imports: BTreeMap<String, Interface>,
    pub(super) exports: BTreeMap<String, Interface>,
}

/// A folder of this workspace.
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// What the `.wit` files of a folder say.
pub(super) fn of_folder(path: &Path) -> Shape {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
    let world = resolve
        .select_world(&[package], Some("plugin"))
        .unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
    of_world(&resolve, world)
}

/// What a component imports and exports.
pub(super) fn of_component(bytes: &[u8]) -> Shape {
    match wit_component::decode(bytes).expect("a component") {
        DecodedWasm::Component(resolve, world) => of_world(&resolve, world),
        DecodedWasm::WitPackage(..) => panic!("a WIT package is no component"),
    }
}

fn of_world(resolve: &Resolve, world: WorldId) -> Shape {
    let world = &resolve.worlds[world];
    let mut versions: Vec<String> = Vec::new();
    let mut read = |items: &wit_parser::IndexMap<WorldKey, WorldItem>| {
        let mut interfaces = BTreeMap::new();
        for (key, item) in items {
            let name = resolve.name_world_key(key);
            let WorldItem::Interface { id, .. } = item else {
                panic!("{name} is not an interface");
            };
            let (name, version) = name.split_once('@').map_or((name.as_str(), ""), |parts| parts);
            versions.push(version.to_owned());
            interfaces.insert(name.to_owned(), of_interface(resolve, *id));
        }
        interfaces
    };
    let (imports, exports) = (read(&world.imports), read(&world.exports));
    versions.dedup();
    assert_eq!(versions.len(), 1, "one package, one version: {versions:?}");
    Shape {
        version: versions.remove(0),
        imports,
        exports,
    }
}

fn of_interface(resolve: &Resolve, id: wit_parser::InterfaceId) -> Interface {
    let interface = &resolve.interfaces[id];
    let functions = interface.functions.iter().map(|(name, function)| {
        let params: Vec<String> = function
            .params
            .iter()
            .map(|param| format!("{}: {}", param.name, name_of(resolve, &param.ty)))
            .collect();
        let result = function
            .result
            .as_ref()
            .map_or_else(|| "()".into(), |of| name_of(resolve, of));
        let item = Item {
            text: format!("({}) -> {result}", params.join(", ")),
            since: since(&function.stability),
        };
        (name.clone(), item)
    });
    // What an interface uses of another is told there.
    let own = interface.types.iter().filter(|(_, id)| {
        !matches!(&resolve.types[**id].kind, TypeDefKind::Type(Type::Id(of)) if resolve.types[*of].owner != resolve.types[**id].owner)
    });
    let types = own.map(|(name, id)| {
        let item = Item {
            text: definition(resolve, *id),
            since: since(&resolve.types[*id].stability),
        };
        (name.clone(), item)
    });
    Interface {
        functions: functions.collect(),
        types: types.collect(),
    }
}

fn since(stability: &Stability) -> Option<String> {
    match stability {
        Stability::Stable { since, .. } => Some(since.to_string()),
        Stability::Unknown | Stability::Unstable { .. } => None,
    }
}

/// All of a type that a plugin or a host is compiled against.
fn definition(resolve: &Resolve, id: TypeId) -> String {
    let name = |of: &Type| name_of(resolve, of);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields: Vec<String> = fields
                .map(|field| format!("{}: {}", field.name, name(&field.ty)))
                .collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            let cases: Vec<String> = cases
                .map(|case| match &case.ty {
                    None => case.name.clone(),
                    Some(of) => format!("{}({})", case.name, name(of)),
                })
                .collect();
            format!("variant {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Enum(of) => {
            let cases: Vec<&str> = of.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Flags(flags) => {
            let flags: Vec<&str> = flags.flags.iter().map(|flag| flag.name.as_str()).collect();
            format!("flags {{ {} }}", flags.join(", "))
        }
        TypeDefKind::Resource => "resource".into(),
        kind => nameless(resolve, kind),
    }
}

/// A type's name, and of nameless ones what they are made of.
pub(super) fn name_of(resolve: &Resolve, of: &Type) -> String {
    let Type::Id(id) = of else {
        return match of {
            Type::ErrorContext => "error-context".into(),
            // `U64` is `u64` in WIT, and so are all others.
            plain => format!("{plain:?}").to_lowercase(),
        };
    };
    let definition = &resolve.types[*id];
    match &definition.name {
        Some(name) => name.clone(),
        None => nameless(resolve, &definition.kind),
    }
}

pub(super) fn nameless(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let name = |of: &Type| name_of(resolve, of);
    match kind {
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name(&Type::Id(*id))),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name(&Type::Id(*id))),
        TypeDefKind::List(of) => format!("list<{}>", name(of)),
        TypeDefKind::Option(of) => format!("option<{}>", name(of)),
        TypeDefKind::Result(result) => {
            let side = |of: &Option<Type>| of.as_ref().map_or_else(|| "_".into(), name);
            format!("result<{}, {}>", side(&result.ok), side(&result.err))
        }
        TypeDefKind::Tuple(tuple) => {
            let parts: Vec<String> = tuple.types.iter().map(name).collect();
            format!("tuple<{}>", parts.join(", "))
        }
        TypeDefKind::Type(of) => name(of),
        other => panic!(
            "the contract uses no {} yet: say here how it is written",
            other.as_str()
        ),
    }
}
