//! The part of a connection that its app declares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::reader::Block;
use crate::adapters::settings::{Field, FieldKind, Setting, Settings, Template};
use crate::adapters::{APPS, App, NotOffered};
use crate::base::clock::SystemClock;
use crate::contract::{Dialect, Mode};
use crate::upstream::{Wire, system_names};

/// Largest answer of an app that is read, in bytes.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The app a connection names.
pub fn app(block: &Block<'_>) -> Option<&'static App> {
    let known = || APPS.iter().map(|app| app.name).collect::<Vec<_>>().join(", ");
    if !block.has("app") {
        block.problem("app", "is missing", format!("write app = \"…\" with one of {}", known()));
        return None;
    }
    let name = block.text("app")?;
    let found = APPS.iter().copied().find(|app| app.name == name);
    if found.is_none() {
        let text = format!("found `{name}`, which is no app");
        block.problem("app", text, format!("write one of {}", known()));
    }
    found
}

/// Notes a problem where the app cannot be spoken to in this way.
pub fn check_mode(block: &Block<'_>, app: &App, mode: Mode, dialect: Dialect) {
    if let Err(NotOffered { key, found, instead }) = app.offers(mode, dialect) {
        block.problem(key, format!("found {found}"), format!("write {instead}"));
    }
}

/// The blocks that lead to an interface of the app, each with limits of its own.
const WIRED: [&str; 2] = ["rest", "scim"];

/// Whether a connection in this mode speaks through a block.
fn is_used(section: &str, mode: Mode) -> bool {
    match section {
        "rest" => matches!(mode, Mode::Rest | Mode::Hybrid),
        "scim" => matches!(mode, Mode::Scim | Mode::Hybrid),
        _ => true,
    }
}

/// Reads every setting the app declares for this mode, and the limits of its wire.
pub fn settings(block: &Block<'_>, app: &App, mode: Mode) -> (Settings, Wire) {
    let mut settings = Settings::default();
    // A mode the app does not have is named already.
    let offered = app.modes.iter().any(|(known, _)| *known == mode);
    let is_used = |section: &str| !offered || is_used(section, mode);
    let of_mode = |field: &&Field| field.path.split_once('.').is_none_or(|(section, _)| is_used(section));
    let fields = app.fields.iter().filter(of_mode).map(|field| (field.path, field)).collect();
    read_fields(block, fields, false, &mut settings);
    for section in WIRED.into_iter().filter(|section| !is_used(section)) {
        if app.fields.iter().any(|field| field.path.starts_with(section)) && block.has(section) {
            let text = format!("is not used in mode = \"{mode:?}\"").to_lowercase();
            block.problem(section, text, "take it out, or write the mode that speaks through it");
        }
    }
    let wire = WIRED.iter().find_map(|section| settings.wire(section).cloned());
    (settings, wire.unwrap_or_else(standard_wire))
}

/// Reads the fields of a block and of the blocks below it; each comes with its path from here.
fn read_fields(block: &Block<'_>, fields: Vec<(&str, &Field)>, private: bool, settings: &mut Settings) {
    let mut sections: BTreeMap<&str, Vec<(&str, &Field)>> = BTreeMap::new();
    for (path, field) in fields {
        match path.split_once('.') {
            Some((section, rest)) => sections.entry(section).or_default().push((rest, field)),
            None => read(block, path, field, private, settings),
        }
    }
    for (section, fields) in sections {
        if let Some(inner) = block.block(section) {
            let mut private = private;
            if WIRED.contains(&section) {
                let told = read_wire(&inner);
                private = told.private;
                settings.set_wire(section, told);
            }
            read_fields(&inner, fields, private, settings);
            inner.finish();
        } else if !block.has(section) {
            for (rest, field) in fields {
                absent(block, &format!("{section}.{rest}"), field, settings);
            }
        }
    }
}

pub(super) fn standard_wire() -> Wire {
    Wire {
        private: false,
        per_second: Some(50),
        concurrency: 16,
        attempt: Duration::from_secs(10),
        total: Duration::from_secs(25),
        body_limit: BODY_LIMIT,
        names: system_names(),
        clock: Arc::new(SystemClock),
    }
}

fn read_wire(block: &Block<'_>) -> Wire {
    let mut wire = Wire { private: block.flag("private"), ..standard_wire() };
    if let Some(count) = block.count("per_second", 1, 100_000) {
        wire.per_second = u32::try_from(count).ok();
    }
    if let Some(count) = block.count("concurrency", 1, 1_000) {
        wire.concurrency = usize::try_from(count).unwrap_or(wire.concurrency);
    }
    if let Some(timeout) = block.duration("timeout", 1) {
        wire.attempt = timeout;
    }
    wire
}

fn read(block: &Block<'_>, name: &str, field: &Field, private: bool, settings: &mut Settings) {
    if !block.has(name) {
        absent(block, name, field, settings);
        return;
    }
    let value = match field.kind {
        FieldKind::Url => {
            block.text(name).and_then(|url| checked_url(block, name, url, private)).map(Setting::Text)
        }
        FieldKind::Secret(kind) => block.secret(name, kind).map(Setting::Secret),
        FieldKind::Text => block.text(name).map(|text| Setting::Text(text.to_owned())),
        FieldKind::Flag => Some(Setting::Flag(block.flag(name))),
        FieldKind::Count { min, max } => block.count(name, min, max).map(Setting::Count),
        FieldKind::Choice(words) => {
            let choices: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
            block.choice(name, &choices).map(|word| Setting::Text(word.to_owned()))
        }
        FieldKind::Texts => block.texts(name).map(Setting::Texts),
        FieldKind::Template(places) => block
            .text(name)
            .filter(|text| is_template(block, name, text, places))
            .map(|text| Setting::Text(text.to_owned())),
    };
    if let Some(value) = value {
        settings.set(field.path, value);
    }
}

/// `path` is the field's below `block`, which may be its section or the connection.
fn absent(block: &Block<'_>, path: &str, field: &Field, settings: &mut Settings) {
    if let Some(default) = field.default {
        settings.set(field.path, default_value(field, default));
    } else if field.required {
        let remedy = match field.kind {
            FieldKind::Secret(_) => block.secret_remedy(path),
            FieldKind::Texts => format!("write {path} = [\"…\"]"),
            FieldKind::Count { min, .. } => format!("write {path} = {min}"),
            FieldKind::Flag => format!("write {path} = true"),
            FieldKind::Url | FieldKind::Text | FieldKind::Choice(_) | FieldKind::Template(_) => {
                format!("write {path} = \"…\"")
            }
        };
        block.problem(path, "is missing", format!("{remedy}: {}", field.help));
    }
}

fn default_value(field: &Field, default: &str) -> Setting {
    match field.kind {
        FieldKind::Flag => Setting::Flag(default == "true"),
        FieldKind::Count { min, .. } => Setting::Count(default.parse().unwrap_or(min)),
        FieldKind::Texts => Setting::Texts(default.split(',').map(str::to_owned).collect()),
        FieldKind::Url
        | FieldKind::Secret(_)
        | FieldKind::Text
        | FieldKind::Choice(_)
        | FieldKind::Template(_) => Setting::Text(default.to_owned()),
    }
}

fn is_template(block: &Block<'_>, name: &str, text: &str, places: &'static [&'static str]) -> bool {
    let problem = Template::parse(text, places).err();
    if let Some(problem) = &problem {
        block.problem(name, problem, format!("write one line with the places {{{}}}", places.join("}, {")));
    }
    problem.is_none()
}

pub(super) fn checked_url(block: &Block<'_>, name: &str, text: &str, private: bool) -> Option<String> {
    let url = url::Url::parse(text).ok().filter(url::Url::has_host);
    let (problem, remedy) = match url.as_ref().map(url::Url::scheme) {
        _ if text.contains('@') => {
            ("found a name or password in the address".to_owned(), "write the address alone".to_owned())
        }
        Some("https") => return Some(text.to_owned()),
        Some("http") if private => return Some(text.to_owned()),
        Some("http") => (
            "plain http would carry the credential in the clear".to_owned(),
            "write https://…, or private = true for an address inside your own network".to_owned(),
        ),
        _ => (
            format!("found `{text}`, expected an absolute https address"),
            format!("write {name} = \"https://…\""),
        ),
    };
    block.problem(name, problem, remedy);
    None
}
