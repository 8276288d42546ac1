//! Which workspaces a connection manages.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::base::clock::{SharedClock, Timestamp};
use crate::contract::{Error, Group, Kind, Result, Standing};

use super::client::Client;
use super::error;
use super::settings::Settings;

/// A workspace as Hive tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Workspace {
    pub id: String,
    pub name: Option<String>,
}

/// The managed workspaces: the configured ones, else all that the key's owner sees, asked for once.
#[derive(Debug)]
pub(super) struct Workspaces {
    configured: bool,
    primary: Option<String>,
    managed: OnceCell<Vec<String>>,
    clock: SharedClock,
    /// What the listing of accounts had to ask for, until the listing of groups, which follows it, has told it.
    seen: Mutex<Option<(Timestamp, Vec<Workspace>)>>,
}

/// How long what was seen may be told without asking again.
const SEEN_FOR: Duration = Duration::from_secs(5);

impl Workspaces {
    /// From the connection's settings; makes no call.
    pub(super) fn new(settings: &Settings, clock: SharedClock) -> Self {
        let configured = !settings.workspaces.is_empty();
        let known = configured.then(|| settings.workspaces.clone());
        Self {
            configured,
            primary: settings.primary_workspace.clone(),
            managed: OnceCell::new_with(known),
            clock,
            seen: Mutex::default(),
        }
    }

    /// The ids of the managed workspaces, the primary one first; never none.
    ///
    /// What was seen once stays managed: a workspace that the key loses sight of later is an error, not an empty one.
    pub(super) async fn managed(&self, client: &Client, operation: &'static str) -> Result<&[String]> {
        let ask = || async {
            let asked_at = self.clock.now();
            let visible = client.workspaces(operation).await?;
            let chosen = self.chosen(&visible, operation)?;
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked_at, visible));
            Ok::<_, Error>(chosen)
        };
        self.managed.get_or_try_init(ask).await.map(Vec::as_slice)
    }

    /// The visible workspaces as the managed ones, the primary one first.
    fn chosen(&self, visible: &[Workspace], operation: &'static str) -> Result<Vec<String>> {
        let mut ids: Vec<String> = visible.iter().map(|workspace| workspace.id.clone()).collect();
        if let Some(primary) = &self.primary {
            let at = ids.iter().position(|id| id == primary);
            let at = at.ok_or_else(|| error::hidden(primary, operation))?;
            ids.get_mut(..=at).unwrap_or_default().rotate_right(1);
        }
        if ids.is_empty() {
            return Err(Error::new(
                Kind::Forbidden,
                operation,
                "the owner of the Hive API key sees no workspace",
            ));
        }
        Ok(ids)
    }

    /// The managed workspaces with their names; one that is not visible is an error, because it is not gone.
    pub(super) async fn groups(&self, client: &Client, operation: &'static str) -> Result<Vec<Group>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let visible = match seen.filter(|(at, _)| self.clock.now().since(*at) < SEEN_FOR) {
            Some((_, visible)) => visible,
            None => client.workspaces(operation).await?,
        };
        let known = || async { self.chosen(&visible, operation) };
        let managed = self.managed.get_or_try_init(known).await?;
        let group = |id: &String| {
            let workspace = visible.iter().find(|workspace| workspace.id == *id);
            let workspace = workspace.ok_or_else(|| error::hidden(id, operation))?;
            let name = workspace.name.as_ref().filter(|name| !name.is_empty()).unwrap_or(id);
            Ok(Group { id: id.clone(), name: name.clone(), members: None })
        };
        managed.iter().map(group).collect()
    }

    /// What the key's owner sees, against what is configured.
    pub(super) async fn check(&self, client: &Client) -> Result<Standing> {
        let visible = client.workspaces("check").await?;
        let known = || async { self.chosen(&visible, "check") };
        let managed = self.managed.get_or_try_init(known).await?;
        let sees = |id: &String| visible.iter().any(|workspace| workspace.id == *id);
        let mut warnings: Vec<String> = managed
            .iter()
            .filter(|id| !sees(id))
            .map(|id| format!("the key's owner does not see the managed workspace `{id}`"))
            .collect();
        let unmanaged = visible.iter().filter(|workspace| !managed.contains(&workspace.id)).count();
        if unmanaged > 0 && self.configured {
            warnings.push(format!(
                "{unmanaged} visible workspaces are not managed: leavers keep their access to them"
            ));
        }
        let summary = format!("reached, {} workspaces visible, {} managed", visible.len(), managed.len());
        Ok(Standing { summary, warnings })
    }
}
