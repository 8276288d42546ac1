//! A PATCH changes a resource into a resource, or leaves it as it was and says so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::decode::decode;
use portcullis_fuzz::scim::patch::{Options, Patch};
use portcullis_fuzz::{body, group, user};

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
            if let Err(error) = decode(&after, resource_type) {
                panic!("what the patch made is no resource: {error}");
            }
        }
    }
});
