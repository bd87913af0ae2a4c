//! README.md, CONTRIBUTING.md and docs/ name only paths that are there.

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
