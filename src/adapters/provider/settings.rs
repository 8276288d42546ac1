//! What every connection to a service provider is told.

use crate::adapters::settings::{Field, FieldKind, Settings};
use crate::upstream::{self, Credential, Wire};

const BASE_URL: &str = "scim.base_url";
const TOKEN: &str = "scim.token";

/// The setting `scim.base_url`, required where it has no `default`.
#[must_use]
pub const fn base_url(default: Option<&'static str>, help: &'static str) -> Field {
    Field { path: BASE_URL, kind: FieldKind::Url, required: default.is_none(), default, help }
}

/// The setting `scim.token`, a bearer token; `kind` is what the app calls it.
#[must_use]
pub const fn token(kind: &'static str, help: &'static str) -> Field {
    Field { path: TOKEN, kind: FieldKind::Secret(kind), required: true, default: None, help }
}

/// How a connection with these two settings talks to its provider, within the limits of its block `scim`, or of `wire`
/// where that has none; fails with one line for the operator where one of
/// them is missing.
pub fn read(settings: &Settings, wire: Wire) -> Result<upstream::Settings, String> {
    let missing = |path: &str| format!("`{path}` is missing");
    let wire = settings.wire("scim").cloned().unwrap_or(wire);
    Ok(upstream::Settings {
        base_url: settings.text(BASE_URL).ok_or_else(|| missing(BASE_URL))?.to_owned(),
        credential: Credential::Bearer(settings.secret(TOKEN).ok_or_else(|| missing(TOKEN))?.clone()),
        wire,
    })
}
