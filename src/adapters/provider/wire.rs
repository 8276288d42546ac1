//! The requests of RFC 7644 and what their answers mean.

use serde_json::Value;

use super::told::{self, Resource};
use crate::adapters::answer;
use crate::contract::{Error, Kind, Result};
use crate::upstream::{Request, Response, Safety, Settings, Upstream};

const MEDIA: &str = "application/scim+json";

/// The other side, as far as requests go.
#[derive(Debug)]
pub(super) struct Client {
    upstream: Upstream,
    app: &'static str,
    credential: &'static str,
}

/// A request that did not succeed.
#[derive(Debug)]
pub(super) struct Refused {
    /// `None` where no answer came.
    pub status: Option<u16>,
    scim_type: Option<String>,
    pub error: Error,
}

impl Refused {
    /// An error of ours about an answer that was a 2xx.
    pub(super) fn of_answer(error: Error) -> Self {
        Self { status: None, scim_type: None, error }
    }

    /// Whether the other side has no such call; 404 says so too, where what was named is known to be there.
    pub(super) fn is_no_call(&self) -> bool {
        self.is_certain() || (self.status == Some(404) && self.error.kind == Kind::NotFound)
    }

    /// Whether the other side says without doubt that it has no such call.
    pub(super) fn is_certain(&self) -> bool {
        matches!(self.status, Some(405 | 501))
    }

    /// Whether another way of saying the same may be understood.
    pub(super) fn is_about_form(&self) -> bool {
        self.is_no_call() || (self.status == Some(400) && self.error.kind == Kind::Invalid)
    }

    /// Whether the attribute itself cannot be changed.
    pub(super) fn is_immutable(&self) -> bool {
        let fixed =
            |name: &str| ["mutability", "invalidPath"].iter().any(|word| word.eq_ignore_ascii_case(name));
        self.status == Some(400) && self.scim_type.as_deref().is_some_and(fixed)
    }

    /// Whether the version sent is not the one that stands, or none was sent and one is asked for.
    pub(super) fn is_version(&self) -> bool {
        matches!(self.status, Some(412 | 428))
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// One resource, and the version it had.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub resource: Resource,
    pub version: Option<String>,
}

impl Client {
    pub(super) fn new(
        app: &'static str,
        credential: &'static str,
        settings: Settings,
    ) -> std::result::Result<Self, String> {
        Ok(Self { upstream: Upstream::new(settings)?, app, credential })
    }

    /// Sends a request and answers a 2xx.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        request: Request,
    ) -> std::result::Result<Response, Refused> {
        let safety = request.safety;
        match self.upstream.send(request.media(MEDIA)).await {
            Ok(response) if answer::is_success(&response) => {
                let status = Some(response.status);
                let meant = answer::meant(self.app, operation, safety, response);
                meant.map_err(|error| Refused { status, scim_type: None, error })
            }
            Ok(response) => Err(self.refused(operation, safety, &response)),
            Err(failure) => Err(Refused {
                status: None,
                scim_type: None,
                error: answer::lost(self.app, operation, safety, &failure),
            }),
        }
    }

    fn refused(&self, operation: &'static str, safety: Safety, response: &Response) -> Refused {
        let mut error = answer::failed(self.app, operation, safety, response);
        let body: Option<Resource> = serde_json::from_slice(&response.body).ok();
        let scim_type = body.as_ref().and_then(|body| told::text_of(body, "scimType"));
        let is_taken = scim_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("uniqueness"));
        if error.kind == Kind::Invalid && is_taken {
            error = Error::new(Kind::Conflict, operation, error.message);
        }
        if error.kind == Kind::Credentials {
            error.message = format!("{}; {}", error.message, self.credential);
        }
        if response.status == 412 {
            let message = format!("`{}` has a newer version of this each time it is read", self.app);
            error = Error::new(Kind::Unavailable, operation, message);
        }
        Refused { status: Some(response.status), scim_type, error }
    }

    /// Reads one resource; 404 is `None`. Another one than the one asked for is [`Kind::Unexpected`].
    pub(super) async fn read(
        &self,
        operation: &'static str,
        path: String,
        id: &str,
    ) -> std::result::Result<Option<Told>, Refused> {
        let response = match self.send(operation, Request::get(path)).await {
            Ok(response) => response,
            Err(refused) if refused.error.kind == Kind::NotFound => return Ok(None),
            Err(refused) => return Err(refused),
        };
        let told = told(operation, &response).map_err(Refused::of_answer)?;
        match told::text_of(&told.resource, "id") {
            Some(found) if found == id => Ok(Some(told)),
            _ => Err(Refused::of_answer(Error::new(
                Kind::Unexpected,
                operation,
                format!("`{}` answered another resource than the one that was asked for", self.app),
            ))),
        }
    }
}

/// The resource in a 2xx.
pub(super) fn told(operation: &'static str, response: &Response) -> Result<Told> {
    let resource: Resource = answer::json(operation, response)?;
    let version = told::version(&resource, response.etag.as_ref());
    Ok(Told { resource, version })
}

/// The resource in the 2xx of a change, which may have none: then it says nothing.
pub(super) fn told_of_change(operation: &'static str, response: &Response) -> Result<Resource> {
    if response.body.trim_ascii().is_empty() {
        return Ok(Resource::new());
    }
    answer::json(operation, response)
}

/// `text` as a JSON string, as filters and paths want it (RFC 7644 §3.4.2.2).
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
