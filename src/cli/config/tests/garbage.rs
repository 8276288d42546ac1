//! Whatever is written, the reader answers.

use proptest::prelude::*;

use super::*;

#[test]
fn a_text_nested_without_end_is_refused() {
    for text in ["a=".to_owned() + &"[".repeat(100_000), "[".repeat(100_000), "a.".repeat(100_000) + "a=1"] {
        assert!(parse(&text).is_err());
    }
}
