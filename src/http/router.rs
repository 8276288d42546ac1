//! The doors of the gateway: `/healthz`, `/readyz`, `/metrics`, `/admin/v1/…` and `/{connection}/scim/v2/…`.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use serde_json::json;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use super::admin;
use super::admission::{Admission, AdmissionLimits};
use super::answer::{exposition, plain};
use super::auth::{FailureLimit, Failures, bearer, failing_as};
use super::error::{Refused, allow_header};
use super::intake::intake;
use super::log::{Entered, Recorder, record};
use super::peer::Peer;
use super::route::{Endpoint, Route};
use crate::base::id::Ids;
use crate::base::secret::{Token, TokenHash};
use crate::provision::{Connection, Denied, Gateway};
use crate::scim::bulk::MAX_PAYLOAD;

/// The methods of the doors for those who watch the process.
const PROBED: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS];

/// The methods of `/metrics`.
const WATCHED: &[Method] = &[Method::GET, Method::HEAD];

/// What the doors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterSettings {
    /// How long a caller waits at most; work that needs longer goes on without it.
    pub answer_within: Duration,
    /// Largest body of a user request, in bytes.
    pub user_bytes: usize,
    /// Largest body of a group request, in bytes.
    pub group_bytes: usize,
    /// Largest body of a bulk request, in bytes; told by `ServiceProviderConfig`.
    pub bulk_bytes: usize,
    /// How many requests are carried out at once.
    pub admission: AdmissionLimits,
    /// When a caller with wrong credentials is told to wait.
    pub failures: FailureLimit,
    /// Whether a proxy of ours stands in front, so that `X-Forwarded-For` names the caller.
    pub behind_proxy: bool,
    /// Who may read `/metrics`: whoever has this token, or without one whoever calls from this machine.
    pub metrics_token: Option<TokenHash>,
}

impl Default for RouterSettings {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(25),
            user_bytes: 256 * 1024,
            group_bytes: 2 * 1024 * 1024,
            bulk_bytes: MAX_PAYLOAD,
            admission: AdmissionLimits::default(),
            failures: FailureLimit::default(),
            behind_proxy: false,
            metrics_token: None,
        }
    }
}

/// What every request needs.
#[derive(Debug)]
struct Door {
    gateway: Arc<Gateway>,
    settings: RouterSettings,
    admission: Admission,
    failures: Failures,
}

/// All doors of `gateway`. Requests need no [`Peer`]; without one all callers count as one.
pub fn router(gateway: Arc<Gateway>, settings: RouterSettings) -> Router {
    let shared = gateway.shared();
    let ids = Ids::new(Arc::clone(&shared.clock));
    let recorder = Recorder::new(ids, Arc::clone(&shared.metrics), settings.answer_within)
        .traced_by(Arc::clone(&gateway));
    let (admission, failures) = (Admission::new(settings.admission), Failures::new(settings.failures));
    let door = Arc::new(Door { gateway, settings, admission, failures });
    layered(Router::new().fallback(answer).with_state(door), recorder)
}

/// Puts request id, log line and panic guard round `routes`.
pub(super) fn layered(routes: Router, recorder: Recorder) -> Router {
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::new(recorder), record))
}

fn panicked(_message: Box<dyn Any + Send>) -> Response {
    Refused::Panicked.into_response()
}

async fn answer(
    State(door): State<Arc<Door>>,
    Extension(route): Extension<Route>,
    Extension(entered): Extension<Entered>,
    request: Request,
) -> Response {
    match route {
        Route::Health => probe(request.method(), true),
        Route::Ready => probe(request.method(), door.gateway.ready().await),
        Route::Metrics => match may_watch(&door, &request) {
            Ok(()) => exposition(door.gateway.metrics().await),
            Err(refused) => refused.into_response(),
        },
        Route::Admin(endpoint) => {
            administer(&door, endpoint, request).await.unwrap_or_else(admin::Refused::into_response)
        }
        Route::Scim { connection, endpoint } => {
            scim(&door, &connection, &entered, endpoint, request).await.unwrap_or_else(Refused::into_response)
        }
        Route::Unknown => Refused::UnknownEndpoint.into_response(),
    }
}

/// Nothing is looked at before the token.
async fn administer(
    door: &Door,
    endpoint: admin::Endpoint,
    request: Request,
) -> Result<Response, admin::Refused> {
    let token = bearer(request.headers());
    match door.gateway.admit_admin(token).await {
        Ok(()) => admin::answer(&door.gateway, endpoint, request).await,
        Err(Denied::Unavailable) => Err(admin::Refused::CredentialsUnknown),
        Err(Denied::ConnectionToken) => Err(admin::Refused::ConnectionToken),
        Err(Denied::Unauthorized | Denied::UnknownConnection | Denied::AdminToken) => {
            let wait = door.failures.count(failing_as(caller(door, &request), token), Instant::now());
            Err(wait.map_or(admin::Refused::Credentials, admin::Refused::TooManyFailures))
        }
    }
}

/// Nothing is looked at before the token: not the method, not the endpoint, not the body.
async fn scim(
    door: &Door,
    name: &str,
    entered: &Entered,
    endpoint: Endpoint,
    request: Request,
) -> Result<Response, Refused> {
    let caller = caller(door, &request);
    let connection = admit(door, name, request.headers(), caller).await?;
    entered.note(connection.name());
    let methods = endpoint.methods();
    Ok(match intake(endpoint, request, &door.settings).await? {
        Some(work) => {
            let place = door.admission.admit(connection.name(), work.may_take_access_away()).await;
            let _place = place.ok_or_else(|| connection.crowded())?;
            // Boxed: the way of a request through all floors is long, and most of it is this.
            Box::pin(work.perform(&connection)).await?.into_response()
        }
        None => options(methods),
    })
}

async fn admit(
    door: &Door,
    connection: &str,
    headers: &HeaderMap,
    caller: IpAddr,
) -> Result<Arc<Connection>, Refused> {
    let token = bearer(headers);
    match door.gateway.admit(connection, token).await {
        Ok(connection) => Ok(connection),
        Err(Denied::UnknownConnection) => Err(Refused::UnknownConnection),
        Err(Denied::AdminToken) => Err(Refused::AdminToken),
        Err(Denied::Unavailable) => Err(Refused::CredentialsUnknown),
        Err(Denied::Unauthorized | Denied::ConnectionToken) => {
            let wait = door.failures.count(failing_as(caller, token), Instant::now());
            Err(wait.map_or(Refused::Credentials, Refused::TooManyFailures))
        }
    }
}

fn caller(door: &Door, request: &Request) -> IpAddr {
    let peer = request.extensions().get().copied().unwrap_or(Peer([0, 0, 0, 0].into()));
    if door.settings.behind_proxy { peer.forwarded_by(request.headers()) } else { peer }.network()
}

/// An answer to `OPTIONS`.
pub(super) fn options(methods: &'static [Method]) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(allow_header(methods));
    response
}

/// Whether a caller may read what there is to watch. Without a token of its own it is told on this machine only, and not behind a proxy, where
/// every caller would be on this machine; to others there is no such endpoint.
fn may_watch(door: &Door, request: &Request) -> Result<(), Refused> {
    if let Some(expected) = door.settings.metrics_token {
        let token = bearer(request.headers());
        let is_good = token.and_then(Token::parse).is_some_and(|token| token.hash().matches(&expected));
        if !is_good {
            let wait = door.failures.count(failing_as(caller(door, request), token), Instant::now());
            return Err(wait.map_or(Refused::Credentials, Refused::TooManyFailures));
        }
    } else {
        let peer = request.extensions().get::<Peer>();
        let is_local = peer.is_some_and(|peer| peer.0.to_canonical().is_loopback());
        if door.settings.behind_proxy || !is_local {
            return Err(Refused::UnknownEndpoint);
        }
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        Ok(())
    } else {
        Err(Refused::Method(WATCHED))
    }
}

/// For load balancers and people: needs no token and tells nothing but yes or no.
fn probe(method: &Method, well: bool) -> Response {
    match (PROBED.contains(method), well) {
        (false, _) => Refused::Method(PROBED).into_response(),
        (true, _) if method == Method::OPTIONS => options(PROBED),
        (true, true) => plain(200, &json!({"status": "ok"})),
        (true, false) => plain(503, &json!({"status": "unavailable"})),
    }
}
