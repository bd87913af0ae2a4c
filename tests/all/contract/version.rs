//! Released versions stay in force: `tests/contract/VERSION/` holds the files of each as they were.

use std::fs;
use std::path::PathBuf;

use super::growth::breaks;
use super::shape::{Shape, folder, of_folder};

/// The versions that were released, oldest first.
fn released() -> Vec<Shape> {
    let folders = fs::read_dir(folder("tests/contract")).expect("tests/contract");
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|path| {
        path.file_name()
            .is_some_and(|name| !name.to_string_lossy().starts_with("made-up"))
    });
    folders.sort();
    folders.iter().map(|path| of_folder(path)).collect()
}

#[test]
fn the_contract_keeps_every_promise_of_its_released_versions() {
    let now = of_folder(&folder("wit"));
    for old in released() {
        assert_eq!(breaks(&old, &now), Vec::<String>::new(), "since {}", old.version);
    }
}

#[test]
fn the_contract_of_today_is_among_the_released_ones_or_later_than_they() {
    let now = of_folder(&folder("wit"));
    let released = released();
    let latest = released.last().expect("0.1.0 at least");
    let numbers = |version: &str| -> Vec<u64> {
        version
            .split('.')
            .map(|part| part.parse().expect("MAJOR.MINOR.PATCH"))
            .collect()
    };
    assert!(
        numbers(&now.version) >= numbers(&latest.version),
        "{} after {}",
        now.version,
        latest.version
    );
}

#[test]
fn a_later_version_that_only_offers_more_breaks_nothing() {
    let now = of_folder(&folder("wit"));
    let later = of_folder(&folder("tests/contract/made-up-0.1.1"));
    assert_eq!(later.version, "0.1.1");
    assert_eq!(breaks(&now, &later), Vec::<String>::new());
}

/// A version of the contract with one thing changed, and the words in which the check names it.
type Breach = (&'static str, fn(&mut Shape), &'static str);

#[test]
fn each_way_to_break_a_released_version_is_named() {
    let breaches: [Breach; 9] = [
        (
            "an imported function with another signature",
            |new| imported(new, "mailer").functions.get_mut("stage").expect("stage").text = "() -> ()".into(),
            "the function stage of ticketing:scheduled-exports/mailer was",
        ),
        (
            "an imported function that is gone",
            |new| drop(imported(new, "mailer").functions.remove("stage")),
            "the function stage of ticketing:scheduled-exports/mailer is gone",
        ),
        (
            "an import that is gone",
            |new| drop(new.imports.remove("ticketing:scheduled-exports/log")),
            "the import ticketing:scheduled-exports/log of",
        ),
        (
            "an export that is gone",
            |new| drop(new.exports.remove("ticketing:scheduled-exports/jobs")),
            "the export ticketing:scheduled-exports/jobs of",
        ),
        (
            "a record field more",
            |new| imported(new, "types").types.get_mut("user").expect("user").text += ", title: string",
            "the type user of ticketing:scheduled-exports/types was",
        ),
        (
            "an exported function more",
            |new| {
                let jobs = new.exports.get_mut("ticketing:scheduled-exports/jobs").expect("jobs");
                let execute = jobs.functions["execute"].clone();
                jobs.functions.insert("execute-again".into(), execute);
            },
            "is exported and has gained the function execute-again",
        ),
        (
            "an export more",
            |new| {
                let jobs = new.exports["ticketing:scheduled-exports/jobs"].clone();
                new.exports.insert("ticketing:scheduled-exports/odd-jobs".into(), jobs);
            },
            "the export ticketing:scheduled-exports/odd-jobs is new",
        ),
        (
            "an imported function that does not say since when",
            |new| {
                let mailer = imported(new, "mailer");
                let stage = mailer.functions["stage"].clone();
                mailer.functions.insert("stage-again".into(), stage);
            },
            "stage-again of ticketing:scheduled-exports/mailer came after",
        ),
        (
            "something new in the same version",
            |new| {
                let mailer = imported(new, "mailer");
                let stage = mailer.functions["stage"].clone();
                mailer.functions.insert("stage-again".into(), stage);
            },
            "the package is still",
        ),
    ];
    let old = of_folder(&folder("wit"));
    for (what, change, words) in breaches {
        let mut new = old.clone();
        change(&mut new);
        let named = breaks(&old, &new);
        assert!(
            named.iter().any(|sentence| sentence.contains(words)),
            "{what}: {named:?}"
        );
        // A step of the version makes it another line, in which nothing was promised.
        new.version = "0.2.0".into();
        assert_eq!(breaks(&old, &new), Vec::<String>::new(), "{what}");
    }
}

fn imported<'a>(shape: &'a mut Shape, interface: &str) -> &'a mut super::shape::Interface {
    let name = format!("ticketing:scheduled-exports/{interface}");
    shape.imports.get_mut(&name).expect("an import")
}
