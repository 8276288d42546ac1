//! What a manual connection is told.

use crate::adapters::settings::{Field, FieldKind, Settings, Template};
use crate::base::fold;

/// What an instruction may name.
const PLACES: &[&str] = &["email", "name", "role", "app", "page"];

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
        path: "manual.link",
        kind: FieldKind::Url,
        required: false,
        default: None,
        help: "the address of that page; it stands in every task",
    },
    Field {
        path: "manual.assignee",
        kind: FieldKind::Text,
        required: false,
        default: None,
        help: "who carries the tasks out: a person or a team, as your people call them (`owner` if absent)",
    },
    Field {
        path: "manual.instructions.invite",
        kind: FieldKind::Template(PLACES),
        required: false,
        default: None,
        help: "what the task of an invitation says; `{role}` is the role to give",
    },
    Field {
        path: "manual.instructions.remove",
        kind: FieldKind::Template(PLACES),
        required: false,
        default: None,
        help: "what the task of a removal says; `{role}` is the role the person has",
    },
    Field {
        path: "manual.instructions.change_role",
        kind: FieldKind::Template(PLACES),
        required: false,
        default: None,
        help: "what the task of another role says; `{role}` is the role to give",
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
    pub link: Option<String>,
    pub assignee: Option<String>,
    pub invite: Option<Template>,
    pub remove: Option<Template>,
    pub change_role: Option<Template>,
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
    let instruction = |operation: &str| {
        let path = format!("manual.instructions.{operation}");
        let read = settings.text(&path).map(|text| Template::parse(text, PLACES));
        read.transpose().map_err(|problem| format!("`{path}`: {problem}"))
    };
    let given = |path: &str| settings.text(path).map(str::to_owned);
    Ok(Manual {
        app_name: text("manual.app_name", "Hotjar"),
        members_page: text("manual.members_page", "Settings > Team"),
        link: given("manual.link"),
        assignee: given("manual.assignee"),
        invite: instruction("invite")?,
        remove: instruction("remove")?,
        change_role: instruction("change_role")?,
        roles,
    })
}
