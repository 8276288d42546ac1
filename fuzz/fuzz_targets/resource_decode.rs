//! A body is refused or becomes a resource, and that resource is itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::body;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::decode::{decode, decode_group};
use portcullis_fuzz::scim::project::Projection;

fuzz_target!(|data: &[u8]| {
    let Some(body) = body(data) else { return };
    let (user, group) = (&Catalog::standard().user, &Catalog::standard().group);
    if let Ok(resource) = decode(&body, user) {
        assert_eq!(decode(&resource, user).as_ref(), Ok(&resource));
        let Ok(all) = Projection::parse(None, None, user) else { panic!("no parameters are refused") };
        assert_eq!(all.apply(resource.clone()), resource);
    }
    if let Ok((resource, _)) = decode_group(&body, group) {
        assert_eq!(decode_group(&resource, group), Ok((resource.clone(), None)));
    }
});
