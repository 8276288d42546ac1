//! What a Honeycomb connection is told.

use crate::adapters::Blueprint;
use crate::adapters::settings::{Field, FieldKind};
use crate::base::secret::SecretString;

use super::roles::ROLES;

/// The settings of a Honeycomb connection: one team, because a key belongs to one.
pub(super) const FIELDS: &[Field] = &[
    Field {
        path: "rest.base_url",
        kind: FieldKind::Url,
        required: false,
        default: Some("https://api.honeycomb.io"),
        help: "where Honeycomb's API is; `https://api.eu1.honeycomb.io` for teams in Europe",
    },
    Field {
        path: "rest.api_key",
        kind: FieldKind::Secret("Honeycomb Configuration API key"),
        required: true,
        default: None,
        help: "a Configuration key of the team, from Team Settings > API Keys; an Ingest key is answered with 401",
    },
    Field {
        path: "default_role",
        kind: FieldKind::Choice(ROLES),
        required: false,
        default: Some("member"),
        help: "the role of people who are invited without one",
    },
    Field {
        path: "group_prefix",
        kind: FieldKind::Text,
        required: false,
        default: None,
        help: "put before the names of the two role groups: `Honeycomb ` makes `Honeycomb admin`",
    },
];

/// A Honeycomb connection's settings, read and checked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub base_url: String,
    pub api_key: SecretString,
    pub default_role: &'static str,
    /// Empty where the groups are named like their roles.
    pub group_prefix: String,
}

impl Settings {
    /// Reads a connection's settings; fails with one line for the operator.
    pub(super) fn read(blueprint: &Blueprint<'_>) -> Result<Self, String> {
        let settings = blueprint.settings;
        let base_url = settings.text("rest.base_url").ok_or("`rest.base_url` is missing")?.to_owned();
        let api_key = settings.secret("rest.api_key").ok_or("`rest.api_key` is missing")?.clone();
        let wanted = settings.text("default_role").unwrap_or("member");
        let default_role =
            ROLES.iter().copied().find(|role| *role == wanted).ok_or_else(|| {
                format!("`default_role` is `{wanted}`, not one of `{}`", ROLES.join("`, `"))
            })?;
        let group_prefix = settings.text("group_prefix").unwrap_or_default().to_owned();
        Ok(Self { base_url, api_key, default_role, group_prefix })
    }
}
