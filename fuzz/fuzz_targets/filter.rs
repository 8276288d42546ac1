//! A filter is refused or evaluated; what it finds passes the equality it offers to an index.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::filter::{Filter, Lookup};
use portcullis_fuzz::{base::fold, group, user};

fuzz_target!(|text: &str| {
    let catalog = Catalog::standard();
    if let Ok(filter) = Filter::parse(text, &catalog.user) {
        let user = user();
        let found = filter.matches(&user);
        if let (true, Some(Lookup::UserName(name))) = (found, filter.lookups()) {
            assert_eq!(Some(fold::key(&name)), user["userName"].as_str().map(fold::key));
        }
    }
    if let Ok(filter) = Filter::parse(text, &catalog.group) {
        assert_eq!(filter.matches(&group()), filter.matches(&group()));
    }
});
