//! The documents: what they tell people to run is what the gate runs, and where they point there is something.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a file that cannot be read is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

const DECISION_LINES: usize = 30;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

fn in_folder(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The commands of a document's fenced shell blocks, one a line.
fn shell_commands(markdown: &str) -> Vec<&str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in markdown.lines() {
        match (line.trim(), inside) {
            ("```sh", false) => inside = true,
            ("```", true) => inside = false,
            (command, true) => commands.push(command),
            _ => {}
        }
    }
    commands
}

/// The targets of `[text](target)`.
fn links(markdown: &str) -> Vec<&str> {
    markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchor a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn the_test_command_of_the_readme_is_the_one_the_gate_runs() {
    let (readme, gate) = (text("README.md"), text(".ci/run"));
    let in_readme: Vec<&str> =
        shell_commands(&readme).into_iter().filter(|command| command.starts_with("cargo test")).collect();
    let in_gate: Vec<&str> =
        gate.lines().map(str::trim).filter(|command| command.starts_with("cargo test")).collect();
    assert_eq!(in_readme, ["cargo test"]);
    assert_eq!(in_gate, in_readme);
}

#[test]
fn the_first_command_of_the_readme_starts_the_demo() {
    assert_eq!(shell_commands(&text("README.md")).first(), Some(&"cargo run --release -- demo"));
    assert!(text("justfile").contains("cargo run --release -- demo"));
}

#[test]
fn the_gate_stops_at_the_first_failure_and_asks_nothing() {
    let gate = text(".ci/run");
    assert!(gate.starts_with("#!/usr/bin/env bash\n"));
    for line in ["set -euo pipefail", "exec </dev/null", "cargo fmt --check"] {
        assert!(gate.lines().any(|other| other == line), "`{line}` is missing");
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(root().join(".ci/run")).unwrap().permissions(),
        );
        assert_ne!(mode & 0o100, 0, "`.ci/run` cannot be run");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = ["", "docs", "docs/decisions"].into_iter().flat_map(in_folder);
    for document in documents {
        let markdown = text(&document);
        for link in links(&markdown).into_iter().filter(|link| !link.contains("://")) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(target.exists(), "`{}` points to `{link}`", document.display());
            if !fragment.is_empty() {
                let target = text(&target);
                let mut headings = target.lines().filter_map(|line| line.strip_prefix('#'));
                let found =
                    headings.any(|heading| anchor(heading.trim_start_matches('#').trim()) == fragment);
                assert!(found, "`{}` points to `{link}`", document.display());
            }
        }
    }
}

#[test]
fn every_check_of_a_suite_that_fails_has_its_reason() {
    let deviations: serde_json::Value = serde_json::from_str(&text("tests/suites/deviations.json")).unwrap();
    let conformance = text("docs/conformance.md");
    for deviation in deviations.as_array().unwrap() {
        let id = deviation["id"].as_str().unwrap();
        assert!(
            conformance.lines().any(|line| line.starts_with(&format!("| {id} |")) && line.contains("RFC 7")),
            "`docs/conformance.md` has no reason with an RFC section for {id}"
        );
    }
}

#[test]
fn decisions_are_numbered_without_gaps_and_short() {
    for (place, path) in in_folder("docs/decisions").iter().enumerate() {
        let name = path.file_name().unwrap().to_string_lossy();
        let number = place + 1;
        assert!(name.starts_with(&format!("{number:04}-")), "`{name}` is not number {number}");
        let page = text(path);
        assert!(page.starts_with(&format!("# {number}. ")), "`{name}` has another number in its title");
        assert!(page.lines().count() <= DECISION_LINES, "`{name}` is over {DECISION_LINES} lines");
        for section in ["## Context", "## Choice", "## Consequences"] {
            assert!(page.lines().any(|line| line == section), "`{name}` has no `{section}`");
        }
    }
}

#[test]
fn every_dependency_has_a_line_of_why_and_its_place_in_the_alphabet() {
    let manifest = text("Cargo.toml");
    for section in ["[dependencies]", "[dev-dependencies]"] {
        let lines: Vec<&str> = manifest
            .lines()
            .skip_while(|line| *line != section)
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.is_empty())
            .collect();
        let mut names = Vec::new();
        for (before, line) in lines.iter().zip(lines.iter().skip(1)).filter(|(_, line)| line.contains(" = "))
        {
            let name = line.split(' ').next().unwrap();
            if !line.starts_with('#') {
                assert!(before.starts_with("# "), "`{name}` does not say why it is there");
                names.push(name);
            }
        }
        assert!(names.is_sorted(), "{section} is out of order: {names:?}");
        assert_eq!(names.len() * 2, lines.len(), "{section} holds other lines");
    }
}

/// Every source with tests in it.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let mut all = String::new();
    for folder in ["src", "tests"] {
        sources(&root().join(folder), &mut all);
    }
    let page = text("docs/promises.md");
    let promises: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.contains(" | `")).collect();
    assert_eq!(promises.len(), 11);
    for promise in promises {
        for name in promise.split('`').skip(1).step_by(2) {
            assert!(all.contains(&format!("fn {name}()")), "there is no test `{name}`");
        }
    }
}
