//! Hive by both of its interfaces: SCIM for lives and groups, REST for roles, for open invitations and for the end of a
//! membership.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::account::{People, ROLES, one_role};
use super::pairs::{Pairs, Partner, merged};
use super::{Hive, UNMANAGED, error};
use crate::adapters::answer;
use crate::adapters::provider::Provider;
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Delete, Draft, Error, Groups, Held, Kind, Outcome,
    Page, Result, Roles, Standing, State,
};

/// The role of whom SCIM makes a member.
const SCIM_ROLE: &str = "member";

/// Both interfaces. An account goes by its SCIM id: every change is made by it, and it outlives a membership. A member
/// whom SCIM does not show goes by the REST id until SCIM has them.
#[derive(Debug)]
pub(super) struct Hybrid {
    capabilities: Capabilities,
    scim: Provider,
    rest: Hive,
    seen: Mutex<Seen>,
}

/// What readings told about the two sides.
#[derive(Debug, Default)]
struct Seen {
    /// The REST id of a SCIM id. After a restart it is found again.
    links: BTreeMap<String, String>,
    /// The REST ids of members with access whom SCIM does not show.
    strangers: BTreeSet<String>,
    /// Of the last listing; `None` before the first.
    doubts: Option<Doubts>,
}

/// Who is not the same on both sides.
#[derive(Debug, Default)]
struct Doubts {
    /// Users that could be several members.
    ambiguous: usize,
    /// Members with access whom SCIM does not show.
    strangers: usize,
}

/// What SCIM can do, and what REST adds to it.
fn capabilities(scim: &Capabilities, default_role: &'static str) -> Capabilities {
    Capabilities {
        accounts: Accounts { roles: Held::AtCreate, ..scim.accounts },
        delete: Delete::Permanent,
        roles: Roles::Fixed(ROLES),
        default_role: Some(default_role),
        residual: &[UNMANAGED],
        page_size: 0,
        ..*scim
    }
}

impl Hybrid {
    pub(super) fn new(scim: Provider, rest: Hive) -> Self {
        let capabilities = capabilities(scim.capabilities(), rest.default_role);
        Self { capabilities, scim, rest, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link_of(&self, user: &str) -> Option<String> {
        self.seen().links.get(user).cloned()
    }

    /// Everybody SCIM shows; all pages or an error.
    async fn users(&self) -> Result<Vec<Account>> {
        let (mut users, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.scim.accounts(cursor.as_deref()).await?;
            users.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(users);
            }
        }
    }

    /// Everybody of both sides, joined. A user that could be several members is told as SCIM alone knows them, a member
    /// with access whom SCIM does not show as REST does.
    async fn everybody(&self, operation: &'static str) -> Result<Vec<Account>> {
        let users = self.users().await?;
        let people = self.rest.gather(operation).await?;
        Ok(self.joined(&users, &people))
    }

    fn joined(&self, users: &[Account], people: &People) -> Vec<Account> {
        let none = BTreeMap::new();
        let pairs = Pairs::new(users, people, &none);
        let (mut links, mut doubts) = (BTreeMap::new(), Doubts::default());
        let mut accounts = Vec::new();
        for user in users {
            let partner = pairs.of(user);
            if let Partner::Member(member) = partner {
                links.insert(user.id.clone(), member.id.clone());
                accounts.push(merged(user.clone(), Some(member)));
            } else {
                doubts.ambiguous += usize::from(partner == Partner::Several);
                accounts.push(user.clone());
            }
        }
        let strangers: Vec<Account> = pairs.strangers(users).cloned().map(stranger).collect();
        doubts.strangers = strangers.len();
        let ids = strangers.iter().map(|account| account.id.clone()).collect();
        accounts.extend(strangers);
        *self.seen() = Seen { links, strangers: ids, doubts: Some(doubts) };
        accounts
    }

    /// What REST tells of a user: by the id it is known under, else by their address in the listing.
    ///
    /// Several members that could be meant are [`Kind::Ambiguous`].
    async fn member_of(&self, user: &Account, operation: &'static str) -> Result<Option<Account>> {
        let called = self.link_of(&user.id).unwrap_or_else(|| user.id.clone());
        if let Some(member) = self.rest.find(&called).await? {
            self.seen().links.insert(user.id.clone(), called);
            return Ok(Some(member));
        }
        self.member_with_address(user, operation).await
    }

    async fn member_with_address(&self, user: &Account, operation: &'static str) -> Result<Option<Account>> {
        if user.email.is_none() {
            return Ok(None);
        }
        let people = self.rest.gather(operation).await?;
        let links = self.seen().links.clone();
        match Pairs::new(std::slice::from_ref(user), &people, &links).of(user) {
            Partner::Nobody => Ok(None),
            Partner::Member(member) => {
                self.seen().links.insert(user.id.clone(), member.id.clone());
                Ok(Some(member.clone()))
            }
            Partner::Several => Err(Error::new(
                Kind::Ambiguous,
                operation,
                "several members of a Hive workspace have the address of this SCIM user: remove those that are not \
                 theirs",
            )),
        }
    }

    fn is_stranger(&self, account: &str) -> bool {
        self.seen().strangers.contains(account)
    }

    /// A member with access whom SCIM does not show.
    async fn stranger(&self, by: By<'_>, operation: &'static str) -> Result<Option<Account>> {
        let found = match by {
            By::Id(id) => self.rest.find(id).await?,
            By::Email(address) => {
                answer::with_address(operation, self.rest.gather(operation).await?.accounts, address)?
            }
        };
        let linked = |member: &Account| self.seen().links.values().any(|known| *known == member.id);
        let Some(member) = found.filter(|member| has_access(member) && !linked(member)) else {
            return Ok(None);
        };
        self.seen().strangers.insert(member.id.clone());
        Ok(Some(stranger(member)))
    }

    /// Makes sure that SCIM has a member it did not show, with what shall be changed: as everybody whom the identity
    /// provider manages.
    async fn take_up(&self, member: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let address = change.email.clone().or_else(|| member.email.clone()).ok_or_else(|| {
            Error::new(Kind::Invalid, operation, "Hive told no address of this member, and SCIM needs one")
        })?;
        if change.roles.is_some() {
            return Err(Error::unsupported(operation, "Hive gives a role with an invitation only"));
        }
        let draft = Draft {
            user_name: address.clone(),
            email: Some(address.clone()),
            external_id: change.external_id.clone().or_else(|| member.external_id.clone()),
            given_name: change.given_name.clone().or_else(|| member.given_name.clone()),
            family_name: change.family_name.clone().or_else(|| member.family_name.clone()),
            display_name: change.display_name.clone(),
            active: true,
            ..Draft::default()
        };
        let user = match self.scim.create_account(&draft).await {
            Ok(created) => created.value(),
            Err(refused) if refused.kind == Kind::Conflict => self.taken_up(&draft, &address).await?,
            Err(failed) => return Err(failed),
        };
        let user = user.ok_or_else(|| error::not_in_scim(operation, "SCIM does not show them"))?;
        let mut seen = self.seen();
        seen.strangers.remove(&member.id);
        seen.links.insert(user.id.clone(), member.id.clone());
        Ok(Outcome::Done(merged(user, Some(member))))
    }

    /// Takes somebody whom SCIM has deactivated out of the managed workspaces in which REST still shows them.
    ///
    /// The primary workspace is the one SCIM speaks for.
    async fn close_others(&self, account: &Account, operation: &'static str) -> Result<()> {
        let managed = self.rest.workspaces.managed(&self.rest.client, operation).await?;
        let [_, others @ ..] = managed else { return Ok(()) };
        if others.is_empty() {
            return Ok(());
        }
        let Some(member) = self.member_of(account, operation).await? else { return Ok(()) };
        if !matches!(member.state, Some(State::Active | State::Invited)) {
            return Ok(());
        }
        for workspace in others {
            if member.groups.as_ref().is_some_and(|inside| inside.contains(workspace)) {
                for id in self.rest.ids_in(workspace, &member.id) {
                    self.rest.client.remove(workspace, &id, operation).await?;
                }
            }
        }
        Ok(())
    }

    /// Invites with the role, which only an invitation can give, then makes sure that SCIM has the person.
    async fn create_with_role(&self, draft: &Draft, address: &str, role: &str) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let managed = self.rest.workspaces.managed(&self.rest.client, operation).await?;
        let Some(primary) = managed.first() else {
            return Err(Error::new(Kind::Forbidden, operation, "the connection manages no Hive workspace"));
        };
        let member = self.rest.client.invite(primary, address, role, operation).await?.into_account();
        let user = match self.scim.create_account(draft).await {
            Ok(created) => created.value(),
            Err(refused) if refused.kind == Kind::Conflict => self.taken_up(draft, address).await?,
            Err(failed) => return Err(error::not_in_scim(operation, &failed.message)),
        };
        let user = user.ok_or_else(|| error::not_in_scim(operation, "SCIM does not show them"))?;
        self.seen().links.insert(user.id.clone(), member.id.clone());
        let account = merged(user, Some(&member));
        Ok(if member.state == Some(State::Active) {
            Outcome::Done(account)
        } else {
            Outcome::Invited(Account { state: Some(State::Invited), ..account })
        })
    }

    /// The user SCIM has already, with what the draft says beside the address.
    async fn taken_up(&self, draft: &Draft, address: &str) -> Result<Option<Account>> {
        let lost = |failed: Error| error::not_in_scim("create_account", &failed.message);
        let Some(mut user) = self.scim.account(By::Email(address)).await.map_err(lost)? else {
            return Ok(None);
        };
        let change = Change {
            external_id: draft.external_id.clone(),
            given_name: draft.given_name.clone(),
            family_name: draft.family_name.clone(),
            ..Change::default()
        };
        if let Some(told) = self.scim.update_account(&user, &change).await.map_err(lost)?.value() {
            user.merge(told);
        }
        Ok(Some(user))
    }
}

#[async_trait]
impl Adapter for Hybrid {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One call with each credential, and the first time both listings, which tell who cannot be joined.
    async fn check(&self) -> Result<Standing> {
        let scim = self.scim.check().await?;
        let rest = self.rest.check().await?;
        if self.seen().doubts.is_none() {
            self.everybody("check").await?;
        }
        let mut warnings = [scim.warnings, rest.warnings].concat();
        if let Some(doubts) = &self.seen().doubts {
            warnings.extend(doubts.warnings());
        }
        Ok(Standing { summary: format!("SCIM {}; REST {}", scim.summary, rest.summary), warnings })
    }

    /// SCIM says whether there is somebody, REST adds the role and whether the invitation is open; of whom SCIM says
    /// nothing REST tells whether they have access all the same.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let Some(user) = self.scim.account(by).await? else { return self.stranger(by, "account").await };
        let member = self.member_of(&user, "account").await?;
        Ok(Some(merged(user, member.as_ref())))
    }

    /// Everybody in one page: the pages of SCIM, and one call a workspace.
    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        Ok(Page { items: self.everybody("accounts").await?, next: None })
    }

    /// By SCIM; with another role than SCIM gives, by an invitation first.
    ///
    /// Where SCIM fails after the invitation went out this is [`Kind::Unknown`], and the caller looks.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let address = draft.email.as_deref().unwrap_or(&draft.user_name);
        if !address.contains('@') {
            return Err(Error::new(
                Kind::Invalid,
                operation,
                "Hive creates an account for an e-mail address only",
            ));
        }
        let role = one_role(&draft.roles, self.rest.default_role, operation)?;
        if role == SCIM_ROLE {
            self.scim.create_account(draft).await
        } else {
            self.create_with_role(draft, address, role).await
        }
    }

    /// By SCIM, which gets whom it did not show.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        if self.is_stranger(&current.id) && !change.is_empty() {
            return self.take_up(current, change).await;
        }
        self.scim.update_account(current, change).await
    }

    /// By SCIM, then by REST out of the other managed workspaces, which SCIM does not speak for; by REST alone out of all
    /// of them where SCIM does not show the member.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        let operation = "deactivate";
        if self.is_stranger(&account.id) {
            return self.rest.remove(&account.id, operation).await;
        }
        let done = self.scim.deactivate(account).await?;
        if done == Outcome::Already(()) && self.scim.account(By::Id(&account.id)).await?.is_none() {
            return self.rest.remove(&account.id, operation).await;
        }
        self.close_others(account, operation).await?;
        Ok(done)
    }

    /// By SCIM, which gets whom it did not show.
    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if self.is_stranger(&account.id) {
            return self.take_up(account, &Change::default()).await;
        }
        self.scim.reactivate(account).await
    }

    /// Deactivates by SCIM, then takes the membership of every managed workspace by REST. Hive deletes no account.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let operation = "delete_account";
        let off = self.scim.deactivate(account).await?;
        let called = self.link_of(&account.id).unwrap_or_else(|| account.id.clone());
        let mut out = self.rest.remove(&called, operation).await?;
        if out == Outcome::Already(())
            && let Some(member) = self.member_with_address(account, operation).await?
        {
            out = self.rest.remove(&member.id, operation).await?;
        }
        self.seen().links.remove(&account.id);
        Ok(if out == Outcome::Already(()) { off } else { out })
    }

    /// Those of SCIM.
    fn groups(&self) -> Option<&dyn Groups> {
        Adapter::groups(&self.scim)
    }
}

fn has_access(member: &Account) -> bool {
    member.state != Some(State::Inactive)
}

/// A member as an account of this mode, whose groups are those of SCIM.
fn stranger(member: Account) -> Account {
    Account { groups: None, ..member }
}

impl Doubts {
    fn warnings(&self) -> Vec<String> {
        let ambiguous = (self.ambiguous > 0).then(|| {
            format!(
                "{} SCIM users could each be several members of a workspace: their roles are not told, and they are \
                 refused until one member has the address",
                self.ambiguous
            )
        });
        let strangers = (self.strangers > 0).then(|| {
            format!(
                "{} members of managed workspaces are not in SCIM: they are listed, and get into SCIM with the first \
                 change of theirs",
                self.strangers
            )
        });
        ambiguous.into_iter().chain(strangers).collect()
    }
}
