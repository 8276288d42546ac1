//! What a request asks for, and what came of it.

use std::sync::Arc;

use serde_json::Value;

use super::error::Refused;
use crate::provision::{Connection, ListQuery, Patched, Preconditions, Read, Shown, View};
use crate::scim::leaving::may_take_access_away;
use crate::scim::schema::ResourceKind;

/// One thing to be done on a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Work {
    ServiceProviderConfig,
    ResourceTypes(Option<String>),
    Schemas(Option<String>),
    List {
        kind: ResourceKind,
        query: ListQuery,
    },
    /// Over all resource types.
    Search(ListQuery),
    Bulk(Value),
    Create {
        kind: ResourceKind,
        body: Value,
        view: View,
    },
    Read {
        kind: ResourceKind,
        id: String,
        view: View,
        when: Preconditions,
    },
    Replace {
        kind: ResourceKind,
        id: String,
        body: Value,
        view: View,
        when: Preconditions,
    },
    Patch {
        kind: ResourceKind,
        id: String,
        body: Value,
        view: View,
        when: Preconditions,
    },
    Delete {
        kind: ResourceKind,
        id: String,
        when: Preconditions,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// A listing or a discovery document.
    Document(Value),
    Created(Shown),
    Shown(Shown),
    /// Changed, and not shown.
    Unshown {
        location: String,
        etag: String,
    },
    /// The entity tag the caller already has.
    NotModified(String),
    Nothing,
}

impl Work {
    /// Whether it may take access away, so that it waits behind nothing else.
    pub(crate) fn may_take_access_away(&self) -> bool {
        match self {
            // Whoever a group's replacement does not name is taken out.
            Self::Delete { .. } | Self::Replace { kind: ResourceKind::Group, .. } => true,
            Self::Replace { body, .. } | Self::Patch { body, .. } | Self::Bulk(body) => {
                may_take_access_away(body)
            }
            Self::ServiceProviderConfig
            | Self::ResourceTypes(_)
            | Self::Schemas(_)
            | Self::List { .. }
            | Self::Search(_)
            | Self::Create { .. }
            | Self::Read { .. } => false,
        }
    }

    /// Does it. A caller that stops waiting stops nothing: provision carries out writes in tasks of its own.
    pub(crate) async fn perform(self, connection: &Arc<Connection>) -> Result<Outcome, Refused> {
        Ok(match self {
            Self::ServiceProviderConfig => Outcome::Document(connection.service_provider_config()),
            Self::ResourceTypes(name) => Outcome::Document(connection.resource_types(name.as_deref())?),
            Self::Schemas(urn) => Outcome::Document(connection.schemas(urn.as_deref())?),
            Self::List { kind, query } => Outcome::Document(connection.list(kind, &query).await?),
            Self::Search(query) => Outcome::Document(connection.search(&query).await?),
            Self::Bulk(body) => Outcome::Document(Box::pin(connection.bulk(&body)).await?),
            Self::Create { kind, body, view } => {
                Outcome::Created(connection.create(kind, body, &view).await?)
            }
            Self::Read { kind, id, view, when } => match connection.read(kind, &id, &view, &when).await? {
                Read::Found(shown) => Outcome::Shown(shown),
                Read::NotModified(etag) => Outcome::NotModified(etag),
            },
            Self::Replace { kind, id, body, view, when } => {
                Outcome::Shown(connection.replace(kind, &id, body, &view, &when).await?)
            }
            Self::Patch { kind, id, body, view, when } => {
                match connection.patch(kind, &id, body, &view, &when).await? {
                    Patched::Shown(shown) => Outcome::Shown(shown),
                    Patched::Unshown { location, etag } => Outcome::Unshown { location, etag },
                }
            }
            Self::Delete { kind, id, when } => {
                connection.delete(kind, &id, &when).await?;
                Outcome::Nothing
            }
        })
    }
}
