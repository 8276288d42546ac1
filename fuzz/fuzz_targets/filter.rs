//! A filter is refused or evaluated. Printed it is the same filter, its `not` is its opposite, a part of a resource
//! never says otherwise than the whole, and what it finds is under a key it offers to an index.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::filter::Filter;
use portcullis_fuzz::scim::limits::check_filter;
use portcullis_fuzz::{group, is_under, user};
use serde_json::json;

fuzz_target!(|text: &str| {
    let catalog = Catalog::standard();
    for (resource_type, resource) in [(&catalog.user, user()), (&catalog.group, group())] {
        let Ok(filter) = Filter::parse(text, resource_type) else { continue };
        let found = filter.matches(&resource);
        let printed = filter.to_string();
        if check_filter(printed.as_bytes()).is_ok() {
            assert_eq!(Filter::parse(&printed, resource_type).as_ref(), Ok(&filter), "{printed}");
        }
        let negated = format!("not ({printed})");
        if check_filter(negated.as_bytes()).is_ok() {
            let Ok(negated) = Filter::parse(&negated, resource_type) else { panic!("{negated}") };
            assert_ne!(negated.matches(&resource), found, "{printed}");
        }
        let part = json!({ "id": resource["id"], "meta": resource["meta"] });
        if let Some(settled) = filter.settled(&part, &["id", "meta"]) {
            assert_eq!(settled, found, "{printed}");
        }
        if let (true, Some(lookups)) = (found, filter.lookups()) {
            assert!(lookups.iter().any(|lookup| is_under(&resource, lookup)), "{printed}: {lookups:?}");
        }
    }
});
