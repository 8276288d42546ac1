//! What can be done where, and with which answers: the one list the description is rendered from.

/// One method of one path below a connection's base URL.
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    /// Unique, for generated clients.
    pub id: &'static str,
    pub summary: &'static str,
    /// Names of `components/parameters`.
    pub parameters: &'static [&'static str],
    /// A name of `components/schemas`.
    pub body: Option<&'static str>,
    /// Status and schema of each good answer; `""` where there is no body.
    pub good: &'static [(u16, &'static str)],
    /// The refusals beyond those any request can meet.
    pub refused: &'static [u16],
}

/// What any request can meet: its credentials, its line and headers, the limits, and us.
pub const ANYWHERE: &[u16] = &[401, 404, 414, 429, 431, 500, 503];
/// What any request with a body can meet as well.
pub const WITH_BODY: &[u16] = &[400, 408, 413, 415];

/// A write that reaches the app.
const WRITE: &[u16] = &[403, 409, 412, 501, 502];
const CREATE: &[u16] = &[403, 409, 501, 502];
const READ: &[u16] = &[400, 501, 502];
const DISCOVERY: &[u16] = &[403];
const NOT_OFFERED: &[u16] = &[501];
const VIEW: &[&str] = &["attributes", "excludedAttributes"];
const ONE: &[&str] = &["attributes", "excludedAttributes", "If-None-Match"];
const CHANGE: &[&str] = &["attributes", "excludedAttributes", "If-Match"];
const LIST: &[&str] =
    &["filter", "startIndex", "count", "cursor", "sortBy", "sortOrder", "attributes", "excludedAttributes"];

const fn read(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    shown: &'static [(u16, &'static str)],
) -> Operation {
    Operation {
        method: "GET",
        path,
        id,
        summary,
        parameters: &[],
        body: None,
        good: shown,
        refused: DISCOVERY,
    }
}

const fn search(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation {
        method: "POST",
        path,
        id,
        summary,
        parameters: &[],
        body: Some("SearchRequest"),
        good: &[(200, "ResourceList")],
        refused: &[501, 502],
    }
}

const fn me(method: &'static str, id: &'static str) -> Operation {
    let summary = "Not offered: the token belongs to a connection, not to a person (RFC 7644 §3.11)";
    Operation {
        method,
        path: "/Me",
        id,
        summary,
        parameters: &[],
        body: None,
        good: &[],
        refused: NOT_OFFERED,
    }
}

/// Every operation, in the order of the description.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/",
        id: "listAll",
        summary: "Find people and groups",
        parameters: LIST,
        body: None,
        good: &[(200, "ResourceList")],
        refused: READ,
    },
    read(
        "/ServiceProviderConfig",
        "readServiceProviderConfig",
        "What this connection can do",
        &[(200, "ServiceProviderConfig")],
    ),
    read("/ResourceTypes", "listResourceTypes", "The resource types", &[(200, "ResourceTypeList")]),
    read("/ResourceTypes/{name}", "readResourceType", "One resource type", &[(200, "ResourceType")]),
    read("/Schemas", "listSchemas", "The schemas", &[(200, "SchemaList")]),
    read("/Schemas/{urn}", "readSchema", "One schema, by its URN", &[(200, "Schema")]),
    Operation {
        method: "GET",
        path: "/Users",
        id: "listUsers",
        summary: "Find people",
        parameters: LIST,
        body: None,
        good: &[(200, "UserList")],
        refused: READ,
    },
    Operation {
        method: "POST",
        path: "/Users",
        id: "createUser",
        summary: "Create a person, or take over the account the app has",
        parameters: VIEW,
        body: Some("UserToWrite"),
        good: &[(201, "User")],
        refused: CREATE,
    },
    search("/Users/.search", "searchUsers", "Find people without a query string"),
    Operation {
        method: "GET",
        path: "/Users/{id}",
        id: "readUser",
        summary: "One person",
        parameters: ONE,
        body: None,
        good: &[(200, "User"), (304, "")],
        refused: READ,
    },
    Operation {
        method: "PUT",
        path: "/Users/{id}",
        id: "replaceUser",
        summary: "Replace a person's attributes",
        parameters: CHANGE,
        body: Some("UserToWrite"),
        good: &[(200, "User")],
        refused: WRITE,
    },
    Operation {
        method: "PATCH",
        path: "/Users/{id}",
        id: "patchUser",
        summary: "Change some of a person's attributes; a 2xx to `active: false` was read back from the app",
        parameters: CHANGE,
        body: Some("Patch"),
        good: &[(200, "User")],
        refused: WRITE,
    },
    Operation {
        method: "DELETE",
        path: "/Users/{id}",
        id: "deleteUser",
        summary: "Delete a person",
        parameters: &["If-Match"],
        body: None,
        good: &[(204, "")],
        refused: &[400, 403, 409, 412, 501, 502],
    },
    Operation {
        method: "GET",
        path: "/Groups",
        id: "listGroups",
        summary: "Find groups",
        parameters: LIST,
        body: None,
        good: &[(200, "GroupList")],
        refused: READ,
    },
    Operation {
        method: "POST",
        path: "/Groups",
        id: "createGroup",
        summary: "Create a group",
        parameters: VIEW,
        body: Some("GroupToWrite"),
        good: &[(201, "Group")],
        refused: CREATE,
    },
    search("/Groups/.search", "searchGroups", "Find groups without a query string"),
    Operation {
        method: "GET",
        path: "/Groups/{id}",
        id: "readGroup",
        summary: "One group",
        parameters: ONE,
        body: None,
        good: &[(200, "Group"), (304, "")],
        refused: READ,
    },
    Operation {
        method: "PUT",
        path: "/Groups/{id}",
        id: "replaceGroup",
        summary: "Replace a group's name and members",
        parameters: CHANGE,
        body: Some("GroupToWrite"),
        good: &[(200, "Group")],
        refused: WRITE,
    },
    Operation {
        method: "PATCH",
        path: "/Groups/{id}",
        id: "patchGroup",
        summary: "Change a group's name or some members; shown only where `attributes` asks for it",
        parameters: CHANGE,
        body: Some("Patch"),
        good: &[(200, "Group"), (204, "")],
        refused: WRITE,
    },
    Operation {
        method: "DELETE",
        path: "/Groups/{id}",
        id: "deleteGroup",
        summary: "Delete a group",
        parameters: &["If-Match"],
        body: None,
        good: &[(204, "")],
        refused: &[400, 403, 409, 412, 501, 502],
    },
    search("/.search", "search", "Find people and groups"),
    Operation {
        method: "POST",
        path: "/Bulk",
        id: "bulk",
        summary: "Several operations in one request, where `ServiceProviderConfig` says so",
        parameters: &[],
        body: Some("BulkRequest"),
        good: &[(200, "BulkResponse")],
        refused: &[501, 502],
    },
    me("GET", "readMe"),
    me("POST", "createMe"),
    me("PUT", "replaceMe"),
    me("PATCH", "patchMe"),
    me("DELETE", "deleteMe"),
];
