//! What a Hive connection is told.

use crate::adapters::Blueprint;
use crate::adapters::settings::{Field, FieldKind};
use crate::base::secret::SecretString;

use super::account::ROLES;
use super::scim;

/// The settings of a Hive connection.
pub(super) const FIELDS: &[Field] = &[
    Field {
        path: "rest.base_url",
        kind: FieldKind::Url,
        required: false,
        default: Some("https://app.hive.com/api/v1"),
        help: "where Hive's REST API is",
    },
    Field {
        path: "rest.api_key",
        kind: FieldKind::Secret("Hive personal API key"),
        required: true,
        default: None,
        help: "the API key of a workspace admin, from My Profile > Apps & Integrations > API",
    },
    scim::BASE_URL,
    scim::TOKEN,
    Field {
        path: "workspaces",
        kind: FieldKind::Texts,
        required: false,
        default: None,
        help: "ids of the workspaces to manage, as in their URL; all that the key's owner sees where absent",
    },
    Field {
        path: "primary_workspace",
        kind: FieldKind::Text,
        required: false,
        default: None,
        help: "id of the workspace new people are invited to, and that SCIM is enabled in; the first managed one where absent",
    },
    Field {
        path: "default_role",
        kind: FieldKind::Choice(ROLES),
        required: false,
        default: Some("member"),
        help: "the role of people who are invited without one",
    },
];

/// A Hive connection's settings, read and checked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub base_url: String,
    pub api_key: SecretString,
    /// The configured workspaces, the primary one first; empty: ask the app.
    pub workspaces: Vec<String>,
    /// `None`: the first one the app names.
    pub primary_workspace: Option<String>,
    pub default_role: &'static str,
}

impl Settings {
    /// Reads a connection's settings; fails with one line for the operator.
    pub(super) fn read(blueprint: &Blueprint<'_>) -> Result<Self, String> {
        let settings = blueprint.settings;
        let base_url = settings.text("rest.base_url").ok_or("`rest.base_url` is missing")?.to_owned();
        let api_key = settings.secret("rest.api_key").ok_or("`rest.api_key` is missing")?.clone();
        let primary_workspace = settings.text("primary_workspace").map(str::to_owned);
        let mut workspaces: Vec<String> = Vec::new();
        for workspace in settings.texts("workspaces") {
            if workspace.trim().is_empty() {
                return Err("`workspaces` has an empty id in it".to_owned());
            }
            if !workspaces.contains(workspace) {
                workspaces.push(workspace.clone());
            }
        }
        if let Some(primary) = primary_workspace.as_ref().filter(|_| !workspaces.is_empty()) {
            let at = workspaces
                .iter()
                .position(|workspace| workspace == primary)
                .ok_or_else(|| format!("`primary_workspace` is `{primary}`, which is not in `workspaces`"))?;
            workspaces.get_mut(..=at).unwrap_or_default().rotate_right(1);
        }
        let wanted = settings.text("default_role").unwrap_or("member");
        let default_role =
            ROLES.iter().copied().find(|role| *role == wanted).ok_or_else(|| {
                format!("`default_role` is `{wanted}`, not one of `{}`", ROLES.join("`, `"))
            })?;
        Ok(Self { base_url, api_key, workspaces, primary_workspace, default_role })
    }
}
