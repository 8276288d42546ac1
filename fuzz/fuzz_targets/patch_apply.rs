//! A PATCH changes a resource into a resource, or leaves it as it was and says so; its operations at once are its
//! operations one by one, and one that picks nothing by a filter is done after the first time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::decode::decode;
use portcullis_fuzz::scim::patch::{Options, Patch};
use portcullis_fuzz::scim::schema::ResourceType;
use portcullis_fuzz::{body, group, user};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Some(body) = body(data) else { return };
    let catalog = Catalog::standard();
    for (resource_type, before) in [(&catalog.user, user()), (&catalog.group, group())] {
        let Ok(patch) = Patch::parse(&body, resource_type) else { continue };
        for replace_creates_missing in [false, true] {
            let mut after = before.clone();
            match patch.apply(&mut after, &Options { replace_creates_missing }) {
                Ok(changed) => assert_eq!(changed, after != before),
                Err(_) => assert_eq!(after, before),
            }
            if let Some(operations) = body["Operations"].as_array().filter(|all| all.len() > 1) {
                one_by_one(operations, resource_type, &before, &after, replace_creates_missing);
            } else if sets(&body) {
                let again = patch.apply(&mut after.clone(), &Options { replace_creates_missing });
                assert_ne!(again, Ok(true), "it changes something every time");
            }
            if let Err(error) = decode(&after, resource_type) {
                panic!("what the patch made is no resource: {error}");
            }
        }
    }
});

/// The operations, each a PATCH of its own: where each is taken, the end is that of all at once.
fn one_by_one(
    operations: &[Value],
    resource_type: &ResourceType,
    before: &Value,
    after: &Value,
    replace_creates_missing: bool,
) {
    let mut resource = before.clone();
    for operation in operations {
        let Ok(patch) = Patch::parse(&json!({ "Operations": [operation] }), resource_type) else { return };
        if patch.apply(&mut resource, &Options { replace_creates_missing }).is_err() {
            assert_eq!(after, before, "all or nothing");
            return;
        }
    }
    assert_eq!(&resource, after);
}

/// Whether the only operation is an `add` or `replace` of attributes by name.
fn sets(body: &Value) -> bool {
    let operation = &body["Operations"][0];
    let is = |verb: &str| operation["op"].as_str().is_some_and(|op| op.eq_ignore_ascii_case(verb));
    let by_name = |path: &str| !path.contains('[');
    (is("add") || is("replace"))
        && operation["path"].as_str().is_none_or(by_name)
        && operation["value"].as_object().is_none_or(|value| value.keys().all(|name| by_name(name)))
}
