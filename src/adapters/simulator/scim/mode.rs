//! The switches of a SCIM server, under `scim` in `POST /__sim/mode`.

use serde::{Deserialize, Serialize};

/// How much of RFC 7644 the server keeps to; by default all that it offers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mode {
    /// What a `filter` does.
    pub filter: Filtering,
    /// What `startIndex` and `count` do.
    pub pages: Paging,
    /// The most resources of one list answer.
    pub page_size: usize,
    /// What `totalResults` says.
    pub total_results: TotalResults,
    /// What a PATCH is answered with.
    pub patch: Patching,
    /// What a PUT or PATCH does with `active`.
    pub active_change: ActiveChange,
    /// Status of a created resource.
    pub created_status: u16,
    /// Status of a member the app does not have.
    pub unknown_member_status: u16,
    /// What removing a value does that is not there.
    pub absent_value: AbsentValue,
    /// Whether resources carry a version and `If-Match` is heeded.
    pub etags: bool,
    /// Status of the routes of RFC 7644 that the app does not claim: 501, 404 or 405.
    pub unclaimed_status: u16,
    /// Whether those routes work all the same, and renaming a group with them; discovery never does.
    pub unclaimed_routes: bool,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            filter: Filtering::Honoured,
            pages: Paging::Honoured,
            page_size: 100,
            total_results: TotalResults::Exact,
            patch: Patching::Resource,
            active_change: ActiveChange::Honoured,
            created_status: 201,
            unknown_member_status: 400,
            absent_value: AbsentValue::Accepted,
            etags: false,
            unclaimed_status: 501,
            unclaimed_routes: false,
        }
    }
}

/// What a `filter` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filtering {
    /// `attribute eq "value"` works, anything else is 400 `invalidFilter`.
    Honoured,
    /// 200 with everything, as though there were none.
    Ignored,
    /// 400 `invalidFilter`.
    #[serde(rename = "refused_400")]
    Invalid,
    /// 501.
    #[serde(rename = "refused_501")]
    NotImplemented,
}

/// What `startIndex` and `count` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    Honoured,
    /// Pages are as long as the server likes, whatever `count` says.
    CountIgnored,
    /// Everything in one answer, whatever either says.
    Ignored,
}

/// What `totalResults` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalResults {
    /// How many there are.
    Exact,
    /// How many are in this answer.
    OfPage,
    /// One more than there are.
    OneMore,
}

/// What a PATCH is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patching {
    /// 200 with the whole resource.
    Resource,
    /// 204 without a body.
    NoContent,
    /// 501, and nothing changes.
    #[serde(rename = "refused_501")]
    NotImplemented,
    /// 405, and nothing changes.
    #[serde(rename = "refused_405")]
    NotAllowed,
}

/// What a PUT or PATCH does with `active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActiveChange {
    Honoured,
    /// Nothing; the answer shows it.
    Ignored,
    /// Nothing; the answer shows what was asked for, the next read what is.
    Pretended,
}

/// What removing a value does that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentValue {
    /// Nothing.
    Accepted,
    /// 400 `noTarget` (RFC 7644 §3.5.2.2).
    NoTarget,
}
