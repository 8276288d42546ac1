//! Bearer tokens: how they are made, taken apart and compared.
//!
//! A token reads `portcullis_<id>_<secret>`: the id finds the row, the 256-bit secret is only ever stored as its
//! SHA-256 (a random secret of that size needs no slow hash).

pub use secrecy::{ExposeSecret, SecretString};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::hex;

const PREFIX: &str = "portcullis_";

/// A token as its holder presents it, taken apart.
#[derive(Debug, Clone)]
pub struct Token {
    /// Public: names the row, may be logged.
    pub id: String,
    secret: SecretString,
}

/// SHA-256 of a token's secret part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    /// A new token from 8 bytes of public id and 32 bytes of secret.
    #[must_use]
    pub fn from_random(id: [u8; 8], secret: [u8; 32]) -> Self {
        Self { id: hex::encode(&id), secret: SecretString::from(hex::encode(&secret)) }
    }

    /// Takes apart what a caller presented; `None` when it cannot be a token (empty, over 512 bytes, or not
    /// visible ASCII). A token that was chosen by hand has no id in it: its id is then a digest of the whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 512 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (id, secret) = match text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) {
            Some((id, secret)) => (id.to_owned(), secret.to_owned()),
            None => (hex::encode(Sha256::digest(text.as_bytes()).get(..8)?), text.to_owned()),
        };
        Some(Self { id, secret: SecretString::from(secret) })
    }

    /// What to store.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.secret.expose_secret().as_bytes()).into())
    }

    /// The whole minted token, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret.expose_secret())
    }
}

impl TokenHash {
    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_round_trip_and_hides_its_secret() {
        let token = Token::from_random([7; 8], [9; 32]);
        let again = Token::parse(&token.reveal()).unwrap();
        assert_eq!(again.id, "0707070707070707");
        assert!(again.hash().matches(&token.hash()));
        assert!(!format!("{token:?}").contains("0909"));
    }

    #[test]
    fn what_is_not_a_token_is_none() {
        for text in ["", "two words", "tab\there", "naïve"] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_chosen_by_hand_has_a_stable_id() {
        let (one, two) = (Token::parse("demo-token").unwrap(), Token::parse("demo-token").unwrap());
        assert_eq!(one.id, two.id);
        assert!(one.hash().matches(&two.hash()));
        assert_ne!(one.id, Token::parse("demo-tokem").unwrap().id);
    }
}
