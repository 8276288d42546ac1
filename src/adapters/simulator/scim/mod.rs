//! A SCIM 2.0 server for the simulated apps that have one: routes, lists, PATCH and errors around an app's state.
//!
//! It is written from RFC 7643 and RFC 7644 alone and is strict where they are, so that a client that is lenient
//! with itself is found out. What it offers is what the app's guide claims ([`Offer`]); how far it strays from the
//! RFC is a matter of switches ([`Mode`]).

mod directory;
mod draft;
mod groups;
mod list;
mod mode;
mod patch;
mod path;
mod problem;
mod schema;
mod show;
#[cfg(test)]
pub(crate) mod suite;
mod users;

use serde_json::{Map, Value};

pub use self::directory::{Directory, Group, GroupDraft, User, UserDraft};
pub use self::mode::{AbsentValue, ActiveChange, Filtering, Mode, Paging, Patching, TotalResults};
pub use self::problem::{Problem, refused};
use self::schema::Schema;
use self::show::Frame;
use super::app::Plan;
use super::call::{Answer, Call};

/// One of the four places a SCIM client works at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Users,
    User,
    Groups,
    Group,
}

/// What an app's SCIM server offers.
#[derive(Debug)]
pub struct Offer {
    /// The credential that opens it, and nothing else of the app.
    pub token: &'static str,
    /// What the detail of a 401 calls the app's other credentials: `an API key`.
    pub other_credential: &'static str,
    /// What the customer must have bought.
    pub plan: &'static str,
    /// Whether single sign-on must be on.
    pub needs_sso: bool,
    /// Methods and places the guide claims.
    pub routes: &'static [(&'static str, Place)],
    /// Whether a group can be renamed.
    pub group_rename: bool,
    /// Whether both names are required.
    pub names_required: bool,
    /// Whether `displayName` is a field of its own; otherwise it is made from the names and read-only.
    pub own_display_name: bool,
}

/// One request to the server, and what the app is like at that moment.
#[derive(Debug)]
pub struct Visit<'a> {
    pub offer: &'a Offer,
    pub call: &'a Call,
    pub mode: Mode,
    pub plan: Plan,
    /// Whether the credential opens another door of the app.
    pub known_elsewhere: bool,
}

/// Whether a request is for the SCIM server of an app.
#[must_use]
pub fn is_for(call: &Call) -> bool {
    matches!(call.route().1.as_slice(), ["scim", "v2", ..])
}

impl Visit<'_> {
    /// Answers; `directory` is changed only where the answer says so.
    pub fn answer(&self, directory: &mut dyn Directory) -> Answer {
        self.answered(directory).unwrap_or_else(|problem| problem.answer())
    }

    fn answered(&self, directory: &mut dyn Directory) -> Result<Answer, Problem> {
        self.admit()?;
        let (method, path) = self.call.route();
        let (place, id) = match path.as_slice() {
            [_, _, "Users"] => (Place::Users, ""),
            [_, _, "Users", id] if !id.is_empty() => (Place::User, *id),
            [_, _, "Groups"] => (Place::Groups, ""),
            [_, _, "Groups", id] if !id.is_empty() => (Place::Group, *id),
            [_, _, "ServiceProviderConfig" | "ResourceTypes" | "Schemas" | "Me" | "Bulk" | ".search", ..] => {
                return Err(self.unclaimed());
            }
            _ => return Err(Problem::new(404, "There is no such endpoint")),
        };
        self.require_route(method, place)?;
        if method == "PATCH" {
            self.require_patch()?;
        }
        match (method, place) {
            ("GET", Place::Users) => users::list(self, directory),
            ("POST", Place::Users) => users::create(self, directory),
            ("GET", Place::User) => users::read(self, directory, id),
            ("DELETE", Place::User) => users::delete(self, directory, id),
            (_, Place::User) => users::change(self, directory, id),
            ("GET", Place::Groups) => groups::list(self, directory),
            ("POST", Place::Groups) => groups::create(self, directory),
            ("GET", Place::Group) => groups::read(self, directory, id),
            ("DELETE", Place::Group) => groups::delete(self, directory, id),
            (_, Place::Group) => groups::change(self, directory, id),
            _ => Err(self.unclaimed()),
        }
    }

    /// 401 without the token, 403 where the customer has not bought or not set up what SCIM needs.
    fn admit(&self) -> Result<(), Problem> {
        let offer = self.offer;
        if self.call.bearer() != Some(offer.token) {
            let detail = if self.known_elsewhere {
                format!("This is {}, not the SCIM token", offer.other_credential)
            } else {
                "The SCIM token is missing or not valid".to_owned()
            };
            return Err(Problem::new(401, detail));
        }
        if !self.plan.scim {
            return Err(Problem::new(403, format!("SCIM needs the {}", offer.plan)));
        }
        if offer.needs_sso && !self.plan.sso {
            return Err(Problem::new(403, "SCIM needs single sign-on to be set up and enabled"));
        }
        Ok(())
    }

    fn require_route(&self, method: &str, place: Place) -> Result<(), Problem> {
        let standard: &[&str] = match place {
            Place::Users | Place::Groups => &["GET", "POST"],
            Place::User | Place::Group => &["GET", "PUT", "PATCH", "DELETE"],
        };
        if !standard.contains(&method) {
            return Err(Problem::new(405, format!("{method} is not allowed here")));
        }
        if self.mode.unclaimed_routes || self.offer.routes.contains(&(method, place)) {
            return Ok(());
        }
        Err(self.unclaimed())
    }

    fn require_patch(&self) -> Result<(), Problem> {
        match self.mode.patch {
            Patching::Resource | Patching::NoContent => Ok(()),
            Patching::NotImplemented => Err(Problem::new(501, "PATCH is not implemented")),
            Patching::NotAllowed => Err(Problem::new(405, "PATCH is not allowed here")),
        }
    }

    fn unclaimed(&self) -> Problem {
        Problem::new(self.mode.unclaimed_status, "This endpoint is not supported")
    }

    fn user_schema(&self) -> &'static Schema {
        if self.offer.own_display_name { &schema::USER } else { &schema::USER_WITHOUT_DISPLAY_NAME }
    }

    fn frame(&self) -> Frame {
        Frame::of(self.call, self.mode.etags)
    }

    /// Shows every attribute, whatever was asked for.
    fn whole(&self) -> Frame {
        Frame::whole(self.call, self.mode.etags)
    }

    /// The body of a write: 415 for a media type that is no JSON of ours, 400 `invalidSyntax` for no object.
    fn body(&self) -> Result<Map<String, Value>, Problem> {
        if !["application/scim+json", "application/json"].contains(&self.call.content_type().as_str()) {
            return Err(Problem::new(415, "The content type must be application/scim+json"));
        }
        let syntax = || Problem::invalid("invalidSyntax", "The body must be a JSON object");
        self.call.object().ok_or_else(syntax)
    }

    /// 412 where the request was made for another version than `resource` is.
    fn require_version(&self, resource: &Value) -> Result<(), Problem> {
        let Some(wanted) = self.call.header("if-match").filter(|_| self.mode.etags) else { return Ok(()) };
        let version = resource["meta"]["version"].as_str();
        if wanted.split(',').map(str::trim).any(|tag| tag == "*" || Some(tag) == version) {
            return Ok(());
        }
        Err(Problem::new(412, "The resource has changed since it was read"))
    }

    /// Answers one resource; a new one with its location.
    fn resource(&self, status: u16, resource: &Value) -> Answer {
        let mut answer = media(status, resource);
        let meta = &resource["meta"];
        if let Some(version) = meta["version"].as_str() {
            answer = answer.with_header("etag", version);
        }
        match meta["location"].as_str().filter(|_| self.call.route().0 == "POST") {
            Some(location) => answer.with_header("location", location),
            None => answer,
        }
    }

    /// Answers a change as the switch says.
    fn changed(&self, resource: &Value) -> Answer {
        if self.call.route().0 == "PATCH" && self.mode.patch == Patching::NoContent {
            return Answer::empty(204);
        }
        self.resource(200, resource)
    }
}

/// A body of SCIM's own media type.
fn media(status: u16, body: &Value) -> Answer {
    Answer::json(status, body).with_header("content-type", "application/scim+json")
}
