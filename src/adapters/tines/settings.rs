//! What a Tines connection is told.

use crate::adapters::provider;
use crate::adapters::settings::{Field, FieldKind, Settings};
use crate::base::secret::SecretString;

/// Most users the app puts on one page.
pub(super) const LARGEST_PAGE: u32 = 500;
const DEFAULT_ROLE: &str = "member";

pub(super) const FIELDS: &[Field] = &[
    Field {
        path: "rest.base_url",
        kind: FieldKind::Url,
        required: true,
        default: None,
        help: "the tenant's API address with its path: `https://TENANT.tines.com/api/v1`",
    },
    Field {
        path: "rest.api_token",
        kind: FieldKind::Secret("Tines REST API token"),
        required: true,
        default: None,
        help: "made by an admin under user profile > API Tokens; not the SCIM token of the SSO settings",
    },
    Field {
        path: "rest.per_page",
        kind: FieldKind::Count { min: 1, max: LARGEST_PAGE as u64 },
        required: false,
        default: Some("500"),
        help: "users asked for on one page of a listing",
    },
    Field {
        path: "rest.default_role",
        kind: FieldKind::Text,
        required: false,
        default: Some(DEFAULT_ROLE),
        help: "the role of an account when nobody says otherwise; in hybrid mode, of one whose role is taken away",
    },
    Field {
        path: "rest.deactivate_fallback",
        kind: FieldKind::Choice(&["error", "strip_teams", "delete"]),
        required: false,
        default: Some("error"),
        help: "when REST keeps an account active: report it, take it out of all teams, or delete it for ever",
    },
    provider::settings::base_url(
        None,
        "the tenant's SCIM address with its path: `https://TENANT.tines.com/scim/v2`",
    ),
    provider::settings::token(
        "Tines SCIM token",
        "made by an admin in the SSO settings; not a REST API token. Needs the Enterprise plan and single sign-on",
    ),
];

/// What is done when the app keeps an account active that shall not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeactivateFallback {
    Error,
    StripTeams,
    Delete,
}

/// The settings, read.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub base_url: String,
    pub api_token: SecretString,
    pub per_page: u32,
    pub default_role: String,
    pub deactivate_fallback: DeactivateFallback,
}

pub(super) fn read(settings: &Settings) -> Result<Rest, String> {
    let missing = |path: &str| format!("`{path}` is missing");
    let per_page = settings.count("rest.per_page").and_then(|count| u32::try_from(count).ok());
    Ok(Rest {
        base_url: settings.text("rest.base_url").ok_or_else(|| missing("rest.base_url"))?.to_owned(),
        api_token: settings.secret("rest.api_token").ok_or_else(|| missing("rest.api_token"))?.clone(),
        per_page: per_page.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE),
        default_role: settings.text("rest.default_role").unwrap_or(DEFAULT_ROLE).to_owned(),
        deactivate_fallback: match settings.text("rest.deactivate_fallback") {
            None | Some("error") => DeactivateFallback::Error,
            Some("strip_teams") => DeactivateFallback::StripTeams,
            Some("delete") => DeactivateFallback::Delete,
            Some(other) => {
                return Err(format!(
                    "`rest.deactivate_fallback` is `{other}`: `error`, `strip_teams` or `delete` expected"
                ));
            }
        },
    })
}
