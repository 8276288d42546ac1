//! The files of `tests/fixtures`, read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::cases::{Case, Line, Title};

/// The cases of each identity provider, by its name.
pub fn all_cases() -> BTreeMap<String, Vec<Case>> {
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, parse(&path, &fs::read_to_string(&path).unwrap()))
    };
    fixtures("idp").into_iter().map(read).collect()
}

/// The stories: the title and the lines of each.
pub fn all_stories() -> Vec<(Title, Vec<Line>)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(|line| parse::<Line>(&path, line));
        match lines.next() {
            Some(Line::Title(title)) => (title, lines.collect()),
            other => panic!("{} begins with {other:?}, expected a title", path.display()),
        }
    };
    fixtures("stories").into_iter().map(read).collect()
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
