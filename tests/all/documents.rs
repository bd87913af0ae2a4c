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

/// README, CONTRIBUTING, SECURITY and the pages of docs/.
fn documents() -> Vec<PathBuf> {
    let mut documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(|name| root().join(name))
        .to_vec();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("the pages");
        documents.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents
}

/// The targets of a document's links, without those to the web: `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://"))
}

/// The anchors that GitHub gives to a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let named = headings.map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    });
    named.collect()
}

#[test]
fn every_link_of_a_document_leads_to_a_page_and_heading() {
    let (mut dead, mut seen) = (Vec::new(), 0);
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a text");
        for link in links(&text) {
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let page = if path.is_empty() {
                document.clone()
            } else {
                document.parent().expect("a folder").join(path)
            };
            let there = page.exists()
                && (heading.is_empty()
                    || anchors(&fs::read_to_string(&page).expect("a text")).contains(&heading.to_owned()));
            if !there {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
    assert!(seen > 40, "only {seen} links were found: is the search right?");
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut gone = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a text");
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
fn each_threat_names_what_tries_it_and_every_test_that_the_threat_model_names_is_there() {
    let mut all = String::new();
    for folder in ["plugin", "host-harness", "tests", "conformance", "guest-build"] {
        source(&root().join(folder), &mut all);
    }
    let is_test = |name: &str| all.contains(&format!("fn {name}("));
    let model = fs::read_to_string(root().join("docs/security.md")).expect("a text");
    let quoted = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };

    let table = model.split_once("## Threats").expect("the threats").1;
    let table = table.split_once("\n## ").expect("what follows").0;
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 20, "only {} threats were found", rows.len());
    for row in rows {
        let tried = row.trim_end_matches(" |").rsplit_once(" | ").expect("a last column").1;
        let named = quoted(tried);
        assert!(!named.is_empty(), "{row}");
        for name in named {
            let there = match name.contains(['/', ' ']) {
                true => name.starts_with("harness-lab ") || root().join(&name).exists(),
                false => is_test(&name),
            };
            assert!(there, "{name} is not there: {row}");
        }
    }

    // Beside the table, what has so many words is a sentence, and so a test.
    let is_sentence = |name: &String| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && name.matches('_').count() >= 3
    };
    let tests: Vec<String> = quoted(&model).into_iter().filter(is_sentence).collect();
    let gone: Vec<&String> = tests.iter().filter(|name| !is_test(name)).collect();
    assert_eq!(gone, Vec::<&String>::new());
    assert!(
        tests.len() > 30,
        "only {} tests were found: is the search right?",
        tests.len()
    );
}
