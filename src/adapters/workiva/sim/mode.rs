//! The switches of `POST /__sim/mode`.

use serde::{Deserialize, Serialize};

use crate::adapters::simulator::scim;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mode {
    /// Life of an access token in seconds.
    pub(super) token_life_s: u64,
    /// The OAuth error of wrong client credentials: `unauthorized_client` or `invalid_client`.
    pub(super) wrong_client_error: String,
    /// The OAuth error of a wrong grant: `unsupported_grant_type` or `invalid_request`.
    pub(super) wrong_grant_error: String,
    /// What `pageSize` above 100 does.
    pub(super) page_size_over: PageSizeOver,
    /// What `nextPageToken` is on the last page.
    pub(super) last_page: LastPage,
    /// Lists show only the four fields of the guide's list example.
    pub(super) brief_list: bool,
    /// Status of a created user; the guide states none.
    pub(super) created_status: u16,
    /// What a PATCH or POST does with `id`, `createdAt`, `updatedAt` and `workspaceId`.
    pub(super) read_only_fields: ReadOnlyFields,
    /// Whether a group's member is `{userId}` or `{id}`; the guide shows neither.
    pub(super) member_shape: MemberShape,
    /// Status of adding somebody the workspace does not have.
    pub(super) unknown_member_status: u16,
    /// Status of adding somebody who is in the group: 409 refuses, 201 does nothing.
    pub(super) already_member_status: u16,
    /// Whether the group routes exist that only the guide's scope table names.
    pub(super) scope_table_routes: bool,
    /// Whether a group can be deleted; the guide does not mention it.
    pub(super) group_delete: bool,
    /// Whether SCIM calls users and groups by ids of its own; the guide does not say that they are those of REST.
    pub(super) own_scim_ids: bool,
    /// The switches of the SCIM server.
    pub(super) scim: scim::Mode,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            token_life_s: 599,
            wrong_client_error: "unauthorized_client".into(),
            wrong_grant_error: "unsupported_grant_type".into(),
            page_size_over: PageSizeOver::Clamped,
            last_page: LastPage::Null,
            brief_list: false,
            created_status: 201,
            read_only_fields: ReadOnlyFields::Ignored,
            member_shape: MemberShape::UserId,
            unknown_member_status: 404,
            already_member_status: 409,
            scope_table_routes: true,
            group_delete: false,
            own_scim_ids: false,
            scim: scim::Mode::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PageSizeOver {
    Clamped,
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LastPage {
    Absent,
    Null,
    Empty,
    /// The three in turn.
    Rotate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReadOnlyFields {
    Ignored,
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MemberShape {
    UserId,
    Id,
}
