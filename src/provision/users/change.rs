//! Replace, patch and delete: what a request makes of the resource that stands.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::adoption::refuse_other_address;
use super::super::connection::Connection;
use super::super::plan::{self, Access};
use super::super::policy::Idp;
use super::super::standing::Person;
use super::super::{Preconditions, Result, Shown, View};
use super::{Aim, Under, check, drop_unchanged_by_policy, not_found, wants_access};
use crate::base::lane::Lane;
use crate::contract::{self, Capabilities, Roles};
use crate::scim::decode;
use crate::scim::extension::{self, Write};
use crate::scim::patch::{Options, Patch};
use crate::scim::project::Written;
use crate::scim::schema::ResourceKind;

/// See [`Connection::approach`].
type Approached = (Person, Option<(i64, Aim)>, Option<contract::Error>);

impl Connection {
    /// Replaces a person (RFC 7644 §3.5.1). What is read-only and echoed back is ignored; an absent `active` stays.
    pub(in crate::provision) async fn replace_user(
        self: &Arc<Self>,
        id: &str,
        body: Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let catalog = Arc::clone(&self.catalog);
        let desired = decode::decode(&body, &catalog.user)?;
        let written = Written::by_body(&desired);
        let change = move |shown: &Value| {
            let mut desired = desired.clone();
            if desired.get("active").is_none() {
                desired["active"] = shown["active"].clone();
            }
            extension::settle(shown, &mut desired, Write::Replace, &catalog.user)?;
            Ok(desired)
        };
        self.change_user(id, (view, &written), when, change).await
    }

    /// Patches a person (RFC 7644 §3.5.2).
    pub(in crate::provision) async fn patch_user(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let catalog = Arc::clone(&self.catalog);
        let patch = Patch::parse(body, &catalog.user)?;
        let written = Written::by_patch(&patch);
        let options = Options { replace_creates_missing: self.policy.idp != Idp::Generic };
        let change = move |shown: &Value| {
            let mut resource = shown.clone();
            patch.apply(&mut resource, &options)?;
            let mut desired = decode::decode(&resource, &catalog.user)?;
            extension::settle(shown, &mut desired, Write::Patch, &catalog.user)?;
            Ok(desired)
        };
        self.change_user(id, (view, &written), when, change).await
    }

    /// The person a request is about, what is still under way there, and what the look at the app failed with.
    ///
    /// `leaves` is whether nobody is to be told that the person is out before the app was looked at. The caller holds
    /// the person's turn.
    async fn approach(&self, id: &str, when: &Preconditions, leaves: bool) -> Result<Approached> {
        let mut person = self.person(id).await?;
        check(when, person.record.version)?;
        self.refuse_take_over(&person)?;
        let open = self.work_left_open(&mut person).await?;
        // What is changed is what stands in the app now, not what stood a while ago, or before work that is under way.
        let is_out = leaves && plan::access(&person, self.capabilities()) != Access::Open;
        let in_doubt = open.is_some() || self.unwritten.holds(id);
        let doubt = self.look_again(&mut person, is_out || in_doubt).await?;
        Ok((person, open, doubt))
    }

    async fn change_user<C>(
        self: &Arc<Self>,
        id: &str,
        (view, written): (&View, &Written),
        when: &Preconditions,
        change: C,
    ) -> Result<Shown>
    where
        C: Fn(&Value) -> crate::scim::error::Result<Value> + Send + Sync + 'static,
    {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let (asks_for, _) = this.lane_of_change(&id, &change).await?;
            let turn = asks_for.scope(this.turn(&id)).await?;
            // Whoever was at work on the person may have given the access only now.
            let (lane, leaves) = this.lane_of_change(&id, &change).await?;
            this.refuse_overtaken(&turn, lane)?;
            let (mut person, open, doubt) = lane.scope(this.approach(&id, &when, leaves)).await?;
            let mut asked = person.clone();
            if let Some((_, aim)) = &open {
                asked.desired.clone_from(&aim.desired);
            }
            let mut shown = this.show_user(&asked, None);
            // Nobody gets access from a request that does not speak of it: what a person does not have, or loses by
            // work still under way, stays away.
            let stands = person.standing.active
                && wants_access(&person.desired)
                && open.as_ref().is_none_or(|(_, aim)| aim.wants_access());
            shown["active"] = json!(stands);
            let mut desired = change(&shown)?;
            drop_the_other_word_for_the_role(this.capabilities(), &shown, &mut desired);
            drop_unchanged_by_policy(&this, &person, &mut desired);
            refuse_other_address(&person, &desired)?;
            let (generation, before) = open.map_or((0, None), |(generation, aim)| (generation, Some(aim)));
            let before = before.filter(|aim| aim.deleted && !wants_access(&desired));
            let deleted = before.is_some();
            let aim = Aim { desired, deleted, held: before.and_then(|aim| aim.held) };
            // Who takes the access away knows of it; who may have given it does once this answer is heard.
            person.standing.unacknowledged_at.take_if(|_| !aim.wants_access());
            let person = lane.scope(this.reach(person, doubt, Under::New(generation), aim)).await?;
            if deleted { Err(not_found(ResourceKind::User)) } else { Ok(person) }
        };
        let person = self.carry(Lane::Update, work).await?;
        let shown = self.shown_person(&person, view, written).await?;
        if person.standing.unacknowledged_at.is_some() {
            let this = Arc::clone(self);
            self.shared.tracker.spawn(async move { this.acknowledge(&person.record.id).await });
        }
        Ok(shown)
    }

    /// The lane of a change, before anything was looked at: the first where it takes away access that stands, as far
    /// as the store knows. And whether it leaves the person without access.
    async fn lane_of_change(
        &self,
        id: &str,
        change: impl Fn(&Value) -> crate::scim::error::Result<Value>,
    ) -> Result<(Lane, bool)> {
        let person = self.person(id).await?;
        let stands = person.standing.active || person.was_wanted() || person.standing.is_in_doubt();
        let mut shown = self.show_user(&person, None);
        shown["active"] = json!(true);
        // What is wrong with it is told once it is looked at in earnest.
        let leaves = change(&shown).is_ok_and(|desired| !wants_access(&desired));
        Ok((if stands && leaves { Lane::Leave } else { Lane::Update }, leaves))
    }

    /// Deletes a person as the policy says; the resource is gone for callers once the app has confirmed.
    pub(in crate::provision) async fn delete_user(
        self: &Arc<Self>,
        id: &str,
        when: &Preconditions,
    ) -> Result<()> {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turn(&id).await?;
            let (mut person, open, doubt) = this.approach(&id, &when, true).await?;
            person.standing.unacknowledged_at = None;
            let (generation, desired, held) = match open {
                // What was weighed when it was asked for first is not weighed again.
                Some((generation, aim)) => (generation, aim.desired, aim.held.filter(|_| aim.deleted)),
                None => (0, person.desired.clone(), None),
            };
            let aim = Aim { desired, deleted: true, held };
            this.reach(person, doubt, Under::New(generation), aim).await.map(|_| ())
        };
        self.carry(Lane::Leave, work).await
    }
}

/// Where an app's roles are fixed both `roles` and a `userType` say the role: where a request changes one of them, the
/// other, which only repeats what stood before, is dropped.
fn drop_the_other_word_for_the_role(capabilities: &Capabilities, shown: &Value, desired: &mut Value) {
    let Roles::Fixed(fixed) = capabilities.roles else { return };
    let is_role = |kind: Option<&Value>| {
        kind.and_then(Value::as_str)
            .is_some_and(|kind| fixed.iter().any(|role| role.eq_ignore_ascii_case(kind)))
    };
    let changed =
        |attribute: &str| desired.get(attribute).is_some_and(|asked| Some(asked) != shown.get(attribute));
    let both_are_words = is_role(desired.get("userType"));
    let (roles, user_type) = (changed("roles"), changed("userType"));
    let Some(object) = desired.as_object_mut().filter(|_| both_are_words) else { return };
    match (roles, user_type) {
        (true, false) => object.shift_remove("userType"),
        (false, true) => object.shift_remove("roles"),
        (true, true) | (false, false) => None,
    };
}
