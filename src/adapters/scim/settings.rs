//! What a connection to a SCIM server is told.

use crate::adapters::provider::MemberForm;
use crate::adapters::provider::settings::{base_url, token};
use crate::adapters::settings::{Field, FieldKind, Settings};

const MEMBERS: &str = "scim.members";

pub(super) const FIELDS: &[Field] = &[
    base_url(None, "the app's SCIM address, up to what stands before `/Users`"),
    token("SCIM bearer token", "the bearer token of the app's SCIM interface"),
    Field {
        path: MEMBERS,
        kind: FieldKind::Choice(&["patch", "put"]),
        required: false,
        default: Some("patch"),
        help: "how members of a group are changed: one by one, or with the whole group",
    },
];

/// The forms of a change of members, in the order in which they are tried.
pub(super) fn members(settings: &Settings) -> Result<&'static [MemberForm], String> {
    match settings.text(MEMBERS) {
        None | Some("patch") => Ok(&[MemberForm::Path, MemberForm::Value, MemberForm::Put]),
        Some("put") => Ok(&[MemberForm::Put]),
        Some(other) => Err(format!("`{MEMBERS}` is `{other}`: `patch` or `put` expected")),
    }
}
