//! README.md, CONTRIBUTING.md and docs/ name only paths and tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands between backticks and looks like a path in this repository.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let looks_like_one = |word: &&str| {
        let first = word.split('/').next().unwrap_or_default();
        word.contains('/')
            && ["wit", "plugin", "host-harness", "tests", "docs", ".ci"].contains(&first)
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    text.split('`').skip(1).step_by(2).filter(looks_like_one)
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    documents.extend(
        fs::read_dir(root().join("docs"))
            .expect("docs/")
            .map(|entry| entry.expect("an entry").path()),
    );
    let mut gone = Vec::new();
    let mut seen = 0;
    for document in documents
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = fs::read_to_string(document).expect("a text");
        for path in paths(&text) {
            seen += 1;
            if !root().join(path).exists() {
                gone.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert_eq!(gone, Vec::<String>::new());
    assert!(seen > 20, "only {seen} paths were found: is the search right?");
}

/// All source below a folder, of the repository alone.
fn source(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "node_modules" {
            source(&path, text);
        } else if name.ends_with(".rs") {
            *text += &fs::read_to_string(&path).expect("a text");
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let mut all = String::new();
    for folder in ["plugin", "host-harness", "tests", "conformance", "guest-build"] {
        source(&root().join(folder), &mut all);
    }
    let model = fs::read_to_string(root().join("docs/security.md")).expect("a text");
    let names = model.split('`').skip(1).step_by(2);
    // What has so many words is a sentence, and so a test.
    let tests: Vec<&str> = names
        .filter(|name| {
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .filter(|name| name.matches('_').count() >= 3)
        .collect();
    let gone: Vec<&&str> = tests
        .iter()
        .filter(|name| !all.contains(&format!("fn {name}(")))
        .collect();
    assert_eq!(gone, Vec::<&&str>::new());
    assert!(
        tests.len() > 30,
        "only {} tests were found: is the search right?",
        tests.len()
    );
}
