//! What the protocol costs, request by request: `cargo bench --bench scim`.

#![expect(clippy::unwrap_used, reason = "a bench whose own input is refused has nothing to measure")]

use divan::{AllocProfiler, Bencher, black_box};
use portcullis::scim::catalog::Catalog;
use portcullis::scim::decode::{decode, decode_group};
use portcullis::scim::filter::Filter;
use portcullis::scim::limits::{JsonLimits, check_json};
use portcullis::scim::list::list_response;
use portcullis::scim::patch::{MemberStep, Options, Patch};
use portcullis::scim::project::Projection;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A person as a provider with a full attribute mapping sends one.
fn user(number: usize) -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": format!("018f0000-0000-7000-8000-{number:012}"),
        "externalId": format!("00u{number}"),
        "userName": format!("anna.berg{number}@corp.example"),
        "name": { "givenName": "Anna", "familyName": "Berg", "formatted": "Anna Berg" },
        "displayName": "Anna Berg",
        "title": "Account executive",
        "preferredLanguage": "de-DE",
        "active": true,
        "emails": [
            { "value": format!("anna.berg{number}@corp.example"), "type": "work", "primary": true },
            { "value": "anna@home.example", "type": "home" },
        ],
        "phoneNumbers": [{ "value": "+49 30 1234567", "type": "work" }],
        "addresses": [{ "type": "work", "streetAddress": "Allee 1", "locality": "Berlin", "country": "DE" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "4711", "department": "Sales", "manager": { "value": "018f0000-0000-7000-8000-000000000002" },
        },
        "meta": {
            "resourceType": "User", "created": "2026-01-31T09:30:00Z", "lastModified": "2026-02-01T10:00:00Z",
            "location": format!("https://scim.example.com/app/scim/v2/Users/018f0000-0000-7000-8000-{number:012}"),
            "version": "W/\"3\"",
        },
    })
}

/// The lookup before every provisioning call; to stay under 5 µs.
#[divan::bench]
fn filter_by_user_name(bencher: Bencher) {
    let user = user(1);
    bencher.bench(|| {
        let filter =
            Filter::parse(black_box("userName eq \"anna.berg1@corp.example\""), &Catalog::standard().user);
        assert!(filter.unwrap().matches(black_box(&user)));
    });
}

#[divan::bench]
fn filter_with_value_path(bencher: Bencher) {
    let user = user(1);
    let text = "emails[type eq \"work\" and value ew \"@corp.example\"] and not (active eq false)";
    bencher.bench(|| {
        let filter = Filter::parse(black_box(text), &Catalog::standard().user);
        assert!(filter.unwrap().matches(black_box(&user)));
    });
}

/// A deactivation, from the parsed body to the changed resource; to stay under 20 µs.
#[divan::bench]
fn patch_one_attribute(bencher: Bencher) {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    bencher.with_inputs(|| user(1)).bench_refs(|user| {
        let patch = Patch::parse(black_box(&body), &Catalog::standard().user).unwrap();
        assert!(patch.apply(user, &Options::default()).unwrap());
    });
}

/// One member more: what is read does not depend on how many the group has, for none of them is.
#[divan::bench]
fn patch_one_member_into_a_large_group(bencher: Bencher) {
    let body = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"018f0000-0000-7000-8000-000000100000"}]}]}"#;
    let mut group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "1", "displayName": "Everyone",
    });
    bencher.bench_local(|| {
        check_json(black_box(body), &JsonLimits::default()).unwrap();
        let body: Value = serde_json::from_slice(body).unwrap();
        let patch = Patch::parse(&body, &Catalog::standard().group).unwrap();
        assert!(!patch.apply(&mut group, &Options::default()).unwrap());
        assert!(matches!(patch.members().steps.as_slice(), [MemberStep::Add(members)] if members.len() == 1));
    });
}

/// As many as one request may name.
#[divan::bench]
fn patch_ten_thousand_members(bencher: Bencher) {
    let members: Vec<_> = (0..10_000).map(|number| json!({ "value": format!("018f-{number}") })).collect();
    let body = json!({ "Operations": [{ "op": "add", "path": "members", "value": members }] });
    bencher.bench(|| Patch::parse(black_box(&body), &Catalog::standard().group).unwrap());
}

/// Five pages of the largest size in one; to stay under 5 ms.
#[divan::bench]
fn page_of_a_thousand_users(bencher: Bencher) {
    let users: Vec<_> = (0..1_000).map(user).collect();
    bencher
        .with_inputs(|| users.clone())
        .bench_values(|users| list_response(black_box(users), 1_000, 1).to_string());
}

#[divan::bench]
fn projection_of_a_thousand_users(bencher: Bencher) {
    let users: Vec<_> = (0..1_000).map(user).collect();
    let view =
        Projection::parse(Some("userName,emails.value,active"), None, &Catalog::standard().user).unwrap();
    bencher
        .with_inputs(|| users.clone())
        .bench_values(|users| users.into_iter().map(|user| view.apply(user)).collect::<Vec<_>>());
}

#[divan::bench]
fn read_and_decode_a_user(bencher: Bencher) {
    let text = user(1).to_string();
    bencher.bench(|| {
        check_json(black_box(text.as_bytes()), &JsonLimits::default()).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        decode(&body, &Catalog::standard().user).unwrap()
    });
}

#[divan::bench]
fn decode_a_group_of_ten_thousand(bencher: Bencher) {
    let members: Vec<_> = (0..10_000).map(|number| json!({ "value": format!("018f-{number}") })).collect();
    let body = json!({ "displayName": "Everyone", "members": members });
    bencher.bench(|| decode_group(black_box(&body), &Catalog::standard().group).unwrap());
}
