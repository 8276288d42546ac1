//! The floors of `ARCHITECTURE.md`, proved from the sources: who may use whom, whose types stay where, how long a
//! file may be.

#![expect(clippy::unwrap_used, reason = "a source that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A floor, and the floors below it that it may use.
const FLOORS: &[(&str, &[&str])] = &[
    ("cli", &["http", "provision", "adapters", "store", "contract", "upstream", "scim", "base"]),
    ("http", &["provision", "scim", "base"]),
    ("provision", &["store", "contract", "scim", "base"]),
    ("adapters", &["contract", "upstream", "base"]),
    ("store", &["contract", "base"]),
    ("contract", &["base"]),
    ("upstream", &["base"]),
    ("scim", &["base"]),
    ("base", &[]),
];

/// What adapters share; everything else below `adapters` is one app.
const SHARED: &[&str] = &["answer", "provider", "settings", "simulator"];

/// Crates whose types stay on one floor.
const KEPT: &[(&str, &str)] = &[
    ("aws_lc_rs", "base"),
    ("axum", "http"),
    ("prometheus_client", "base"),
    ("reqwest", "upstream"),
    ("scim_v2", "scim"),
    ("sqlx", "store"),
];

const LONGEST: usize = 600;
const MEDIAN: usize = 150;

/// One source file, as `src/…`.
struct Source {
    path: String,
    text: String,
}

#[test]
fn every_path_points_down() {
    let broken: Vec<String> = sources().iter().flat_map(violations).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_adapters_share_names_no_vendor() {
    const VENDORS: &[&str] = &["hive", "honeycomb", "tines", "workiva", "hotjar"];
    for source in sources().iter().filter(|source| source.path.starts_with("src/adapters/provider/")) {
        let text = source.text.to_lowercase();
        let words: BTreeSet<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
        let named: Vec<_> = VENDORS.iter().filter(|vendor| words.contains(**vendor)).collect();
        assert!(named.is_empty(), "{} names {named:?}", source.path);
    }
}

#[test]
fn no_method_of_the_treaty_has_a_body_that_a_decorator_could_forget() {
    let sources = sources();
    let treaty = sources.iter().find(|source| source.path == "src/contract/mod.rs").unwrap();
    assert_eq!(with_bodies(treaty), Vec::<String>::new());
    let planted =
        "trait A { fn one(&self); fn two(&self) -> Option<B> { None } fn three(&self) {} } fn four() {}";
    let planted = Source { path: "src/contract/planted.rs".into(), text: planted.into() };
    assert_eq!(with_bodies(&planted), ["two", "three"]);
}

#[test]
fn files_stay_short() {
    let mut lengths: Vec<(usize, String)> =
        sources().into_iter().map(|source| (source.text.lines().count(), source.path)).collect();
    lengths.sort();
    let over: Vec<_> = lengths.iter().filter(|(length, _)| *length > LONGEST).collect();
    assert!(over.is_empty(), "over {LONGEST} lines: {over:?}");
    let (median, _) = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN, "the median file has {median} lines, expected at most {MEDIAN}");
}

#[test]
fn every_floor_of_the_crate_has_a_row() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, FLOORS.iter().map(|(floor, _)| *floor).collect());
}

#[test]
fn a_planted_violation_is_found() {
    let planted = [
        ("src/scim/filter/mod.rs", "use crate::store::Link;"),
        ("src/http/scim.rs", "use crate::{base::clock::Clock, adapters::App};"),
        ("src/provision/plan.rs", "fn f() -> crate::upstream::Response { todo() }"),
        ("src/base/id.rs", "use super::super::scim;"),
        ("src/store/mod.rs", "mod tests { use super::super::provision; }"),
        ("src/contract/mod.rs", "type T<'a> = &'a crate::store::Link;"),
        ("src/base/id.rs", "use portcullis::scim;"),
        ("src/adapters/hive/client.rs", "use crate::adapters::tines::Client;"),
        ("src/adapters/hive/client.rs", "use super::super::tines;"),
        ("src/adapters/hive/mod.rs", "use super::{App, tines::client};"),
        ("src/adapters/answer/mod.rs", "use crate::adapters::hive::APP;"),
        ("src/adapters/provider/mod.rs", "use crate::adapters::tines::APP;"),
        ("src/adapters/provider/user.rs", "use super::super::scim::APP;"),
        ("src/adapters/provider/wire.rs", "use crate::scim::error::ScimError;"),
        ("src/adapters/provider/wire.rs", "use crate::adapters::simulator::Running;"),
        ("src/adapters/simulator/scim/mod.rs", "use crate::adapters::provider::Profile;"),
        ("src/adapters/hive/client.rs", "use crate::scim::Patch;"),
        ("src/adapters/hive/client.rs", "use super::sim::Hive;"),
        ("src/adapters/hive/sim.rs", "use super::client::Member;"),
        ("src/adapters/hive/sim/state.rs", "use super::super::account;"),
        ("src/adapters/hive/sim.rs", "use crate::contract::Account;"),
        ("src/adapters/hive/sim.rs", "use crate::adapters::settings::Field;"),
        ("src/adapters/simulator/app.rs", "use crate::upstream::Request;"),
        ("src/adapters/hive/client.rs", "use reqwest::Client;"),
        ("src/adapters/hive/client.rs", "fn f(_: ::axum::Router) {}"),
        ("src/provision/users.rs", "fn f() { sqlx::query(\"\"); }"),
        ("src/http/scim.rs", "use scim_v2::filter::Filter;"),
        ("src/cli/serve.rs", "use axum as web;"),
    ];
    for (path, text) in planted {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        assert_eq!(violations(&source).len(), 1, "{path}: {text}: {:?}", violations(&source));
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    let fine = [
        ("src/cli/serve.rs", "use crate::{http, store::Store};"),
        ("src/store/mod.rs", "use crate::contract::Account; use crate::base::clock::Clock;"),
        (
            "src/scim/path.rs",
            "// use crate::store::Link;\nconst A: &str = \"crate::store\"; /* crate::http */",
        ),
        ("src/scim/path.rs", "const A: &str = r#\"\" crate::store \"#; const B: char = '\"'; fn f<'a>() {}"),
        ("src/scim/path.rs", "mod tests { use super::*; use super::super::filter; }"),
        (
            "src/adapters/hive/client.rs",
            "use super::account; use crate::adapters::{answer, settings::Field};",
        ),
        ("src/adapters/hive/tests.rs", "use super::sim; use crate::adapters::simulator;"),
        ("src/adapters/hive/client.rs", "mod tests { use super::super::sim; }"),
        ("src/adapters/hive/sim.rs", "use axum::Router; use crate::base::id; mod state; use state::All;"),
        (
            "src/adapters/hive/sim/state.rs",
            "use super::{Hive, super::sim::Other}; use crate::adapters::simulator;",
        ),
        ("src/adapters/mod.rs", "static APPS: &[&App] = &[&hive::APP, &tines::APP]; use settings::Field;"),
    ];
    for (path, text) in fine {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        assert_eq!(violations(&source), Vec::<String>::new(), "{path}: {text}");
    }
}

/// The methods of the traits in a source that have a body.
fn with_bodies(source: &Source) -> Vec<String> {
    let tokens = tokens(&source.text);
    let (mut found, mut depth, mut inside, mut named) = (Vec::new(), 0, None, String::new());
    for at in 0..tokens.len() {
        match text(&tokens, at) {
            "trait" => inside = inside.or(Some(depth)),
            "fn" => text(&tokens, at + 1).clone_into(&mut named),
            "{" => {
                if inside.is_some_and(|outside| depth == outside + 1) {
                    found.push(named.clone());
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                inside = inside.filter(|outside| depth > *outside);
            }
            _ => {}
        }
    }
    found
}

/// Everything in `source` that a rule forbids, one line each.
fn violations(source: &Source) -> Vec<String> {
    let module = module(&source.path);
    let Some(floor) = module.first().cloned() else { return Vec::new() };
    let mut found = BTreeSet::new();
    for used in paths(&tokens(&source.text), &module) {
        let reason = match used.segments.first().map(String::as_str) {
            Some("crate") => within(&floor, &module, &used),
            Some(foreign) => kept(&floor, &module, foreign, used.in_tests),
            None => None,
        };
        found.extend(reason.map(|why| format!("{}:{}: {why}", source.path, used.line)));
    }
    found.into_iter().collect()
}

/// Why a path within the crate is not allowed.
fn within(floor: &str, module: &[String], used: &Used) -> Option<String> {
    let target = used.segments.get(1)?.as_str();
    let allowed = FLOORS.iter().find(|(name, _)| *name == floor).map(|(_, below)| *below).unwrap_or_default();
    let simulates = simulates(module);
    if simulates && target != "base" && target != "adapters" {
        return Some(format!("a simulator uses `{target}`, expected only `base`"));
    }
    if target != floor && !allowed.contains(&target) {
        return Some(format!("`{floor}` uses `{target}`, expected one of {allowed:?}"));
    }
    if floor != "adapters" || target != "adapters" {
        return None;
    }
    let other = used.segments.get(2)?.as_str();
    let own = module.get(1).map_or("", String::as_str);
    if simulates {
        let own_simulator = other == own && used.segments.get(3).is_none_or(|name| name == "sim");
        let allowed = other == "simulator" || own_simulator;
        return (!allowed).then(|| format!("the simulator of `{own}` uses `{}`", used.segments.join("::")));
    }
    if other == own && used.segments.get(3).is_some_and(|name| name == "sim") && !used.in_tests {
        return Some(format!("the client of `{own}` uses its own simulator"));
    }
    if own == "provider" && other == "simulator" && !used.in_tests {
        return Some("the client of service providers uses their simulator".to_owned());
    }
    let is_app = other.starts_with(char::is_lowercase) && !SHARED.contains(&other);
    (is_app && other != own && !own.is_empty()).then(|| format!("`{own}` uses the adapter `{other}`"))
}

/// Why a path into another crate is not allowed.
fn kept(floor: &str, module: &[String], foreign: &str, in_tests: bool) -> Option<String> {
    if foreign == "portcullis" {
        return Some("the crate names itself from outside, expected `crate`".to_owned());
    }
    let (_, home) = KEPT.iter().find(|(name, _)| *name == foreign)?;
    // Tests of what adapters share make servers up, too.
    let server = in_tests && module.get(1).is_some_and(|name| SHARED.contains(&name.as_str()));
    let simulator = foreign == "axum" && (simulates(module) || server);
    (floor != *home && !simulator).then(|| format!("`{floor}` uses `{foreign}`, which stays in `{home}`"))
}

/// Whether a module belongs to a simulator: an adapter's `sim`, or the frame all of them stand in.
fn simulates(module: &[String]) -> bool {
    let at = |index: usize| module.get(index).map_or("", String::as_str);
    at(0) == "adapters" && (at(1) == "simulator" || at(2) == "sim")
}

/// A path as the source spells it, with `super` and `self` resolved.
#[derive(Debug)]
struct Used {
    segments: Vec<String>,
    line: usize,
    in_tests: bool,
}

/// The module a file is: `src/a/b.rs` and `src/a/b/mod.rs` are both `a::b`.
fn module(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut segments: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if segments.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        segments.pop();
    }
    segments
}

/// All paths with more than one segment, and all that a `use` names.
fn paths(tokens: &[Token], file: &[String]) -> Vec<Used> {
    let mut found = Vec::new();
    let mut inline: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(opened, _)| *opened <= depth);
            }
            "mod" if text(tokens, at + 2) == "{" => inline.push((depth + 1, text(tokens, at + 1).to_owned())),
            _ => {}
        }
        let after_path = at > 0 && [".", "::"].contains(&text(tokens, at - 1));
        let rooted = token.text == "::" && (at == 0 || !is_name(text(tokens, at - 1)));
        let starts = (is_name(&token.text) && !after_path) || (rooted && is_name(text(tokens, at + 1)));
        let of_use = at > 0 && text(tokens, at - 1) == "use";
        if !starts || (text(tokens, at + usize::from(!rooted)) != "::" && !of_use && !rooted) {
            at += 1;
            continue;
        }
        let module: Vec<String> =
            file.iter().cloned().chain(inline.iter().map(|(_, name)| name.clone())).collect();
        let in_tests = module.iter().any(|name| name == "tests");
        let mut spelled = Vec::new();
        at = tree(tokens, at + usize::from(rooted), &mut Vec::new(), &mut spelled);
        found.extend(spelled.into_iter().map(|segments| Used {
            segments: resolve(segments, &module),
            line: token.line,
            in_tests,
        }));
    }
    found
}

/// Reads one path or use tree from `at` on, below `prefix`; answers where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let start = prefix.len();
    while is_name(text(tokens, at)) || text(tokens, at) == "*" {
        prefix.push(text(tokens, at).to_owned());
        at += 1;
        if text(tokens, at) != "::" {
            break;
        }
        at += 1;
    }
    if text(tokens, at) == "{" && (at > 0 && ["::", "use", "{", ","].contains(&text(tokens, at - 1))) {
        at += 1;
        while !["}", ""].contains(&text(tokens, at)) {
            let before = at;
            at = tree(tokens, at, prefix, found);
            if text(tokens, at) == "as" {
                at += 2;
            }
            at += usize::from(text(tokens, at) == "," || at == before);
        }
        at += 1;
    } else {
        found.push(prefix.clone());
    }
    prefix.truncate(start);
    at
}

/// Replaces leading `self` and `super` by the module they stand for, and those in the middle of a use tree too.
fn resolve(spelled: Vec<String>, module: &[String]) -> Vec<String> {
    if !spelled.first().is_some_and(|first| ["self", "super"].contains(&first.as_str())) {
        return spelled;
    }
    let mut base: Vec<String> = std::iter::once("crate".to_owned()).chain(module.iter().cloned()).collect();
    for segment in spelled {
        match segment.as_str() {
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => base.push(segment),
        }
    }
    base
}

struct Token {
    text: String,
    line: usize,
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| &token.text)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && !["use", "as", "mod", "pub", "fn", "let", "in", "impl", "dyn", "mut", "ref", "for"].contains(&text)
}

/// Names, `::` and single characters; comments, literals and white space are left out.
fn tokens(source: &str) -> Vec<Token> {
    let letters: Vec<char> = source.chars().collect();
    let get = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < letters.len() {
        let start = at;
        let letter = get(at);
        if letter == '/' && get(at + 1) == '/' {
            while at < letters.len() && get(at) != '\n' {
                at += 1;
            }
        } else if letter == '/' && get(at + 1) == '*' {
            at += 2;
            while at < letters.len() && !(get(at) == '*' && get(at + 1) == '/') {
                at += 1;
            }
            at += 2;
        } else if letter == '"' {
            at = after_string(&letters, at);
        } else if letter == '\'' && (get(at + 1) == '\\' || get(at + 2) == '\'') {
            at += if get(at + 1) == '\\' { 3 } else { 2 };
            while at < letters.len() && get(at) != '\'' {
                at += 1;
            }
            at += 1;
        } else if letter.is_alphanumeric() || letter == '_' {
            while get(at).is_alphanumeric() || get(at) == '_' {
                at += 1;
            }
            let name: String = letters[start..at].iter().collect();
            if ["r", "br"].contains(&name.as_str()) && ['"', '#'].contains(&get(at)) {
                at = after_raw_string(&letters, at);
            } else {
                found.push(Token { text: name, line });
            }
        } else if letter == ':' && get(at + 1) == ':' {
            found.push(Token { text: "::".to_owned(), line });
            at += 2;
        } else {
            if !letter.is_whitespace() {
                found.push(Token { text: letter.to_string(), line });
            }
            at += 1;
        }
        line += letters[start..at.min(letters.len())].iter().filter(|letter| **letter == '\n').count();
    }
    found
}

fn after_string(letters: &[char], opened: usize) -> usize {
    let mut at = opened + 1;
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of `#…#"…"#…#`; of a raw name like `r#type`, the place behind its `#`.
fn after_raw_string(letters: &[char], opened: usize) -> usize {
    let hashes = letters[opened..].iter().take_while(|letter| **letter == '#').count();
    let mut at = opened + hashes;
    if letters.get(at) != Some(&'"') {
        return at;
    }
    at += 1;
    let closes = |at: usize| {
        letters[at] == '"'
            && letters[at + 1..].iter().take(hashes).filter(|letter| **letter == '#').count() == hashes
    };
    while at < letters.len() && !closes(at) {
        at += 1;
    }
    at + 1 + hashes
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    assert!(found.len() > 20, "found {} sources, expected the whole crate", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}
