//! What a manual connection is told.

use crate::adapters::settings::{Field, FieldKind, Settings};
use crate::base::fold;

pub(super) const FIELDS: &[Field] = &[
    Field {
        path: "manual.app_name",
        kind: FieldKind::Text,
        required: false,
        default: Some("Hotjar"),
        help: "what people call the app; it stands in every instruction",
    },
    Field {
        path: "manual.members_page",
        kind: FieldKind::Text,
        required: false,
        default: Some("Settings > Team"),
        help: "where the app's own pages manage members; it stands in every instruction",
    },
    Field {
        path: "manual.roles",
        kind: FieldKind::Texts,
        required: false,
        default: None,
        help: "the app's roles, least first; the first is given when nobody says otherwise (Hotjar's three if absent)",
    },
];

/// The settings, read.
#[derive(Debug, Clone)]
pub(super) struct Manual {
    pub app_name: String,
    pub members_page: String,
    /// Least first, never empty.
    pub roles: Vec<String>,
}

pub(super) fn read(settings: &Settings) -> Result<Manual, String> {
    let text = |path: &str, default: &str| settings.text(path).unwrap_or(default).to_owned();
    let mut roles: Vec<String> = settings.texts("manual.roles").to_vec();
    if roles.is_empty() {
        roles = super::HOTJAR_ROLES.iter().map(ToString::to_string).collect();
    }
    let mut keys: Vec<String> = roles.iter().map(|role| fold::key(role)).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() < roles.len() || keys.iter().any(String::is_empty) {
        return Err("`manual.roles` holds an empty role, or one twice".to_owned());
    }
    Ok(Manual {
        app_name: text("manual.app_name", "Hotjar"),
        members_page: text("manual.members_page", "Settings > Team"),
        roles,
    })
}
