//! The comparison key of names: two spellings of one person give one key.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

/// The key of a `userName`, an e-mail address or a group name: NFKC, full case folding, NFKC again, trimmed.
///
/// `A@x`, `a@x` and full-width `ａ@x` share one key. Computed here and never in SQL, because engines differ.
#[must_use]
pub fn key(text: &str) -> String {
    folded(text.trim())
}

/// The same folding with the white space around `text` kept: for a search inside a text.
#[must_use]
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfkc().collect();
    UniCase::unicode(composed).to_folded_case().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::{folded, key};

    #[test]
    fn spellings_of_one_name_share_a_key() {
        assert_eq!(key("Anna.Berg@Corp.Example"), key("anna.berg@corp.example"));
        assert_eq!(key("ａnna@corp.example"), key("Anna@corp.example"));
        assert_eq!(key("STRASSE"), key("straße"));
        assert_ne!(key("anna"), key("ana"));
    }

    #[test]
    fn folding_alone_keeps_the_space_around_a_text() {
        assert_eq!(folded(" Ann"), " ann");
        assert_eq!(key(" Ann"), "ann");
    }
}
