//! Signatures by which others can tell that something was written by this gateway: Ed25519 (RFC 8032).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use secrecy::{ExposeSecret, SecretString};

use super::hex;

/// Length of a seed in bytes.
const SEED: usize = 32;

/// A key that signs. It does not print itself.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

impl SigningKey {
    /// The key of a seed of 32 bytes, written as 64 hexadecimal digits; `None` where it is something else.
    #[must_use]
    pub fn from_seed(seed: &SecretString) -> Option<Self> {
        let bytes = hex::decode(seed.expose_secret().trim()).filter(|bytes| bytes.len() == SEED)?;
        Ed25519KeyPair::from_seed_unchecked(&bytes).ok().map(Self)
    }

    /// A seed from random bytes, as [`Self::from_seed`] reads it.
    #[must_use]
    pub fn seed(random: [u8; SEED]) -> SecretString {
        SecretString::from(hex::encode(&random))
    }

    /// The public half, as hexadecimal digits.
    #[must_use]
    pub fn public(&self) -> String {
        hex::encode(self.0.public_key().as_ref())
    }

    /// The signature over `message`, as hexadecimal digits.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.0.sign(message).as_ref())
    }
}

/// Whether `signature` was made over `message` with the private half of `public`; both are hexadecimal digits.
#[must_use]
pub fn is_signed(public: &str, message: &[u8], signature: &str) -> bool {
    let (Some(public), Some(signature)) = (hex::decode(public), hex::decode(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, public).verify(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 2.
    #[test]
    fn a_signature_is_that_of_the_rfc() {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let key = SigningKey::from_seed(&seed.into()).unwrap();
        assert_eq!(key.public(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = key.sign(&[0x72]);
        assert_eq!(
            signature,
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(is_signed(&key.public(), &[0x72], &signature));
        assert!(!is_signed(&key.public(), &[0x73], &signature));
        assert!(!is_signed(&key.public(), &[0x72], &signature.replacen('9', "8", 1)));
        assert!(!is_signed("", &[0x72], &signature) && !is_signed(&key.public(), &[0x72], "zz"));
        assert!(!format!("{key:?}").contains(seed));
    }

    #[test]
    fn a_seed_is_64_digits_and_nothing_else() {
        assert!(SigningKey::from_seed(&SigningKey::seed([7; 32])).is_some());
        for text in ["", "07", &"07".repeat(31), &"07".repeat(33), &"zz".repeat(32)] {
            assert!(SigningKey::from_seed(&text.into()).is_none(), "{text}");
        }
    }
}
