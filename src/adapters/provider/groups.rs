//! The groups of a service provider, in the words of the treaty.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Provider;
use super::accounts::patch_body;
use super::learnt::Flag;
use super::profile::{GroupProfile, MemberForm, Offer};
use super::told::{self, Resource};
use super::user::writable;
use super::wire::{self, Refused, Told, quoted};
use crate::adapters::answer;
use crate::contract::{Account, Error, Group, Groups, Kind, Member, Outcome, Result};
use crate::upstream::{Request, segment};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// People to come or to go.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    operation: &'static str,
    accounts: &'a [&'a str],
    add: bool,
}

impl Step<'_> {
    /// Whether a group is so already.
    fn is_done(&self, group: &Resource) -> bool {
        let members = members_of(group);
        self.accounts.iter().all(|account| members.iter().any(|member| member == account) == self.add)
    }
}

fn group_path(id: &str) -> String {
    format!("/Groups/{}", segment(id))
}

/// The ids of the people in a group; groups in it are passed over.
fn members_of(group: &Resource) -> Vec<String> {
    let is_person = |member: &&Value| {
        let kind = told::part(member, "type").and_then(Value::as_str);
        kind.is_none_or(|kind| !kind.eq_ignore_ascii_case("Group"))
    };
    told::values(group, "members").into_iter().filter(is_person).filter_map(told::value_of).collect()
}

/// `members` is `None` where it is not told: some leave it out of a listing.
fn group(operation: &'static str, told: &Resource) -> Result<Group> {
    let named = || Some((told::text_of(told, "id")?, told::text_of(told, "displayName")?));
    let (id, name) = named().ok_or_else(|| {
        Error::new(Kind::Unexpected, operation, "a group was told without `id` or `displayName`")
    })?;
    let members = told::attribute(told, "members").map(|_| members_of(told));
    Ok(Group { id, name, members })
}

impl Provider {
    fn group_profile(&self, operation: &'static str) -> Result<GroupProfile> {
        self.profile
            .groups
            .ok_or_else(|| Error::unsupported(operation, format!("`{}` has no groups", self.profile.app)))
    }

    fn cannot(&self, operation: &'static str) -> Error {
        Error::unsupported(operation, format!("`{}` has no call for this", self.profile.app))
    }

    /// Refuses what is not offered, or was found not to be.
    fn require(&self, operation: &'static str, offer: Offer, missing: &Flag) -> Result<()> {
        if offer == Offer::No || missing.is_set() { Err(self.cannot(operation)) } else { Ok(()) }
    }

    /// What a refusal means of a call that nobody promised, about something known to be there.
    fn judged(&self, refused: Refused, offer: Offer, missing: &Flag) -> Error {
        let is_no_call = match offer {
            Offer::Try => refused.is_no_call() || refused.is_immutable(),
            Offer::No | Offer::Yes => refused.is_certain(),
        };
        if !is_no_call {
            return refused.into();
        }
        if offer == Offer::Try {
            missing.set();
        }
        self.cannot(refused.error.operation)
    }

    /// One group with its members; from the listing where it cannot be asked for.
    async fn group(&self, operation: &'static str, id: &str) -> Result<Option<Told>> {
        let offer = self.group_profile(operation)?.by_id;
        let missing = &self.learnt.no_group_by_id;
        let mut suspect = false;
        if offer != Offer::No && !missing.is_set() {
            match self.client.read(operation, group_path(id), id).await {
                Ok(None) if offer == Offer::Try => suspect = true,
                Ok(told) => return Ok(told),
                Err(refused) if offer == Offer::Try && refused.is_certain() => missing.set(),
                Err(refused) => return Err(refused.into()),
            }
        }
        let groups = self.everything("/Groups", operation).await?;
        let found = groups.into_iter().find(|group| told::text_of(group, "id").as_deref() == Some(id));
        if suspect && found.is_some() {
            missing.set();
        }
        Ok(found.map(|resource| Told { version: told::version(&resource, None), resource }))
    }

    fn no_group(&self, operation: &'static str) -> Error {
        Error::new(Kind::NotFound, operation, format!("`{}` has no such group", self.profile.app))
    }

    /// Brings people in or out by one request, in the first form that is understood.
    ///
    /// The group is read only where a whole group is written, where a version is asked for, and after a refusal: it may
    /// be so already, or there may be no such group.
    async fn move_members(&self, group: &str, step: Step<'_>) -> Result<Outcome<()>> {
        let forms = self.group_profile(step.operation)?.members;
        let learnt = self.learnt.member_form.get();
        let (mut known, mut first) = (None, None);
        for (at, form) in forms.iter().enumerate().skip(learnt) {
            // Both forms of a PATCH add members in the same words.
            if step.add && first.is_some() && *form != MemberForm::Put {
                continue;
            }
            match self.move_in_form(group, known.clone(), *form, step).await {
                Ok(outcome) => {
                    self.learnt.member_form.set(at);
                    return Ok(outcome);
                }
                Err(refused) if refused.is_about_form() => {
                    if known.is_none() {
                        known = self.group(step.operation, group).await?;
                    }
                    match &known {
                        None if step.add => return Err(self.no_group(step.operation)),
                        None => return Ok(Outcome::Already(())),
                        Some(known) if step.is_done(&known.resource) => return Ok(Outcome::Already(())),
                        Some(_) => drop(first.get_or_insert(refused)),
                    }
                }
                Err(refused) => return Err(refused.into()),
            }
        }
        Err(first.map_or_else(
            || self.cannot(step.operation),
            |refused| self.judged(refused, Offer::Yes, &Flag::default()),
        ))
    }

    async fn move_in_form(
        &self,
        group: &str,
        mut known: Option<Told>,
        form: MemberForm,
        step: Step<'_>,
    ) -> std::result::Result<Outcome<()>, Refused> {
        let mut again = true;
        loop {
            if known.is_none() && (form == MemberForm::Put || !again) {
                known = self.group(step.operation, group).await.map_err(Refused::of_answer)?;
                match &known {
                    None if step.add => return Err(Refused::of_answer(self.no_group(step.operation))),
                    None => return Ok(Outcome::Already(())),
                    Some(_) => {}
                }
            }
            if known.as_ref().is_some_and(|known| step.is_done(&known.resource)) {
                return Ok(Outcome::Already(()));
            }
            let version = known.as_ref().and_then(|known| known.version.clone());
            let request = request(group, known.as_ref(), form, step).if_match(version);
            let response = match self.client.send(step.operation, request).await {
                Err(refused) if refused.is_version() && again => {
                    (again, known) = (false, None);
                    continue;
                }
                sent => sent?,
            };
            let told = wire::told_of_change(step.operation, &response).map_err(Refused::of_answer)?;
            self.confirm(group, &told, form, step).await.map_err(Refused::of_answer)?;
            return Ok(Outcome::Done(()));
        }
    }

    /// An answer that shows the members is held to it. One that does not is believed, save a removal with a value, which
    /// RFC 7644 §3.5.2.2 lets empty the whole group: that is read back.
    async fn confirm(&self, id: &str, told: &Resource, form: MemberForm, step: Step<'_>) -> Result<()> {
        let is_done = if told::attribute(told, "members").is_some() {
            step.is_done(told)
        } else if form == MemberForm::Value && !step.add {
            let read = self.group(step.operation, id).await?;
            read.is_none_or(|read| step.is_done(&read.resource))
        } else {
            true
        };
        if is_done {
            return Ok(());
        }
        let message = format!("`{}` took the change of a group and did not make it", self.profile.app);
        Err(Error::new(Kind::Unexpected, step.operation, message))
    }
}

fn request(id: &str, known: Option<&Told>, form: MemberForm, step: Step<'_>) -> Request {
    let named: Vec<Value> = step.accounts.iter().map(|account| json!({ "value": account })).collect();
    let patch = |operations: &[Value]| Request::patch(group_path(id)).json(patch_body(operations));
    match (form, step.add) {
        (MemberForm::Path | MemberForm::Value, true) => {
            patch(&[json!({ "op": "add", "path": "members", "value": named })])
        }
        (MemberForm::Path, false) => {
            let members = known.map(|known| members_of(&known.resource));
            let inside = |account: &&&str| {
                members.as_ref().is_none_or(|members| members.iter().any(|member| member == **account))
            };
            let operation = |account: &&str| json!({ "op": "remove", "path": format!("members[value eq {}]", quoted(account)) });
            patch(&step.accounts.iter().filter(inside).map(operation).collect::<Vec<_>>())
        }
        (MemberForm::Value, false) => patch(&[json!({ "op": "remove", "path": "members", "value": named })]),
        (MemberForm::Put, add) => {
            let resource = known.map(|known| known.resource.clone()).unwrap_or_default();
            let is_named = |member: &Value| {
                told::value_of(member).is_some_and(|id| step.accounts.contains(&id.as_str()))
            };
            let mut members: Vec<Value> = told::values(&resource, "members")
                .into_iter()
                .filter(|member| !is_named(member))
                .map(|member| {
                    if member.is_object() {
                        member.clone()
                    } else {
                        json!({ "value": told::value_of(member) })
                    }
                })
                .collect();
            if add {
                members.extend(named);
            }
            put(id, &resource, "members", json!(members))
        }
    }
}

/// The whole group as it was read, with one attribute changed.
fn put(id: &str, known: &Resource, attribute: &str, value: Value) -> Request {
    let mut group = writable(known);
    if told::attribute(&group, "schemas").is_none() {
        group.insert("schemas".to_owned(), json!([GROUP]));
    }
    told::set(&mut group, attribute, value);
    Request::put(group_path(id)).json(Value::Object(group))
}

#[async_trait]
impl Groups for Provider {
    async fn groups(&self) -> Result<Vec<Group>> {
        let operation = "groups";
        self.group_profile(operation)?;
        self.everything("/Groups", operation).await?.iter().map(|told| group(operation, told)).collect()
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let operation = "members";
        let told = self.group(operation, group).await?.ok_or_else(|| self.no_group(operation))?;
        Ok(members_of(&told.resource))
    }

    /// One request; whoever is in the group already is not told from who came in.
    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let step = Step { operation: "add_member", accounts: &[&member.account], add: true };
        Ok(self.move_members(group, step).await?.map(|()| None))
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let step = Step { operation: "remove_member", accounts: &[&member.account], add: false };
        Ok(self.move_members(group, step).await?.map(|()| None))
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let accounts: Vec<&str> = members.iter().map(|member| member.account.as_str()).collect();
        self.move_members(group, Step { operation: "add_members", accounts: &accounts, add: true }).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let accounts: Vec<&str> = members.iter().map(|member| member.account.as_str()).collect();
        self.move_members(group, Step { operation: "remove_members", accounts: &accounts, add: false }).await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        let operation = "create_group";
        let (offer, missing) = (self.group_profile(operation)?.create, &self.learnt.no_group_create);
        self.require(operation, offer, missing)?;
        let body = json!({ "schemas": [GROUP], "displayName": name });
        let sent = self.client.send(operation, Request::post("/Groups").json(body)).await;
        let response = sent.map_err(|refused| self.judged(refused, offer, missing))?;
        let told: Resource = answer::json_of_create(operation, &response)?;
        let id = told::text_of(&told, "id").ok_or_else(|| {
            let message = format!("`{}` created a group and did not say its `id`", self.profile.app);
            Error::new(Kind::Unknown, operation, message)
        })?;
        let name = told::text_of(&told, "displayName").unwrap_or_else(|| name.to_owned());
        Ok(Outcome::Done(Group { id, name, members: Some(members_of(&told)) }))
    }

    /// One request. The group is read only where the whole of it is written, where a version is asked for, and after a
    /// refusal: it may be called so already, or there may be no such group.
    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        let operation = "rename_group";
        let profile = self.group_profile(operation)?;
        let (offer, missing) = (profile.rename, &self.learnt.no_group_rename);
        self.require(operation, offer, missing)?;
        let is_put = profile.members.iter().all(|form| *form == MemberForm::Put);
        let read = async || self.group(operation, group).await?.ok_or_else(|| self.no_group(operation));
        let is_named = |known: &Told| told::text_of(&known.resource, "displayName").as_deref() == Some(name);
        let mut known = if is_put { Some(read().await?) } else { None };
        let mut again = true;
        loop {
            if known.as_ref().is_some_and(is_named) {
                return Ok(Outcome::Already(()));
            }
            let request = match &known {
                Some(known) if is_put => put(group, &known.resource, "displayName", json!(name)),
                _ => {
                    let operation = json!({ "op": "replace", "path": "displayName", "value": name });
                    Request::patch(group_path(group)).json(patch_body(&[operation]))
                }
            };
            let version = known.as_ref().and_then(|known| known.version.clone());
            match self.client.send(operation, request.if_match(version)).await {
                Ok(_) => return Ok(Outcome::Done(())),
                Err(refused) if refused.is_version() && again => {
                    again = false;
                    known = Some(read().await?);
                }
                Err(refused) if known.is_none() && refused.is_about_form() => {
                    let is_so = is_named(&read().await?);
                    return if is_so {
                        Ok(Outcome::Already(()))
                    } else {
                        Err(self.judged(refused, offer, missing))
                    };
                }
                Err(refused) => return Err(self.judged(refused, offer, missing)),
            }
        }
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        let operation = "delete_group";
        let (offer, missing) = (self.group_profile(operation)?.delete, &self.learnt.no_group_delete);
        self.require(operation, offer, missing)?;
        match self.client.send(operation, Request::delete(group_path(group))).await {
            Ok(_) => Ok(Outcome::Done(())),
            Err(refused) if refused.is_no_call() && !refused.is_certain() => {
                // Where nobody says that there is such a call, 404 may be about the call.
                let stands = offer == Offer::Try && self.group(operation, group).await?.is_some();
                if stands { Err(self.judged(refused, offer, missing)) } else { Ok(Outcome::Already(())) }
            }
            Err(refused) => Err(self.judged(refused, offer, missing)),
        }
    }
}
