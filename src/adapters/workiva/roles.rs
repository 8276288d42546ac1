//! The roles a workspace has, remembered for a while: their ids differ from workspace to workspace.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::client::Client;
use super::wire::WireRole;
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::fold;
use crate::contract::{Account, Error, Kind, Result};

const KEPT: Duration = Duration::from_mins(10);

/// `GET /roles`, at most once in ten minutes unless a role is asked for that it did not hold.
#[derive(Debug)]
pub(super) struct KnownRoles {
    clock: SharedClock,
    listing: Mutex<Option<(Timestamp, Vec<WireRole>)>>,
}

impl KnownRoles {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, listing: Mutex::default() }
    }

    /// The ids of the wanted roles, each named by id or by name in any case; no call where none is wanted.
    ///
    /// Fails with [`Kind::Invalid`] on a role that the workspace does not have.
    pub(super) async fn ids(
        &self,
        client: &Client,
        wanted: &[String],
        operation: &'static str,
    ) -> Result<Vec<String>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(ids) = self.remembered().and_then(|known| resolve(&known, wanted).ok()) {
            return Ok(ids);
        }
        let known = client.roles(operation).await?;
        self.remember(known.clone());
        resolve(&known, wanted).map_err(|unknown| {
            let message = format!("role `{unknown}`: the Workiva workspace has no role of that id or name");
            Error::new(Kind::Invalid, operation, message)
        })
    }

    /// Adds the names to the roles of `accounts`; no call where none has roles, and no failure where they stay unknown.
    pub(super) async fn name(&self, client: &Client, accounts: &mut [Account], operation: &'static str) {
        let nameless = |account: &Account| account.roles.iter().flatten().any(|role| role.display.is_none());
        if !accounts.iter().any(nameless) {
            return;
        }
        let known = if let Some(known) = self.remembered() {
            known
        } else {
            let known = client.roles(operation).await.unwrap_or_default();
            self.remember(known.clone());
            known
        };
        for role in accounts.iter_mut().flat_map(|account| account.roles.iter_mut().flatten()) {
            if role.display.is_none() {
                role.display =
                    known.iter().find(|known| known.id == role.value).and_then(|known| known.name.clone());
            }
        }
    }

    fn remembered(&self) -> Option<Vec<WireRole>> {
        let listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        listing
            .as_ref()
            .filter(|(read_at, _)| self.clock.now().since(*read_at) < KEPT)
            .map(|(_, known)| known.clone())
    }

    fn remember(&self, known: Vec<WireRole>) {
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.clock.now(), known));
    }
}

/// The ids, each once, in the order asked for; or the first role that is not known.
fn resolve<'a>(known: &[WireRole], wanted: &'a [String]) -> std::result::Result<Vec<String>, &'a str> {
    let mut ids = Vec::new();
    for asked in wanted {
        let key = fold::key(asked);
        let by_id = known.iter().find(|role| role.id == *asked);
        let by_key = || {
            let same = |text: &str| fold::key(text) == key;
            known.iter().find(|role| same(&role.id) || role.name.as_deref().is_some_and(same))
        };
        let role = by_id.or_else(by_key).ok_or(asked.as_str())?;
        if !ids.contains(&role.id) {
            ids.push(role.id.clone());
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_by_id_and_by_name_in_any_case() {
        let role = |id: &str, name: &str| WireRole { id: id.into(), name: Some(name.into()) };
        let known = [role("role_viewer", "Viewer"), role("role_owner", "Workspace Owner")];
        let wanted = ["workspace owner".to_owned(), "role_viewer".to_owned(), "VIEWER".to_owned()];
        assert_eq!(resolve(&known, &wanted), Ok(vec!["role_owner".to_owned(), "role_viewer".to_owned()]));
        assert_eq!(resolve(&known, &["editor".to_owned()]), Err("editor"));
    }
}
