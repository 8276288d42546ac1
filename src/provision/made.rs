//! What a create made, from the making until its caller has been told.

use std::sync::Arc;

use serde_json::Value;

use super::connection::Connection;
use super::turn::Turn;
use super::{Result, Shown, View};
use crate::scim::schema::ResourceKind;

/// A resource whose maker has not been told of it: until then the create may be repeated.
#[derive(Debug)]
pub(super) struct Made {
    pub kind: ResourceKind,
    pub id: String,
    /// Whoever repeats the create has to wait until it is known whether the first answer was heard.
    pub turn: Option<Turn>,
}

impl Connection {
    /// Creates a resource and shows it; [`Connection::told`] is to follow.
    ///
    /// `before` is what the same request has made already: a second one of the same name is no repetition.
    pub(super) async fn make(
        self: &Arc<Self>,
        kind: ResourceKind,
        body: Value,
        view: &View,
        before: &[Made],
    ) -> Result<(Shown, Made)> {
        self.offers(kind)?;
        let before = before.iter().filter(|made| made.kind == kind).map(|made| made.id.clone()).collect();
        let (shown, id, turn) = match kind {
            ResourceKind::User => Box::pin(self.create_user(body, view, before)).await?,
            ResourceKind::Group => Box::pin(self.create_group(&body, view, before)).await?,
        };
        Ok((shown, Made { kind, id, turn }))
    }

    /// Notes that the caller is told of it; whoever waits for that goes on afterwards.
    pub(super) async fn told(&self, made: Made) {
        let Made { kind, id, turn } = made;
        match kind {
            ResourceKind::User => self.acknowledge(&id).await,
            ResourceKind::Group => self.acknowledge_group(&id).await,
        }
        drop(turn);
    }
}
