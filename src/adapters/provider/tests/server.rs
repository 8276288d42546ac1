//! Servers that a test makes up: a function from what was asked to what is answered, and a book of what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::super::{GroupProfile, Login, MemberForm, Offer, Profile, Provider, RoleAttribute, Write};
use crate::base::clock::SystemClock;
use crate::base::secret::SecretString;
use crate::contract::{Accounts, Dialect, Held, Mode, Roles};
use crate::upstream::{Credential, Settings, Wire, system_names};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub if_match: Option<String>,
    pub body: Value,
}

impl Asked {
    /// `GET /Users`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// A number of the query.
    pub(super) fn number(&self, name: &str) -> usize {
        self.query[name].parse().unwrap()
    }
}

/// Status and body; null is no body.
pub(super) type Answer = (u16, Value);
type Answers = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;
type Book = Arc<Mutex<Vec<Asked>>>;

/// A running server.
pub(super) struct Server {
    url: String,
    book: Book,
}

impl Server {
    pub(super) async fn start(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let book = Book::default();
        let answers: Answers = Arc::new(answers);
        let router = Router::new().fallback(answer).with_state((answers, Arc::clone(&book)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, book }
    }

    /// A client of this server.
    pub(super) fn provider(&self, profile: Profile) -> Provider {
        let wire = Wire {
            private: true,
            per_second: None,
            concurrency: 4,
            attempt: Duration::from_secs(5),
            total: Duration::from_secs(10),
            body_limit: 1 << 20,
            names: system_names(),
            clock: Arc::new(SystemClock),
        };
        let credential = Credential::Bearer(SecretString::from("token"));
        let settings = Settings { base_url: self.url.clone(), credential, wire };
        Provider::new(profile, Mode::Scim, Dialect::Guide, settings).unwrap()
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().clone()
    }

    /// The same as lines, and forgets it.
    pub(super) fn lines(&self) -> Vec<String> {
        self.book.lock().unwrap().drain(..).map(|asked| asked.line()).collect()
    }
}

async fn answer(
    State((answers, book)): State<(Answers, Book)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let query =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        method: method.to_string(),
        path: uri.path().trim_start_matches("/scim/v2").to_owned(),
        query,
        if_match: headers.get("if-match").map(|tag| tag.to_str().unwrap().to_owned()),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let (status, body) = answers(&asked);
    book.lock().unwrap().push(asked);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    (StatusCode::from_u16(status).unwrap(), body)
}

/// A provider that offers all there is.
pub(super) const PROFILE: Profile = Profile {
    app: "crm",
    credential: "a SCIM token is expected in `scim.token`",
    login: Login::Name,
    accounts: Accounts {
        user_name: Held::Yes,
        external_id: Held::Yes,
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        display_name: Held::Yes,
        roles: Held::Yes,
        shows_invited: true,
        create_inactive: true,
        many_roles: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::Roles,
    roles: Roles::Any,
    default_role: None,
    admin_role: None,
    write: Write::Patch,
    filter: Offer::Yes,
    delete: Offer::Yes,
    groups: Some(GROUPS),
    residual: &[],
    settle: Duration::ZERO,
    page_size: 3,
};

pub(super) const GROUPS: GroupProfile = GroupProfile {
    noun: "groups",
    by_id: Offer::Yes,
    create: Offer::Yes,
    rename: Offer::Yes,
    delete: Offer::Yes,
    members: &[MemberForm::Path, MemberForm::Value, MemberForm::Put],
    at_once: 2,
};

/// A user of number `number`.
pub(super) fn person(number: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": format!("u{number}"),
        "userName": format!("person{number}@example.com"),
        "active": true,
    })
}

/// `count` users.
pub(super) fn people(count: usize) -> Vec<Value> {
    (1..=count).map(person).collect()
}

/// The page of `all` that was asked for, as RFC 7644 §3.4.2.4 has it.
pub(super) fn page(all: &[Value], asked: &Asked) -> Value {
    let (start, count) = (asked.number("startIndex"), asked.number("count"));
    let page: Vec<&Value> = all.iter().skip(start - 1).take(count).collect();
    json!({ "totalResults": all.len(), "startIndex": start, "itemsPerPage": page.len(), "Resources": page })
}

/// An error as RFC 7644 §3.12 has it.
pub(super) fn refused(status: u16, scim_type: &str, detail: &str) -> Answer {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    (
        status,
        json!({ "schemas": schemas, "status": status.to_string(), "scimType": scim_type, "detail": detail }),
    )
}
