//! The pre-scan never calls malformed what the parser reads, and what it lets through the parser survives and is as
//! small as was promised.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::scim::limits::{JsonLimits, check_json};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let limits = JsonLimits { depth: 6, array_items: 12, string_bytes: 40, nodes: 60 };
    for limits in [JsonLimits::default(), limits] {
        let scanned = check_json(data, &limits);
        if let (Err(refused), true) = (&scanned, data.len() < 64 * 1024)
            && refused.detail.ends_with("not well-formed JSON")
        {
            assert!(serde_json::from_slice::<Value>(data).is_err(), "the parser reads it");
        }
        if let (Ok(()), Ok(value)) = (scanned, serde_json::from_slice::<Value>(data)) {
            assert!(measure(&value, 0, &limits) <= limits.nodes);
        }
    }
});

/// How many values there are; fails where one passes a limit.
fn measure(value: &Value, depth: usize, limits: &JsonLimits) -> usize {
    match value {
        Value::Array(items) => {
            assert!(depth < limits.depth && items.len() <= limits.array_items);
            1 + items.iter().map(|item| measure(item, depth + 1, limits)).sum::<usize>()
        }
        Value::Object(members) => {
            assert!(depth < limits.depth);
            let mut names: Vec<String> = members.keys().map(|name| name.to_ascii_lowercase()).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
            1 + members.values().map(|member| measure(member, depth + 1, limits)).sum::<usize>()
        }
        // Escapes make a text longer on the wire, never shorter.
        Value::String(text) => {
            assert!(text.len() <= limits.string_bytes);
            1
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}
