//! The gateway: its connections, who may enter them, and their face towards HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::connection::{Connection, Shared};
use super::safe_mode::Vigil;
use super::{Denied, ListQuery, Patched, Preconditions, Read, Refusal, Result, Shown, View};
use crate::base::clock::Timestamp;
use crate::base::secret::Token;
use crate::scim::discovery;
use crate::scim::error::ScimError;
use crate::scim::etag;
use crate::scim::project::Written;
use crate::scim::schema::ResourceKind;
use crate::store::{self, Intents, TokenRow, Write};

/// How long a change of the tokens may take to be seen here.
const TOKENS_KNOWN_FOR: Duration = Duration::from_secs(5);

/// How long the tokens known last stand in for a store that cannot be read: one that was revoked opens nothing after it.
const TOKENS_TRUSTED_FOR: Duration = Duration::from_mins(1);

/// How long work under way is waited for before the store is closed.
const CLOSING: Duration = Duration::from_secs(5);

/// What the tokens of the admin door are kept under: a name that is reserved, so that no connection has it.
pub const ADMIN: &str = "admin";

/// Live tokens a connection, or the admin door, may have: the one in use and the one it is changed to.
const LIVE_TOKENS: usize = 2;

/// The connections by name.
pub(super) type Connections = Arc<BTreeMap<String, Arc<Connection>>>;

/// All connections and what they share.
#[derive(Debug)]
pub struct Gateway {
    connections: watch::Sender<Connections>,
    shared: Arc<Shared>,
    tokens: Mutex<KnownTokens>,
    vigil: Vigil,
}

#[derive(Debug, Default)]
struct KnownTokens {
    read_at: Option<Timestamp>,
    rows: Arc<BTreeMap<String, TokenRow>>,
}

fn by_name(connections: impl IntoIterator<Item = Arc<Connection>>) -> Connections {
    let named = connections.into_iter().map(|connection| (connection.name().to_owned(), connection));
    Arc::new(named.collect())
}

impl Gateway {
    /// A gateway over these connections, which must have been made with the same `shared`.
    pub fn new(connections: Vec<Arc<Connection>>, shared: Arc<Shared>) -> Arc<Self> {
        let connections = watch::Sender::new(by_name(connections));
        Arc::new(Self { connections, shared, tokens: Mutex::default(), vigil: Vigil::default() })
    }

    /// Serves these connections from now on, which must have been made with the same `shared`: in place of one of the
    /// same name, newly, and not any more where they are not among them. What is under way ends as it began.
    ///
    /// # Errors
    /// 409 where a connection that still owes a removal would be gone, or have another app; 503 while the store does not
    /// answer. Nothing has changed then.
    pub async fn serve_instead(&self, connections: Vec<Arc<Connection>>) -> Result<()> {
        let connections = by_name(connections.into_iter().map(|connection| {
            let before = self.connection(connection.name());
            connection.in_place_of(before.as_deref())
        }));
        for before in self.connections() {
            let now = connections.get(before.name());
            if now.is_none_or(|now| now.capabilities().app != before.capabilities().app) {
                self.refuse_while_owed(before.name()).await?;
            }
        }
        for connection in connections.values() {
            connection.share_cursor_key().await?;
        }
        self.connections.send_replace(connections);
        Ok(())
    }

    /// Whoever was to lose access loses it before their connection goes, or speaks to another app.
    ///
    /// # Errors
    /// 409 while removals are owed to the app, 503 where nobody can tell.
    pub async fn refuse_while_owed(&self, connection: &str) -> Result<()> {
        let open = self.shared.store.intents(&Intents::AllOpen(Some(connection.to_owned()))).await?;
        match open.iter().filter(|intent| intent.sticky).count() {
            0 => Ok(()),
            owed => {
                let detail = format!(
                    "connections.{connection}: {owed} removals of access are still owed to its app; keep the connection as it was until they are done"
                );
                Err(ScimError::new(409, detail).into())
            }
        }
    }

    /// The connections, and when they change.
    pub(super) fn follow_connections(&self) -> watch::Receiver<Connections> {
        self.connections.subscribe()
    }

    /// What all connections share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn vigil(&self) -> &Vigil {
        &self.vigil
    }

    /// A connection by name.
    pub fn connection(&self, name: &str) -> Option<Arc<Connection>> {
        self.connections.borrow().get(name).cloned()
    }

    /// All connections, by name.
    pub fn connections(&self) -> impl Iterator<Item = Arc<Connection>> + use<> {
        let connections: Vec<_> = self.connections.borrow().values().cloned().collect();
        connections.into_iter()
    }

    /// The connection a token opens, if it is the one the path names.
    pub async fn admit(
        &self,
        connection: &str,
        token: Option<&str>,
    ) -> std::result::Result<Arc<Connection>, Denied> {
        match self.door_of(connection, token).await? {
            door if door == connection => self.connection(connection).ok_or(Denied::UnknownConnection),
            door if door == ADMIN => Err(Denied::AdminToken),
            _another => Err(Denied::UnknownConnection),
        }
    }

    /// Whether a token opens the admin door.
    pub async fn admit_admin(&self, token: Option<&str>) -> std::result::Result<(), Denied> {
        match self.door_of(ADMIN, token).await? {
            door if door == ADMIN => Ok(()),
            _connection => Err(Denied::ConnectionToken),
        }
    }

    /// What a good token opens: `door` where it may be that, else another connection, or [`ADMIN`].
    async fn door_of(&self, door: &str, token: Option<&str>) -> std::result::Result<String, Denied> {
        let token = token.and_then(Token::parse).ok_or(Denied::Unauthorized)?;
        let rows = self.known_tokens().await.ok_or(Denied::Unavailable)?;
        let hash = token.hash();
        // An unknown id is compared too, so that the time tells nothing.
        let nobody = store::TokenRow {
            id: String::new(),
            connection: String::new(),
            hash: crate::base::secret::TokenHash([0; 32]),
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
            revoked_at: Some(Timestamp(0)),
        };
        let own = rows.get(&format!("{door}/{}", token.id));
        let row = own.or_else(|| rows.values().find(|row| row.id == token.id)).unwrap_or(&nobody);
        let good =
            row.hash.matches(&hash) && row.revoked_at.is_none() && row.expires_at > self.shared.clock.now();
        if good { Ok(row.connection.clone()) } else { Err(Denied::Unauthorized) }
    }

    async fn known_tokens(&self) -> Option<Arc<BTreeMap<String, TokenRow>>> {
        let now = self.shared.clock.now();
        let (read_at, known) = {
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            (tokens.read_at, Arc::clone(&tokens.rows))
        };
        let younger_than = |age: Duration| read_at.is_some_and(|at| now.since(at) < age);
        if younger_than(TOKENS_KNOWN_FOR) {
            return Some(known);
        }
        match self.shared.store.tokens().await {
            Ok(rows) => {
                let rows =
                    rows.into_iter().map(|row| (format!("{}/{}", row.connection, row.id), row)).collect();
                let rows = Arc::new(rows);
                let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                *tokens = KnownTokens { read_at: Some(now), rows: Arc::clone(&rows) };
                Some(rows)
            }
            Err(error) => {
                tracing::warn!(%error, "the tokens could not be read");
                younger_than(TOKENS_TRUSTED_FOR).then_some(known)
            }
        }
    }

    /// Keeps a token, so that it opens `connection`, which may be [`ADMIN`], until `expires_at`.
    ///
    /// # Errors
    /// 409 when the connection has two live tokens already: revoke the one that is no longer used.
    pub async fn keep_token(
        &self,
        connection: &str,
        token: &Token,
        expires_at: Timestamp,
    ) -> Result<TokenRow> {
        if connection != ADMIN && self.connection(connection).is_none() {
            return Err(ScimError::new(404, "there is no connection with this name").into());
        }
        let now = self.shared.clock.now();
        let live = |row: &&TokenRow| {
            row.connection == connection && row.revoked_at.is_none() && row.expires_at > now
        };
        let rows = self.shared.store.tokens().await?;
        let known = rows.iter().filter(live).find(|row| row.id == token.id);
        if let Some(known) = known.filter(|row| row.hash.matches(&token.hash())) {
            return Ok(known.clone());
        }
        // Another secret under a known id takes its place.
        if known.is_none() && rows.iter().filter(live).count() >= LIVE_TOKENS {
            return Err(ScimError::new(
                409,
                if connection == ADMIN {
                    "the admin door has two live tokens; revoke the one that is no longer used"
                } else {
                    "the connection has two live tokens; revoke the one that is no longer used"
                },
            )
            .into());
        }
        let row = TokenRow {
            id: token.id.clone(),
            connection: connection.to_owned(),
            hash: token.hash(),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        self.shared.store.commit(vec![Write::Token(row.clone())]).await?;
        Ok(row)
    }

    /// Waits a few seconds at the most for what is still under way, such as turns that are given up, and closes the
    /// store.
    pub async fn close(&self) {
        self.shared.tracker.close();
        if tokio::time::timeout(CLOSING, self.shared.tracker.wait()).await.is_err() {
            tracing::warn!("work is still under way; the journal has it");
        }
        self.shared.store.close().await;
    }

    /// Whether requests can be served: the store answers.
    pub async fn ready(&self) -> bool {
        self.shared.store.tokens().await.is_ok()
    }
}

/// What HTTP asks of a connection.
impl Connection {
    /// `/ServiceProviderConfig`.
    pub fn service_provider_config(&self) -> Value {
        discovery::service_provider_config(&self.surface())
    }

    /// `/ResourceTypes`, or one of them.
    pub fn resource_types(&self, name: Option<&str>) -> Result<Value> {
        let (surface, catalog) = (self.surface(), &*self.catalog);
        match name {
            None => Ok(discovery::resource_types(&surface, catalog)),
            Some(name) => discovery::resource_type(&surface, catalog, name)
                .ok_or_else(|| ScimError::new(404, "there is no resource type with this name").into()),
        }
    }

    /// `/Schemas`, or one of them by URN.
    pub fn schemas(&self, urn: Option<&str>) -> Result<Value> {
        let (surface, catalog) = (self.surface(), &*self.catalog);
        match urn {
            None => Ok(discovery::schemas(&surface, catalog)),
            Some(urn) => discovery::schema(&surface, catalog, urn)
                .ok_or_else(|| ScimError::new(404, "there is no schema with this URN").into()),
        }
    }

    /// One resource; 404 where this connection has none with the id.
    pub async fn read(
        &self,
        kind: ResourceKind,
        id: &str,
        view: &View,
        when: &Preconditions,
    ) -> Result<Read> {
        self.offers(kind)?;
        self.read_one(kind, id, view, when).await
    }

    /// A ListResponse.
    pub async fn list(&self, kind: ResourceKind, query: &ListQuery) -> Result<Value> {
        self.offers(kind)?;
        self.read_list(&[kind], query).await
    }

    /// A ListResponse over all resources there are, users before groups (RFC 7644 §3.4.3).
    pub async fn search(&self, query: &ListQuery) -> Result<Value> {
        let kinds = [ResourceKind::User, ResourceKind::Group];
        let offered: Vec<_> = kinds.into_iter().filter(|kind| self.offers(*kind).is_ok()).collect();
        self.read_list(&offered, query).await
    }

    /// Creates a resource and shows it.
    pub async fn create(self: &Arc<Self>, kind: ResourceKind, body: Value, view: &View) -> Result<Shown> {
        let (shown, made) = self.make(kind, body, view, &[]).await?;
        let this = Arc::clone(self);
        self.shared.tracker.spawn(async move { this.told(made).await });
        Ok(shown)
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
        self.offers(kind)?;
        match kind {
            ResourceKind::User => self.replace_user(id, body, view, when).await,
            ResourceKind::Group => self.replace_group(id, &body, view, when).await,
        }
    }

    /// Patches a resource; a group is shown to those alone who send `attributes` (RFC 7644 §3.5.2).
    pub async fn patch(
        self: &Arc<Self>,
        kind: ResourceKind,
        id: &str,
        body: Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Patched> {
        self.offers(kind)?;
        match kind {
            ResourceKind::User => self.patch_user(id, &body, view, when).await.map(Patched::Shown),
            ResourceKind::Group => {
                let record = self.patch_group(id, &body, when).await?;
                match view.attributes {
                    None => Ok(Patched::Unshown {
                        location: self.location(kind, &record.id),
                        etag: etag::weak(record.version),
                    }),
                    Some(_) => self.shown_group(&record, view, &Written::default()).await.map(Patched::Shown),
                }
            }
        }
    }

    /// Deletes a resource.
    pub async fn delete(self: &Arc<Self>, kind: ResourceKind, id: &str, when: &Preconditions) -> Result<()> {
        self.offers(kind)?;
        match kind {
            ResourceKind::User => self.delete_user(id, when).await,
            ResourceKind::Group => self.delete_group(id, when).await,
        }
    }

    pub(super) fn offers(&self, kind: ResourceKind) -> Result<()> {
        if kind == ResourceKind::Group && !self.capabilities().groups.list {
            let detail = format!("{} has no groups through this connection", self.capabilities().app);
            return Err(Refusal::from(ScimError::new(501, detail)));
        }
        Ok(())
    }
}
