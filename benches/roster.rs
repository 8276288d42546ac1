//! What 100,000 people cost, through the gateway and its store on disk: `cargo bench --bench roster`.

#![expect(clippy::unwrap_used, reason = "a bench whose own input is refused has nothing to measure")]

use std::sync::{Arc, LazyLock};

use divan::{AllocProfiler, Bencher};
use portcullis::adapters::sandbox::Sandbox;
use portcullis::base::clock::{SharedClock, SystemClock, Timestamp};
use portcullis::base::id::Ids;
use portcullis::provision::{Connection, Leading, ListQuery, Policy, Preconditions, Shared, View};
use portcullis::scim::schema::ResourceKind;
use portcullis::store::{Kind, Lifecycle, Membership, Record, Write, sqlite};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const PEOPLE: usize = 100_000;

fn main() {
    divan::main();
}

/// A connection whose app holds everything, with people and two groups in the store.
struct Stage {
    runtime: Runtime,
    connection: Arc<Connection>,
    _directory: TempDir,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let directory = TempDir::new().unwrap();
    let connection = runtime.block_on(filled(&directory));
    Stage { runtime, connection, _directory: directory }
});

fn id(number: usize) -> String {
    format!("018f0000-0000-7000-8000-{number:012}")
}

fn record(kind: Kind, number: usize, name: &str) -> Record {
    let active = kind == Kind::User && !number.is_multiple_of(100);
    let desired = match kind {
        Kind::User => json!({
            "externalId": format!("00u{number}"),
            "userName": name,
            "name": { "givenName": "Anna", "familyName": "Berg", "formatted": "Anna Berg" },
            "displayName": format!("Anna Berg {number}"),
            "title": "Account executive",
            "active": active,
            "emails": [
                { "value": name, "type": "work", "primary": true },
                { "value": format!("anna{number}@home.example"), "type": "home" },
            ],
        }),
        Kind::Group => json!({ "displayName": name }),
    };
    Record {
        connection: "sandbox".to_owned(),
        kind,
        id: id(number),
        lifecycle: Lifecycle::Live,
        account: Some(format!("account-{number}")),
        name_key: name.to_owned(),
        label: name.to_owned(),
        external_id: Some(format!("00u{number}")),
        email_keys: vec![name.to_owned(), format!("anna{number}@home.example")],
        display_key: Some(format!("anna berg {number}")),
        told_key: None,
        active: (kind == Kind::User).then_some(active),
        desired: desired.to_string(),
        observed: None,
        standing: json!({ "active": active }).to_string(),
        generation: 1,
        version: 1,
        created_at: Timestamp(1_700_000_000_000_000),
        modified_at: Timestamp(1_700_000_000_000_000 + i64::try_from(number).unwrap() * 1_000_000),
        observed_at: None,
        groups: Vec::new(),
    }
}

/// The groups come after the people: a large one, and one of ten.
const LARGE: usize = PEOPLE + 1;
const SMALL: usize = PEOPLE + 2;

async fn filled(directory: &TempDir) -> Arc<Connection> {
    let store = sqlite::open(&directory.path().join("portcullis.db")).await.unwrap();
    let insert = |record: Record| Write::Record { record: Box::new(record), expected: None };
    for start in (0..PEOPLE).step_by(5_000) {
        let people = (start..start + 5_000)
            .map(|number| insert(record(Kind::User, number, &format!("anna.berg{number:06}@corp.example"))));
        store.commit(people.collect()).await.unwrap();
    }
    for (group, name, size) in [(LARGE, "everyone", PEOPLE - 1), (SMALL, "few", 10)] {
        let memberships =
            (1..=size).map(|member| Membership { group: id(group), member: id(member) }).collect();
        let members = Write::AddMembers { connection: "sandbox".to_owned(), memberships };
        store.commit(vec![insert(record(Kind::Group, group, name)), members]).await.unwrap();
    }
    let clock: SharedClock = Arc::new(SystemClock);
    let shared = Arc::new(Shared {
        store,
        ids: Ids::new(Arc::clone(&clock)),
        clock: Arc::clone(&clock),
        metrics: Arc::default(),
        leading: Leading::default(),
        tracer: Arc::default(),
        gate: Arc::default(),
        anchor: None,
        tracker: TaskTracker::new(),
    });
    Connection::new(
        "sandbox",
        "https://scim.example",
        Arc::new(Sandbox::new(clock)),
        Policy::default(),
        shared,
    )
}

fn listed(query: &ListQuery) -> Value {
    STAGE.runtime.block_on(STAGE.connection.list(ResourceKind::User, query)).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "as a query holds it")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[divan::bench(args = [1, 50_001, 99_801])]
fn page_of_200_by_index(bencher: Bencher, start: usize) {
    let query =
        ListQuery { start_index: Some(start.to_string()), count: text("200"), ..ListQuery::default() };
    assert_eq!(listed(&query)["totalResults"], PEOPLE);
    bencher.bench(|| listed(&query));
}

#[divan::bench]
fn page_of_200_by_cursor(bencher: Bencher) {
    let page = |cursor: &str| ListQuery { cursor: text(cursor), count: text("200"), ..ListQuery::default() };
    let first = listed(&page(""));
    let next = page(first["nextCursor"].as_str().unwrap());
    bencher.bench(|| listed(&next));
}

#[divan::bench(args = [
    "userName eq \"anna.berg077777@corp.example\"",
    "userName eq \"anna.berg077777@corp.example\" or externalId eq \"00u5\"",
    "userName sw \"anna.berg0777\"",
    "displayName sw \"Anna Berg 7777\"",
    "meta.lastModified ge \"2023-11-16T01:58:20Z\"",
    "active eq false",
    "active eq true",
    "title pr and active eq false",
])]
fn page_of_200_by_filter(bencher: Bencher, filter: &str) {
    let query = ListQuery { filter: text(filter), count: text("200"), ..ListQuery::default() };
    bencher.bench(|| listed(&query));
}

/// Two PATCHes: one person comes, and goes again. What is read and allocated does not depend on the group's size.
#[divan::bench(args = [("few", SMALL), ("everyone", LARGE)])]
fn patch_one_member_in_and_out(bencher: Bencher, group: (&str, usize)) {
    let (group, member) = (id(group.1), json!([{ "value": id(0) }]));
    let patch = |op: &str| {
        let body = json!({ "Operations": [{ "op": op, "path": "members", "value": member }] });
        let (view, when) = (View::default(), Preconditions::default());
        let work = STAGE.connection.patch(ResourceKind::Group, &group, body, &view, &when);
        STAGE.runtime.block_on(work).unwrap();
    };
    bencher.bench_local(|| {
        patch("add");
        patch("remove");
    });
}
