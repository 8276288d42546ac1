//! Which endpoint a path names, and what may be done there. Pure.

use axum::http::Method;

use super::admin;
use super::query::percent_decode;
use crate::scim::schema::ResourceKind;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/healthz`: the process runs.
    Health,
    /// `/readyz`: requests can be served.
    Ready,
    /// `/metrics`: what there is to watch.
    Metrics,
    /// Below `/admin/v1`.
    Admin(admin::Endpoint),
    /// Below `/{connection}/scim/v2`.
    Scim { connection: String, endpoint: Endpoint },
    /// Anything else.
    Unknown,
}

/// An endpoint below a connection's base URL (RFC 7644 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The base URL itself: all resources (RFC 7644 §3.4.2.1).
    Root,
    ServiceProviderConfig,
    ResourceTypes,
    /// By name.
    ResourceType(String),
    Schemas,
    /// By URN.
    Schema(String),
    Collection(ResourceKind),
    /// By id.
    Single(ResourceKind, String),
    /// `.search`, on the whole server or on one collection.
    Search(Option<ResourceKind>),
    Bulk,
    /// `/Me` and what lies below.
    Me,
    Unknown,
}

const READ: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS];
const COLLECTION: &[Method] = &[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
const SINGLE: &[Method] =
    &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
const POST: &[Method] = &[Method::POST, Method::OPTIONS];
const ME: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

impl Route {
    /// Reads a path. Trailing and doubled slashes do not count: they come from base URLs pasted with a slash.
    pub(crate) fn of(path: &str) -> Self {
        let Some(segments) =
            path.split('/').filter(|part| !part.is_empty()).map(percent_decode).collect::<Option<Vec<_>>>()
        else {
            return Self::Unknown;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["healthz"] => Self::Health,
            ["readyz"] => Self::Ready,
            ["metrics"] => Self::Metrics,
            ["admin", "v1", rest @ ..] => Self::Admin(admin::Endpoint::of(rest)),
            [connection, "scim", "v2", rest @ ..] => {
                Self::Scim { connection: (*connection).to_owned(), endpoint: Endpoint::of(rest) }
            }
            _ => Self::Unknown,
        }
    }

    /// The operation's name for logs: one of a closed set.
    pub(crate) fn operation(&self, method: &Method) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
            Self::Admin(endpoint) => endpoint.operation(method),
            Self::Scim { endpoint, .. } => endpoint.operation(method),
            Self::Unknown => "unknown",
        }
    }
}

impl Route {
    /// The SCIM id a path names.
    pub(crate) fn resource(&self) -> Option<&str> {
        match self {
            Self::Scim { endpoint: Endpoint::Single(_, id), .. } => Some(id),
            Self::Scim { .. }
            | Self::Admin(_)
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Unknown => None,
        }
    }

    /// Whether a request of this method asks for a change of a connection's resources.
    pub(crate) fn writes(&self, method: &Method) -> bool {
        let Self::Scim { endpoint, .. } = self else { return false };
        match endpoint {
            Endpoint::Collection(_) | Endpoint::Single(..) | Endpoint::Bulk => {
                [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method)
                    && endpoint.methods().contains(method)
            }
            Endpoint::Root
            | Endpoint::ServiceProviderConfig
            | Endpoint::ResourceTypes
            | Endpoint::ResourceType(_)
            | Endpoint::Schemas
            | Endpoint::Schema(_)
            | Endpoint::Search(_)
            | Endpoint::Me
            | Endpoint::Unknown => false,
        }
    }
}

impl Endpoint {
    fn of(segments: &[&str]) -> Self {
        match segments {
            [] => Self::Root,
            ["ServiceProviderConfig"] => Self::ServiceProviderConfig,
            ["ResourceTypes"] => Self::ResourceTypes,
            ["ResourceTypes", name] => Self::ResourceType((*name).to_owned()),
            ["Schemas"] => Self::Schemas,
            ["Schemas", urn] => Self::Schema((*urn).to_owned()),
            [".search"] => Self::Search(None),
            ["Users", ".search"] => Self::Search(Some(ResourceKind::User)),
            ["Groups", ".search"] => Self::Search(Some(ResourceKind::Group)),
            ["Users"] => Self::Collection(ResourceKind::User),
            ["Users", id] => Self::Single(ResourceKind::User, (*id).to_owned()),
            ["Groups"] => Self::Collection(ResourceKind::Group),
            ["Groups", id] => Self::Single(ResourceKind::Group, (*id).to_owned()),
            ["Bulk"] => Self::Bulk,
            ["Me", ..] => Self::Me,
            _ => Self::Unknown,
        }
    }

    /// The methods it answers to; none for an unknown endpoint.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Root
            | Self::ServiceProviderConfig
            | Self::ResourceTypes
            | Self::ResourceType(_)
            | Self::Schemas
            | Self::Schema(_) => READ,
            Self::Collection(_) => COLLECTION,
            Self::Single(..) => SINGLE,
            Self::Search(_) | Self::Bulk => POST,
            Self::Me => ME,
            Self::Unknown => &[],
        }
    }

    fn operation(&self, method: &Method) -> &'static str {
        if !self.methods().contains(method) {
            return "unknown";
        }
        match self {
            Self::Root | Self::Search(_) => "search",
            Self::ServiceProviderConfig => "service_provider_config.read",
            Self::ResourceTypes | Self::ResourceType(_) => "resource_types.read",
            Self::Schemas | Self::Schema(_) => "schemas.read",
            Self::Collection(kind) => match (kind, method.as_str()) {
                (ResourceKind::User, "POST") => "users.create",
                (ResourceKind::User, _) => "users.list",
                (ResourceKind::Group, "POST") => "groups.create",
                (ResourceKind::Group, _) => "groups.list",
            },
            Self::Single(kind, _) => match (kind, method.as_str()) {
                (ResourceKind::User, "PUT") => "users.replace",
                (ResourceKind::User, "PATCH") => "users.patch",
                (ResourceKind::User, "DELETE") => "users.delete",
                (ResourceKind::User, _) => "users.read",
                (ResourceKind::Group, "PUT") => "groups.replace",
                (ResourceKind::Group, "PATCH") => "groups.patch",
                (ResourceKind::Group, "DELETE") => "groups.delete",
                (ResourceKind::Group, _) => "groups.read",
            },
            Self::Bulk => "bulk",
            Self::Me => "me",
            Self::Unknown => "unknown",
        }
    }
}

/// The value of `Allow`.
pub(crate) fn allow(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &str) -> Endpoint {
        match Route::of(path) {
            Route::Scim { connection, endpoint } => {
                assert_eq!(connection, "hive", "{path}");
                endpoint
            }
            other => panic!("`{path}` is {other:?}"),
        }
    }

    #[test]
    fn slashes_at_the_end_or_doubled_do_not_count() {
        for path in
            ["/hive/scim/v2/Users", "/hive/scim/v2/Users/", "/hive/scim/v2//Users", "//hive/scim/v2/Users"]
        {
            assert_eq!(endpoint(path), Endpoint::Collection(ResourceKind::User), "{path}");
        }
    }

    #[test]
    fn the_base_url_is_the_root_of_all_resources() {
        assert_eq!(endpoint("/hive/scim/v2"), Endpoint::Root);
        assert_eq!(endpoint("/hive/scim/v2/"), Endpoint::Root);
    }

    #[test]
    fn an_id_is_percent_decoded_once() {
        assert_eq!(
            endpoint("/hive/scim/v2/Users/a%2Fb%252F+c"),
            Endpoint::Single(ResourceKind::User, "a/b%2F+c".to_owned())
        );
        assert_eq!(
            endpoint("/hive/scim/v2/Schemas/urn%3Aietf:params:scim:schemas:core:2.0:User"),
            Endpoint::Schema("urn:ietf:params:scim:schemas:core:2.0:User".to_owned())
        );
    }

    #[test]
    fn what_is_no_endpoint_is_unknown() {
        for path in ["/hive/scim/v2/Widgets", "/hive/scim/v2/Users/1/groups", "/hive/scim/v2/users"] {
            assert_eq!(endpoint(path), Endpoint::Unknown, "{path}");
        }
        for path in
            ["/", "/hive", "/hive/scim/v1/Users", "/hive/scim/v2/Users/%ff", "/hive/scim/v2/Users/%zz", "*"]
        {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn the_base_url_is_the_root_with_and_without_a_slash() {
        assert_eq!(endpoint("/hive/scim/v2"), Endpoint::Root);
        assert_eq!(endpoint("/hive/scim/v2/"), Endpoint::Root);
    }

    #[test]
    fn a_search_is_never_taken_for_an_id() {
        for (path, kind) in [
            ("/hive/scim/v2/.search", None),
            ("/hive/scim/v2/Users/.search", Some(ResourceKind::User)),
            ("/hive/scim/v2/Groups/.search/", Some(ResourceKind::Group)),
        ] {
            assert_eq!(endpoint(path), Endpoint::Search(kind), "{path}");
        }
    }
}
