//! Keeps `src/adapters/mod.rs` equal to the folders beside it: adding an app is adding a folder.
//!
//! Where the file is behind, it is written anew and the test fails once, so that the change is looked at.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const BEGIN: &str = "    // Written by tests/registry.rs from the folders.\n";
const END: &str = "    // As far as it is written.\n";

#[test]
fn the_list_of_apps_is_the_list_of_folders() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/adapters");
    let (mut folders, mut apps) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(path.join("mod.rs")) else { continue };
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if text.contains("\npub static APP: App =") {
            apps.insert(name.clone());
        }
        folders.insert(name);
    }
    let file = folder.join("mod.rs");
    let found = fs::read_to_string(&file).unwrap();
    let expected = updated(&found, &folders, &apps);
    if found != expected {
        fs::write(&file, expected).unwrap();
        panic!(
            "`src/adapters/mod.rs` was behind its folders and has been written anew; look at it and test again"
        );
    }
}

#[test]
fn a_new_folder_gets_its_lines() {
    let before = "//! Apps.\n\npub mod hive;\n#[cfg(feature = \"sim\")]\npub mod simulator;\n\nuse x;\n\n\
                  pub static APPS: &[&App] = &[\n    // Written by tests/registry.rs from the folders.\n    \
                  &hive::APP,\n    &old::APP,\n    // As far as it is written.\n];\n";
    let after = "//! Apps.\n\npub mod answer;\npub mod hive;\n#[cfg(feature = \"sim\")]\npub mod simulator;\n\
                 pub mod tines;\n\nuse x;\n\npub static APPS: &[&App] = &[\n    // Written by tests/registry.rs \
                 from the folders.\n    &hive::APP,\n    &tines::APP,\n    // As far as it is written.\n];\n";
    let folders = ["answer", "hive", "simulator", "tines"].map(str::to_owned).into();
    let apps = ["hive", "tines"].map(str::to_owned).into();
    assert_eq!(updated(before, &folders, &apps), after);
    assert_eq!(updated(after, &folders, &apps), after);
}

/// The file with a `pub mod` line for every folder and an entry for every app, both sorted.
fn updated(source: &str, folders: &BTreeSet<String>, apps: &BTreeSet<String>) -> String {
    let entries = apps.iter().map(|app| format!("    &{app}::APP,\n")).collect::<Vec<_>>().concat();
    let (before, rest) = source.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    with_modules(&format!("{before}{BEGIN}{entries}{END}{after}"), folders)
}

/// The first run of `pub mod` lines, each with the attributes above it, made complete; the rest stays as it is.
fn with_modules(source: &str, folders: &BTreeSet<String>) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let of_run = |line: &&str| line.starts_with("pub mod ") || line.starts_with("#[");
    let start = lines.iter().position(|line| line.starts_with("pub mod ")).unwrap();
    let length = lines[start..].iter().take_while(|line| of_run(line)).count();
    let mut declared: Vec<(String, String)> = Vec::new();
    let mut attributes = String::new();
    for line in &lines[start..start + length] {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            declared.push((name.to_owned(), format!("{attributes}{line}\n")));
            attributes.clear();
        } else {
            attributes = format!("{attributes}{line}\n");
        }
    }
    for folder in folders {
        if declared.iter().all(|(name, _)| name != folder) {
            declared.push((folder.clone(), format!("pub mod {folder};\n")));
        }
    }
    declared.sort();
    let whole = |line: &&str| format!("{line}\n");
    let before = lines[..start].iter().map(whole);
    let after = lines[start + length..].iter().map(whole);
    before.chain(declared.into_iter().map(|(_, lines)| lines)).chain(after).collect::<Vec<_>>().concat()
}
