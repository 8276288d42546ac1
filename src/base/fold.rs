//! The comparison key of names: two spellings of one person give one key.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

/// The key of a `userName`, an e-mail address or a group name: NFKC, full case folding, NFKC again, trimmed.
///
/// `A@x`, `a@x` and full-width `ａ@x` share one key. Computed here and never in SQL, because engines differ.
#[must_use]
pub fn key(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_ascii() {
        return trimmed.to_ascii_lowercase();
    }
    let composed: String = trimmed.nfkc().collect();
    UniCase::unicode(composed).to_folded_case().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn spellings_of_one_name_share_a_key() {
        assert_eq!(key("Anna.Berg@Corp.Example"), key("anna.berg@corp.example"));
        assert_eq!(key("ａnna@corp.example"), key("Anna@corp.example"));
        assert_eq!(key("STRASSE"), key("straße"));
        assert_ne!(key("anna"), key("ana"));
    }
}
