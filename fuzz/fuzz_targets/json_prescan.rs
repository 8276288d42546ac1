//! The pre-scan never calls malformed what the parser reads, and what it lets through the parser survives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::limits::{JsonLimits, check_json};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let scanned = check_json(data, &JsonLimits::default());
    if let (Err(refused), true) = (&scanned, data.len() < 64 * 1024)
        && refused.detail.ends_with("not well-formed JSON")
    {
        assert!(serde_json::from_slice::<Value>(data).is_err(), "the parser reads it");
    }
    if scanned.is_ok() {
        drop(serde_json::from_slice::<Value>(data));
    }
});
