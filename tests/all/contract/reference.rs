//! `docs/contract.md` is what `wit/` says, for reading: made from it, and compared here. After a wanted change of `wit/`,
//! `UPDATE_DOCS=1 cargo test -p tests the_reference` writes it anew.

use std::fmt::Write as _;

use wit_parser::{Docs, FunctionKind, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

use super::shape::{folder, name_of, nameless};

#[test]
fn the_reference_is_what_the_contract_says() {
    let made = reference();
    let path = folder("docs/contract.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("docs/contract.md can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/contract.md");
    assert!(
        kept == made,
        "docs/contract.md is not what wit/ says: UPDATE_DOCS=1 cargo test -p tests the_reference"
    );
}

fn reference() -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder("wit")).expect("wit/ parses");
    let world = resolve
        .select_world(&[package], Some("plugin"))
        .expect("the world `plugin`");
    let package = &resolve.packages[package];
    let world = &resolve.worlds[world];
    let mut page = format!(
        "# Contract reference\n\nPackage `{}`. Made from `wit/`: change it there.\n\n{}\n",
        package.name,
        text(&package.docs)
    );
    let interface = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => *id,
        _ => panic!("the world has interfaces only"),
    };
    // Words first that all others use.
    let imports: Vec<InterfaceId> = world.imports.values().map(interface).collect();
    let exports: Vec<InterfaceId> = world.exports.values().map(interface).collect();
    let named = |of: &[InterfaceId]| {
        let names = of.iter().filter_map(|id| resolve.interfaces[*id].name.clone());
        names
            .map(|name| format!("[`{name}`](#{name})"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = writeln!(page, "\n- A host offers (imports of the plugin): {}", named(&imports));
    let _ = writeln!(page, "- A host calls (exports of the plugin): {}", named(&exports));
    for (role, ids) in [("offered by the host", imports), ("called by the host", exports)] {
        for id in ids {
            chapter(&mut page, &resolve, id, role);
        }
    }
    page
}

fn chapter(page: &mut String, resolve: &Resolve, id: InterfaceId, role: &str) {
    let interface = &resolve.interfaces[id];
    let name = resolve.name_world_key(&WorldKey::Interface(id));
    let short = interface.name.clone().unwrap_or_default();
    let _ = writeln!(page, "\n## {short}\n\n`{name}`, {role}.\n\n{}", text(&interface.docs));
    for id in interface.types.values() {
        section(page, resolve, *id);
    }
    for function in interface.functions.values() {
        if matches!(function.kind, FunctionKind::Freestanding) {
            signature(page, resolve, function, "###");
        }
    }
}

fn signature(page: &mut String, resolve: &Resolve, function: &wit_parser::Function, depth: &str) {
    let params: Vec<String> = function
        .params
        .iter()
        .filter(|param| param.name != "self")
        .map(|param| format!("{}: {}", param.name, name_of(resolve, &param.ty)))
        .collect();
    let result = function.result.as_ref();
    let result = result.map_or_else(String::new, |of| format!(" -> {}", name_of(resolve, of)));
    let name = function.item_name();
    let _ = writeln!(
        page,
        "\n{depth} {name}\n\n```wit\n{name}: func({}){result}\n```\n\n{}",
        params.join(", "),
        text(&function.docs)
    );
}

fn section(page: &mut String, resolve: &Resolve, id: TypeId) {
    let definition = &resolve.types[id];
    let Some(name) = &definition.name else { return };
    let of = |of: &Type| format!("`{}`", name_of(resolve, of));
    let mut titled = |kind: &str| {
        let _ = writeln!(page, "\n### {name}\n\n{kind}. {}", text(&definition.docs));
    };
    let rows: Vec<[String; 3]> = match &definition.kind {
        // Told where it is defined.
        TypeDefKind::Type(Type::Id(_)) => return,
        TypeDefKind::Record(record) => {
            titled("Record");
            let fields = record.fields.iter();
            fields
                .map(|field| [format!("`{}`", field.name), of(&field.ty), cell(&field.docs)])
                .collect()
        }
        TypeDefKind::Variant(variant) => {
            titled("Variant");
            let cases = variant.cases.iter();
            cases
                .map(|case| {
                    let carries = case.ty.as_ref().map_or_else(String::new, of);
                    [format!("`{}`", case.name), carries, cell(&case.docs)]
                })
                .collect()
        }
        TypeDefKind::Enum(of) => {
            titled("Enum");
            let cases = of.cases.iter();
            cases
                .map(|case| [format!("`{}`", case.name), String::new(), cell(&case.docs)])
                .collect()
        }
        TypeDefKind::Resource => {
            titled("Resource");
            let functions = resolve
                .interfaces
                .iter()
                .flat_map(|(_, interface)| interface.functions.values());
            for function in functions {
                if matches!(function.kind, FunctionKind::Method(of) if of == id) {
                    signature(page, resolve, function, "####");
                }
            }
            return;
        }
        other => {
            titled(&format!("`{}`", nameless(resolve, other)));
            return;
        }
    };
    let _ = writeln!(page, "\n| | | |\n| --- | --- | --- |");
    for [name, of, meaning] in rows {
        let _ = writeln!(page, "| {name} | {of} | {meaning} |");
    }
}

fn text(docs: &Docs) -> &str {
    docs.contents.as_deref().unwrap_or_default().trim()
}

/// As one line of a table.
fn cell(docs: &Docs) -> String {
    text(docs).replace('\n', " ").replace('|', "\\|")
}
