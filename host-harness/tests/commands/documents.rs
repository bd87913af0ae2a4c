//! What README.md, docs/api.md and docs/command-line.md say to type does what they say, and docs/security.md names each limit that `serve` can be given.

use std::path::Path;
use std::process::Command;

use scheduled_exports_test_servers::postgres::PostgresServer;

use super::process::{Log, Serving, harness, harness_in, root};

/// The fenced blocks of a document, each with its language.
fn fences(document: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join(document)).expect("a document");
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn scripts(document: &str) -> Vec<String> {
    let shell = fences(document).into_iter().filter(|(language, _)| language == "sh");
    shell.map(|(_, script)| script).collect()
}

/// A folder in which the documents' relative paths lead where they do in the repository.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(root().join("tests"), folder.path().join("tests")).expect("a link");
    folder
}

/// Is there a `curl`? Where there is none, the test says what it leaves out.
fn curl_is_here() -> bool {
    let here = Command::new("curl").arg("--version").output().is_ok();
    if !here {
        println!("SKIPPED: curl is not installed, so the documents' requests are not tried");
    }
    here
}

/// Runs a script's requests against a server; answers the HTTP status of each.
fn statuses(serving: &Serving, script: &str) -> Vec<String> {
    let script = script.replace("http://127.0.0.1:8080", &serving.url);
    let prelude = "curl() { command curl --silent --output /dev/null --write-out '%{http_code}\\n' \"$@\"; }\n";
    let ended = Command::new("sh")
        .args(["-euc", &format!("{prelude}{script}")])
        .output()
        .expect("a shell");
    assert!(
        ended.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let out = String::from_utf8(ended.stdout).expect("text");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn the_readmes_commands_work_in_its_order() {
    let folder = workplace();
    let log = Log::new();
    let mut serving: Option<Serving> = None;
    let mut tried = Vec::new();
    for script in scripts("README.md") {
        let line = script.trim();
        if line == "cargo test" {
            tried.push("the tests"); // this is one of them
        } else if line.starts_with("curl ") {
            tried.push("a request");
            let serving = serving.as_ref().expect("the README starts a server first");
            if curl_is_here() {
                assert_eq!(statuses(serving, &script), ["201"]);
            }
        } else if let Some(rest) = line.strip_prefix("cargo run") {
            let arguments: Vec<&str> = rest.trim().trim_start_matches("--").split_whitespace().collect();
            if let Some((&"serve", more)) = arguments.split_first() {
                tried.push("a server");
                let more = more.strip_prefix(&["--data", "./data"]).expect("the data folder first");
                serving = Some(Serving::start_in(folder.path(), &log, Path::new("./data"), more));
            } else {
                tried.push("a command");
                harness_in(folder.path(), arguments, "").well();
            }
        } else if let Some(rest) = line.strip_prefix("harness serve --database ") {
            tried.push("a server on a database");
            let words: Vec<&str> = rest.split_whitespace().filter(|word| *word != "\\").collect();
            let [_, "--smtp", smtp, "--listen", _, "--mail-from", _, "--base-url", _] = words[..] else {
                panic!("nobody knows how to try this: {script}");
            };
            if let Some(server) = PostgresServer::shared() {
                let serving = Serving::on_database(&log, &server.new_database(), smtp, &[]);
                assert_eq!(serving.request("GET", "bigevents/scheduled_exports/", "", None).0, 401);
            }
        } else {
            panic!("nobody knows how to try this: {script}");
        }
    }
    let all = [
        "a command",
        "the tests",
        "a server",
        "a request",
        "a server on a database",
    ];
    assert_eq!(tried, all);
}

#[test]
fn cargo_run_is_the_harness_whatever_other_programs_there_are() {
    let asked = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo");
    let metadata: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let run: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["default_run"].as_str())
        .collect();
    assert_eq!(run, ["harness"]);
}

#[test]
fn the_plugin_developers_commands_work_in_the_guides_order() {
    let folder = workplace();
    let binary = Path::new(env!("CARGO_BIN_EXE_harness")).parent().expect("its folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let (tests, scripts): (Vec<String>, Vec<String>) = scripts("docs/plugin-developer.md")
        .into_iter()
        .partition(|script| script.starts_with("cargo test"));
    assert_eq!((tests.len(), scripts.len()), (1, 3)); // this is one of the tests
    let mut said = Vec::new();
    for script in scripts {
        let ended = Command::new("sh")
            .args(["-euc", &script])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env_remove("RUST_LOG")
            .output()
            .expect("a shell");
        assert!(
            ended.status.success(),
            "{script}\n{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        said.push(String::from_utf8(ended.stdout).expect("text"));
    }
    assert!(said[0].contains("(repeated-hour)"), "{}", said[0]);
    assert!(said[2].starts_with("same outcome: finished with "), "{}", said[2]);
}

#[test]
fn the_command_line_page_shows_what_its_commands_print() {
    let folder = workplace();
    let log = Log::new();
    let fixture = ["--fixture", "tests/data/bigevents.json"];
    let serving = Serving::start_in(folder.path(), &log, Path::new("data"), &fixture);
    let binary = Path::new(env!("CARGO_BIN_EXE_harness")).parent().expect("its folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let (mut exports, mut printed) = (String::new(), String::new());
    let (mut ran, mut compared) = (0, 0);
    for (language, block) in fences("docs/command-line.md") {
        if language == "text" {
            assert_eq!(printed, block);
            compared += 1;
            continue;
        }
        let script = block.replace("http://127.0.0.1:8080", &serving.url);
        let ended = Command::new("sh")
            .args(["-euc", &format!("{exports}{script}")])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env_remove("RUST_LOG")
            .output()
            .expect("a shell");
        let expected = if script.contains("# exits with 1") { 1 } else { 0 };
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(expected), "{script}\n{errors}");
        printed = String::from_utf8(ended.stdout).expect("text");
        let lines = script.lines().filter(|line| line.starts_with("export "));
        exports.extend(lines.map(|line| format!("{line}\n")));
        ran += 1;
    }
    assert_eq!((ran, compared), (4, 2));
}

/// The README shows some of its lines, in their order.
#[test]
fn the_readmes_rows_are_rows_that_the_demo_prints() {
    let shown = fences("README.md")
        .into_iter()
        .find(|(language, _)| language == "text")
        .expect("the README's block of output")
        .1;
    let folder = tempfile::tempdir().expect("a folder");
    let printed = harness_in(folder.path(), [], "").well();
    let mut lines = printed.lines();
    for row in shown.lines() {
        assert!(
            lines.any(|line| line == row),
            "{row}\nis not in its place in\n{printed}"
        );
    }
    assert_eq!(shown.lines().count(), 6);
}

#[test]
fn what_the_demo_says_to_try_next_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = harness_in(folder.path(), [], "").well();
    let next = shown.split_once("What to try next:\n").expect("what to try").1;
    let history = next.lines().next().expect("a command").trim();
    let arguments = history.strip_prefix("harness ").expect("a command").split(' ');
    let told = harness_in(folder.path(), arguments, "").well();
    assert!(
        told.lines().count() > 1 && told.lines().all(|line| line.contains("schedule 1 ")),
        "{told}"
    );

    let log = Log::new();
    assert!(next.contains("harness serve --data demo "), "{next}");
    let serving = Serving::start_in(folder.path(), &log, Path::new("demo"), &[]);
    let (_, request) = next.split_once("  curl ").expect("a request");
    let request = request.split_once("scheduled_exports/\n").expect("its end").0;
    if curl_is_here() {
        assert_eq!(
            statuses(&serving, &format!("curl {request}scheduled_exports/\n")),
            ["200"]
        );
    }
}

#[test]
fn the_api_documents_requests_are_answered_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let folder = workplace();
    let log = Log::new();
    let fixture = ["--fixture", "tests/data/bigevents.json"];
    let serving = Serving::start_in(folder.path(), &log, Path::new("data"), &fixture);
    let mut scripts = scripts("docs/api.md").into_iter();
    let settings = scripts.next().expect("the names that the examples use");
    let mut requests = 0;
    for script in scripts {
        // After `#` stands the status where it is not a success, in requests of one line.
        let wanted: Vec<Option<&str>> = script
            .lines()
            .filter(|line| line.starts_with("curl "))
            .map(|line| {
                let comment = line.rsplit_once(" # ")?.1.trim();
                comment
                    .split([':', ',', ' '])
                    .next()
                    .filter(|word| word.parse::<u16>().is_ok())
            })
            .collect();
        let answered = statuses(&serving, &format!("{settings}{script}"));
        assert_eq!(answered.len(), wanted.len(), "{script}");
        for (answer, wanted) in answered.iter().zip(&wanted) {
            match wanted {
                Some(wanted) => assert_eq!(answer, wanted, "{script}"),
                None => assert!(answer.starts_with('2'), "{answer}: {script}"),
            }
        }
        requests += wanted.len();
    }
    assert!(
        requests > 15,
        "only {requests} requests were found: is the search right?"
    );
}

#[test]
fn the_threat_model_names_every_limit_that_serve_can_be_given_with_its_default() {
    let help = harness(["serve", "--help"]).well();
    let options = help.lines().filter_map(|line| {
        let (option, rest) = line.trim_start().strip_prefix("--")?.split_once(" <")?;
        let is_number = ["N>", "PERCENT>", "DAYS>"].iter().any(|kind| rest.starts_with(kind));
        let default = rest.rsplit_once("[default: ")?.1.trim_end_matches(']');
        is_number.then(|| (format!("--{option}"), default.to_owned()))
    });
    let page = std::fs::read_to_string(root().join("docs/security.md")).expect("the threat model");
    // The option stands in the first column, the number begins the second.
    let is_listed = |(option, default): &(String, String)| {
        page.lines().any(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let number = |cell: &str| cell.replace(',', "").split(' ').next().map(str::to_owned);
            cells.len() > 2 && cells[0].contains(&format!("`{option}`")) && number(cells[1]).as_ref() == Some(default)
        })
    };
    let options: Vec<(String, String)> = options.collect();
    assert!(options.len() > 8, "{options:?}");
    let missing: Vec<&(String, String)> = options.iter().filter(|option| !is_listed(option)).collect();
    assert_eq!(missing, Vec::<&(String, String)>::new());
}
