//! A body is refused or becomes a resource, and that resource is itself; a projection leaves out and adds nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::body;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::decode::{decode, decode_group};
use portcullis_fuzz::scim::project::Projection;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(body) = body(data) else { return };
    let (user, group) = (&Catalog::standard().user, &Catalog::standard().group);
    if let Ok(resource) = decode(&body, user) {
        assert_eq!(decode(&resource, user).as_ref(), Ok(&resource));
        let Ok(all) = Projection::parse(None, None, user) else { panic!("no parameters are refused") };
        assert_eq!(all.apply(resource.clone()), resource);
        let names: Vec<&str> = body.as_object().into_iter().flat_map(|body| body.keys().map(String::as_str)).collect();
        for (attributes, excluded) in [(Some(names.join(",")), None), (None, Some(names.join(",")))] {
            let parsed = Projection::parse(attributes.as_deref(), excluded.as_deref(), user);
            let Ok(view) = parsed else { continue };
            let once = view.apply(resource.clone());
            assert_eq!(view.apply(once.clone()), once);
            for (name, value) in once.as_object().into_iter().flatten() {
                assert!(is_part(value, &resource[name]), "`{name}` is not what it was");
            }
        }
    }
    if let Ok((resource, _)) = decode_group(&body, group) {
        assert_eq!(decode_group(&resource, group), Ok((resource.clone(), None)));
    }
});

/// Whether a value is another with nothing but parts left out.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| is_part(value, other)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.iter().all(|value| whole.iter().any(|other| is_part(value, other)))
        }
        (part, whole) => part == whole,
    }
}
