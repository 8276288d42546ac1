//! A PATCH path is refused or resolved; white space around it says nothing, and printed it is the same path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::catalog::Catalog;
use portcullis_fuzz::scim::limits::check_path;
use portcullis_fuzz::scim::path::Path;

fuzz_target!(|text: &str| {
    let catalog = Catalog::standard();
    for resource_type in [&catalog.user, &catalog.group] {
        let Ok(path) = Path::parse(text, resource_type) else { continue };
        let Ok(again) = Path::parse(text.trim(), resource_type) else { panic!("`{text}` needs its spaces") };
        let printed = path.to_string();
        let mut spellings = vec![again];
        if check_path(printed.as_bytes()).is_ok() {
            let Ok(read) = Path::parse(&printed, resource_type) else { panic!("`{printed}` cannot be read") };
            spellings.push(read);
        }
        for again in spellings {
            assert_eq!(path.extension.map(|it| &it.id), again.extension.map(|it| &it.id));
            assert_eq!(path.attribute, again.attribute);
            assert_eq!(path.sub, again.sub);
            assert_eq!(path.elements, again.elements);
        }
    }
});
