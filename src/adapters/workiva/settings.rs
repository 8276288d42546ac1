//! What a Workiva connection is told.

use crate::adapters::provider;
use crate::adapters::settings::{Field, FieldKind, Settings};
use crate::base::secret::SecretString;

/// Most entries the app puts on one page.
pub(super) const LARGEST_PAGE: u32 = 100;
const BASE_URL: &str = "https://api.app.wdesk.com/platform/v1";
const SCIM_URL: &str = "https://api.app.wdesk.com/scim/v2";
const TOKEN_URL: &str = "https://api.app.wdesk.com/iam/v1/oauth2/token";

pub(super) const FIELDS: &[Field] = &[
    Field {
        path: "rest.base_url",
        kind: FieldKind::Url,
        required: false,
        default: Some(BASE_URL),
        help: "the Platform API; another host in other regions",
    },
    Field {
        path: "rest.token_url",
        kind: FieldKind::Url,
        required: false,
        default: Some(TOKEN_URL),
        help: "where the OAuth client gets its tokens",
    },
    Field {
        path: "rest.client_id",
        kind: FieldKind::Text,
        required: true,
        default: None,
        help: "the OAuth client of the workspace, made in the Developer Portal",
    },
    Field {
        path: "rest.client_secret",
        kind: FieldKind::Secret("OAuth client secret"),
        required: true,
        default: None,
        help: "the secret of that client; not the SCIM bearer token",
    },
    Field {
        path: "rest.scopes",
        kind: FieldKind::Texts,
        required: false,
        default: None,
        help: "scopes to ask for with each token; none are named if absent, which gives all that were granted",
    },
    Field {
        path: "rest.page_size",
        kind: FieldKind::Count { min: 1, max: LARGEST_PAGE as u64 },
        required: false,
        default: Some("100"),
        help: "users asked for on one page of a listing",
    },
    provider::settings::base_url(Some(SCIM_URL), "the SCIM server; another host in other regions"),
    provider::settings::token(
        "SCIM bearer token",
        "made under Admin > Security > SCIM Provisioning (Enterprise); not the secret of an OAuth client",
    ),
];

/// The settings of the REST API, read.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub base_url: String,
    pub token_url: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub scopes: Vec<String>,
    pub page_size: u32,
}

pub(super) fn read(settings: &Settings) -> Result<Rest, String> {
    let missing = |path: &str| format!("`{path}` is missing");
    let page_size = settings.count("rest.page_size").and_then(|count| u32::try_from(count).ok());
    Ok(Rest {
        base_url: settings.text("rest.base_url").unwrap_or(BASE_URL).to_owned(),
        token_url: settings.text("rest.token_url").unwrap_or(TOKEN_URL).to_owned(),
        client_id: settings.text("rest.client_id").ok_or_else(|| missing("rest.client_id"))?.to_owned(),
        client_secret: settings
            .secret("rest.client_secret")
            .ok_or_else(|| missing("rest.client_secret"))?
            .clone(),
        scopes: settings.texts("rest.scopes").to_vec(),
        page_size: page_size.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE),
    })
}
