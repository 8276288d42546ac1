//! How a record looks to a caller: what was asked for, what the app says otherwise, and what the gateway knows.

use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::mapping;
use super::standing::{About, Invitation, Person};
use super::{Shown, View};
use crate::base::clock::Timestamp;
use crate::contract::{Create, Held, State};
use crate::scim::error::Result;
use crate::scim::etag;
use crate::scim::extension;
use crate::scim::project::{Projection, Written};
use crate::scim::schema::{GATEWAY_USER, ResourceKind, ResourceType};
use crate::store::{Kind, Record, Reference};

impl Connection {
    /// `meta.location` of a resource.
    pub(super) fn location(&self, kind: ResourceKind, id: &str) -> String {
        format!("{}{}/{id}", self.base_url(), kind.endpoint())
    }

    /// The whole resource of a person. `listed_at` is when the last complete listing of the app ended.
    pub(super) fn show_user(&self, person: &Person, listed_at: Option<Timestamp>) -> Value {
        let capabilities = self.capabilities();
        let mut body = person.desired.clone();
        if let Some(observed) = &person.observed {
            mapping::overlay(&mut body, observed, capabilities);
        }
        let (mut body, mut schemas) = fitting(body, &self.catalog.user);
        schemas.push(json!(GATEWAY_USER));
        let shadowed = mapping::shadowed(&person.desired, self.capabilities());
        let has_roles = capabilities.accounts.roles == Held::Tried
            && person.observed.as_ref().is_some_and(|account| account.roles.is_some());
        let is_taken = |name: &str| has_roles && ["roles", "userType"].contains(&name);
        let shadowed: Vec<String> = shadowed
            .into_iter()
            .filter(|name| (!name.contains(':') || body.contains_key(name)) && !is_taken(name))
            .collect();
        body.shift_remove("schemas");
        let mut resource = Map::new();
        resource.insert("schemas".to_owned(), Value::Array(schemas));
        resource.insert("id".to_owned(), json!(person.record.id));
        resource.extend(body);
        // Who was read back as out stays so while the record cannot be written.
        let active = person.standing.active && !self.unwritten.holds(&person.record.id);
        resource.insert("active".to_owned(), json!(active));
        if !person.record.groups.is_empty() {
            let groups = person.record.groups.iter().map(|group| self.group_reference(group)).collect();
            resource.insert("groups".to_owned(), Value::Array(groups));
        }
        resource.insert(GATEWAY_USER.to_owned(), self.gateway_extension(person, &shadowed, listed_at));
        resource.insert("meta".to_owned(), self.meta(ResourceKind::User, &person.record));
        Value::Object(resource)
    }

    /// The whole resource of a group; `members` is left out where they were not read.
    pub(super) fn show_group(&self, record: &Record, members: Option<&[Reference]>) -> Value {
        let body = serde_json::from_str(&record.desired).unwrap_or_else(|_| json!({}));
        let (mut body, schemas) = fitting(body, &self.catalog.group);
        body.shift_remove("schemas");
        let mut resource = Map::new();
        resource.insert("schemas".to_owned(), Value::Array(schemas));
        resource.insert("id".to_owned(), json!(record.id));
        resource.extend(body);
        if let Some(members) = members {
            let members = members.iter().map(|member| self.member_reference(member)).collect();
            resource.insert("members".to_owned(), Value::Array(members));
        }
        resource.insert("meta".to_owned(), self.meta(ResourceKind::Group, record));
        Value::Object(resource)
    }

    /// A resource after projection, with its location and entity tag.
    pub(super) fn shown(
        &self,
        kind: ResourceKind,
        record: &Record,
        resource: Value,
        (view, written): (&View, &Written),
    ) -> Result<Shown> {
        let (attributes, excluded) = (view.attributes.as_deref(), view.excluded.as_deref());
        let projection = Projection::parse_after(attributes, excluded, self.catalog.of(kind), written)?;
        Ok(Shown {
            resource: projection.apply(resource),
            location: self.location(kind, &record.id),
            etag: etag::weak(record.version),
        })
    }

    /// What a caller wants to see of a resource.
    pub(super) fn projection(&self, kind: ResourceKind, view: &View) -> Result<Projection> {
        Projection::parse(view.attributes.as_deref(), view.excluded.as_deref(), self.catalog.of(kind))
    }

    pub(super) fn meta(&self, kind: ResourceKind, record: &Record) -> Value {
        json!({
            "resourceType": kind.name(),
            "created": record.created_at.to_string(),
            "lastModified": record.modified_at.to_string(),
            "location": self.location(kind, &record.id),
            "version": etag::weak(record.version),
        })
    }

    fn group_reference(&self, group: &Reference) -> Value {
        json!({
            "value": group.id,
            "$ref": self.location(ResourceKind::Group, &group.id),
            "display": group.label,
            "type": "direct",
        })
    }

    /// A member as the group shows it.
    pub(super) fn member_reference(&self, member: &Reference) -> Value {
        let kind = match member.kind {
            Kind::User => ResourceKind::User,
            Kind::Group => ResourceKind::Group,
        };
        json!({
            "value": member.id,
            "$ref": self.location(kind, &member.id),
            "display": member.label,
            "type": kind.name(),
        })
    }

    fn gateway_extension(&self, person: &Person, shadowed: &[String], listed_at: Option<Timestamp>) -> Value {
        let capabilities = self.capabilities();
        let standing = &person.standing;
        let mut extension = Map::new();
        extension.insert("app".to_owned(), json!(capabilities.app));
        if let Some(account) = &person.record.account {
            extension.insert("accountId".to_owned(), json!(account));
        }
        let invites = matches!(capabilities.create, Create::Invite | Create::Task);
        // Where an account is there at once, some may come by an invitation all the same.
        if invites || standing.invitation != Invitation::None {
            extension.insert("invitationStatus".to_owned(), json!(standing.invitation.as_str()));
        }
        extension.insert("fulfilment".to_owned(), json!(capabilities.fulfilment));
        let first = [About::Remove, About::Invite, About::Role(String::new())];
        if let Some(waiting) = first.iter().find_map(|about| standing.waits_for(about)) {
            extension.insert("fulfilmentState".to_owned(), json!("pending"));
            extension.insert("ticketId".to_owned(), json!(waiting.ticket));
        } else {
            let state = if standing.unconfirmed_at.is_some() { "pending" } else { "done" };
            extension.insert("fulfilmentState".to_owned(), json!(state));
        }
        if standing.unconfirmed_at.is_some() {
            extension.insert("pendingDeactivation".to_owned(), json!(true));
        }
        for waiting in &standing.waiting {
            match &waiting.about {
                About::Invite => None,
                About::Remove => extension.insert("pendingDeactivation".to_owned(), json!(true)),
                About::Role(role) => extension.insert("desiredRole".to_owned(), json!(role)),
            };
        }
        extension.insert("residualAccess".to_owned(), json!(!standing.residual.is_empty()));
        if !standing.residual.is_empty() {
            extension.insert("residual".to_owned(), json!(standing.residual));
        }
        if !shadowed.is_empty() {
            extension.insert("shadowed".to_owned(), json!(shadowed));
        }
        if let Some(role) = person.observed.as_ref().and_then(|account| account.roles.as_ref()?.first()) {
            extension.insert("upstreamRole".to_owned(), json!(role.value));
        }
        // A listing tells about every account that is in it.
        let listed = listed_at.filter(|_| person.record.account.is_some());
        if let Some(at) = person.record.observed_at.max(listed) {
            extension.insert("lastObserved".to_owned(), json!(at.to_string()));
        }
        Value::Object(extension)
    }
}

/// The attributes of a stored resource that its schemas still know, and the URNs of those schemas.
fn fitting(stored: Value, resource_type: &ResourceType) -> (Map<String, Value>, Vec<Value>) {
    let Value::Object(mut body) = stored else { return (Map::new(), vec![json!(resource_type.core.id)]) };
    extension::fit(&mut body, resource_type);
    let there = resource_type.extensions.iter().filter(|schema| body.contains_key(&schema.id));
    let schemas = std::iter::once(&resource_type.core).chain(there).map(|schema| json!(schema.id)).collect();
    (body, schemas)
}

/// Where the invitation of an account stands, seeing what it was and what the app says now.
pub(super) fn invitation(before: Invitation, state: State) -> Invitation {
    match (before, state) {
        // What was given up is not pending again for being shown still.
        (Invitation::Expired, State::Invited) => Invitation::Expired,
        (_, State::Invited) => Invitation::Pending,
        (Invitation::Pending | Invitation::Accepted | Invitation::Expired, State::Active) => {
            Invitation::Accepted
        }
        (Invitation::None, State::Active) | (_, State::Inactive) => Invitation::None,
    }
}
