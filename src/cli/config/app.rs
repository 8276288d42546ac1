//! The part of a connection that its app declares.

use std::time::Duration;

use super::Wire;
use super::reader::Block;
use crate::adapters::settings::{Field, FieldKind, Setting, Settings};
use crate::adapters::{APPS, App};
use crate::contract::{Dialect, Mode};

/// The app a connection names.
pub fn app(block: &Block<'_>) -> Option<&'static App> {
    let name = block.required_text("app")?;
    let found = APPS.iter().copied().find(|app| app.name == name);
    if found.is_none() {
        let known: Vec<&str> = APPS.iter().map(|app| app.name).collect();
        block.problem(
            "app",
            format!("found `{name}`, which is no app"),
            format!("write one of {}", known.join(", ")),
        );
    }
    found
}

/// Reads every setting the app declares, and the limits of its wire.
pub fn settings(block: &Block<'_>, app: &App, mode: Mode, dialect: Dialect) -> Option<(Settings, Wire)> {
    if !app.modes.contains(&(mode, dialect)) {
        let known: Vec<String> = app
            .modes
            .iter()
            .map(|(mode, dialect)| {
                format!("mode = \"{mode:?}\" with dialect = \"{dialect:?}\"").to_lowercase()
            })
            .collect();
        block.problem(
            "mode",
            format!("{} has no mode `{mode:?}` in the `{dialect:?}` dialect", app.name).to_lowercase(),
            format!("write {}", known.join(" or ")),
        );
        return None;
    }
    let mut settings = Settings::default();
    let mut wire = Wire::default();
    let mut sections: Vec<&str> =
        app.fields.iter().filter_map(|field| field.path.split_once('.')).map(|(s, _)| s).collect();
    sections.dedup();
    for section in sections {
        let fields: Vec<&Field> = app
            .fields
            .iter()
            .filter(|field| field.path.split_once('.').is_some_and(|(s, _)| s == section))
            .collect();
        let Some(inner) = block.block(section) else {
            for field in fields {
                absent(block, field.path, field, &mut settings);
            }
            continue;
        };
        if section == "rest" {
            wire = read_wire(&inner);
        }
        for field in fields {
            let name = field.path.split_once('.').map_or(field.path, |(_, name)| name);
            read(&inner, name, field, wire.private, &mut settings);
        }
        inner.finish();
    }
    for field in app.fields.iter().filter(|field| !field.path.contains('.')) {
        read(block, field.path, field, wire.private, &mut settings);
    }
    Some((settings, wire))
}

fn read_wire(block: &Block<'_>) -> Wire {
    let standard = Wire::default();
    Wire {
        private: block.flag("private"),
        per_second: block
            .count("per_second", 1, 100_000)
            .and_then(|count| u32::try_from(count).ok())
            .or(standard.per_second),
        concurrency: block
            .count("concurrency", 1, 1_000)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(standard.concurrency),
        timeout: block
            .duration("timeout")
            .filter(|timeout| *timeout > Duration::ZERO)
            .unwrap_or(standard.timeout),
    }
}

fn read(block: &Block<'_>, name: &str, field: &Field, private: bool, settings: &mut Settings) {
    if !block.has(name) {
        // Asking marks the key as known, so that a misspelt one is compared with it.
        let _ = block.text(name);
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
    };
    if let Some(value) = value {
        settings.set(field.path, value);
    }
}

fn absent(block: &Block<'_>, path: &str, field: &Field, settings: &mut Settings) {
    if let Some(default) = field.default {
        settings.set(field.path, default_value(field, default));
    } else if field.required {
        let example = match field.kind {
            FieldKind::Secret(_) => "{ env = \"…\" }".to_owned(),
            FieldKind::Texts => "[\"…\"]".to_owned(),
            FieldKind::Count { min, .. } => min.to_string(),
            FieldKind::Flag => "true".to_owned(),
            FieldKind::Url | FieldKind::Text | FieldKind::Choice(_) => "\"…\"".to_owned(),
        };
        let name = field.path.rsplit('.').next().unwrap_or(field.path);
        block.problem(path, "is missing", format!("write {name} = {example}: {}", field.help));
    }
}

fn default_value(field: &Field, default: &str) -> Setting {
    match field.kind {
        FieldKind::Flag => Setting::Flag(default == "true"),
        FieldKind::Count { min, .. } => Setting::Count(default.parse().unwrap_or(min)),
        FieldKind::Texts => Setting::Texts(default.split(',').map(str::to_owned).collect()),
        FieldKind::Url | FieldKind::Secret(_) | FieldKind::Text | FieldKind::Choice(_) => {
            Setting::Text(default.to_owned())
        }
    }
}

fn checked_url(block: &Block<'_>, name: &str, url: &str, private: bool) -> Option<String> {
    let parsed = url::Url::parse(url).ok().filter(url::Url::has_host);
    let scheme = parsed.as_ref().map(url::Url::scheme);
    match scheme {
        Some("https") => Some(url.to_owned()),
        Some("http") if private => Some(url.to_owned()),
        Some("http") => {
            block.problem(
                name,
                "plain http would carry the credential in the clear",
                "write https://…, or private = true for an address inside your own network",
            );
            None
        }
        _ => {
            block.problem(
                name,
                format!("found `{url}`, expected an absolute https address"),
                format!("write {name} = \"https://…\""),
            );
            None
        }
    }
}
