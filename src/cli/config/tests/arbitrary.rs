//! What nobody would write is refused, and never a panic.

use proptest::prelude::*;

use super::{beside_a_sandbox, honeycomb, parse};

/// Words a configuration is made of, so that generated texts get past the parser.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "listen",
            "public_url",
            "behind_proxy",
            "tls",
            "store",
            "url",
            "connections",
            "hive",
            "rest",
            "api_key",
            "app",
            "mode",
            "idp",
            "freshness",
            "policy",
            "roles",
            "groups",
            "timeout",
            "protected",
            "adopt_existing",
            "=",
            "=",
            "=",
            ".",
            "[",
            "]",
            "{",
            "}",
            "\n",
            "\n",
            ",",
            "\"hive\"",
            "\"manual\"",
            "\"\"",
            "\"5m\"",
            "\"é\"",
            "1",
            "-1",
            "0x",
            "9223372036854775807",
            "1e400",
            "true",
            "nan",
            "1979-05-27",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn arbitrary_words_never_panic(words in prop::collection::vec(word(), 0..40)) {
        drop(parse(&words.join(" ")));
    }

    #[test]
    fn arbitrary_values_never_panic(key in "[a-z_]{1,12}", value in word()) {
        drop(parse(&honeycomb(&format!("{key} = {value}"))));
        drop(parse(&beside_a_sandbox(&format!("{key} = {value}"))));
    }
}

#[test]
fn a_text_nested_without_end_is_refused() {
    for text in ["a=".to_owned() + &"[".repeat(100_000), "[".repeat(100_000), "a.".repeat(100_000) + "a=1"] {
        assert!(parse(&text).is_err());
    }
}
