//! The gateway: its connections and who may enter them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Denied, ListQuery, Preconditions, Read, Refusal, Result, Shown, View};
use crate::scim::error::ScimError;
use crate::scim::schema::ResourceKind;

/// All connections and what they share.
#[derive(Debug, Default)]
pub struct Gateway {
    connections: BTreeMap<String, Arc<Connection>>,
}

impl Gateway {
    /// The connection a token opens, if it is the one the path names.
    pub async fn admit(
        &self,
        connection: &str,
        token: Option<&str>,
    ) -> std::result::Result<Arc<Connection>, Denied> {
        token.ok_or(Denied::Unauthorized)?;
        self.connections.get(connection).cloned().ok_or(Denied::UnknownConnection)
    }

    /// Whether requests can be served: the store answers.
    pub async fn ready(&self) -> bool {
        true
    }
}

/// One configured target of one app, as SCIM shows it.
#[derive(Debug)]
pub struct Connection {
    name: String,
}

impl Connection {
    /// The name in the path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `/ServiceProviderConfig`.
    pub fn service_provider_config(&self) -> Value {
        Value::Null
    }

    /// `/ResourceTypes`, or one of them.
    pub fn resource_types(&self, name: Option<&str>) -> Result<Value> {
        let _ = name;
        Ok(Value::Null)
    }

    /// `/Schemas`, or one of them by URN.
    pub fn schemas(&self, urn: Option<&str>) -> Result<Value> {
        let _ = urn;
        Ok(Value::Null)
    }

    /// One resource; 404 where this connection has none with the id.
    pub async fn read(
        &self,
        kind: ResourceKind,
        id: &str,
        view: &View,
        when: &Preconditions,
    ) -> Result<Read> {
        let _ = (kind, id, view, when);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }

    /// A ListResponse.
    pub async fn list(&self, kind: ResourceKind, query: &ListQuery) -> Result<Value> {
        let _ = (kind, query);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }

    /// Creates a resource and shows it.
    pub async fn create(self: &Arc<Self>, kind: ResourceKind, body: Value, view: &View) -> Result<Shown> {
        let _ = (kind, body, view);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }

    /// Replaces a resource and shows it.
    pub async fn replace(
        self: &Arc<Self>,
        kind: ResourceKind,
        id: &str,
        body: Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let _ = (kind, id, body, view, when);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }

    /// Patches a resource; `None` for a group, whose answer is 204.
    pub async fn patch(
        self: &Arc<Self>,
        kind: ResourceKind,
        id: &str,
        body: Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Option<Shown>> {
        let _ = (kind, id, body, view, when);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }

    /// Deletes a resource.
    pub async fn delete(self: &Arc<Self>, kind: ResourceKind, id: &str, when: &Preconditions) -> Result<()> {
        let _ = (kind, id, when);
        Err(Refusal::from(ScimError::new(501, "being built")))
    }
}
