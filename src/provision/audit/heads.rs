//! Signed heads: how far each chain had come at a moment, in a file that another machine can hold a copy of.
//!
//! One JSON object a line. Each line holds the digest of the line before it, so that the file is a chain itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::hex;
use crate::base::signing::{SigningKey, is_signed};
use crate::store::audit::{Head, LinkHash};

/// The head of one chain, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    connection: String,
    seq: i64,
    hash: String,
}

/// What is signed: its JSON with the fields in this order and without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// From 1, without a gap.
    number: u64,
    /// SHA-256 of the line before; empty in the first.
    previous: String,
    at: String,
    heads: Vec<Signed>,
    /// The public key it is signed with.
    key: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    statement: Statement,
    signature: String,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeads {
    pub number: u64,
    /// When it was signed.
    pub at: String,
    pub heads: Vec<Head>,
}

/// The line after the one with this number and text.
///
/// `None` where it has no JSON text, which it always has.
pub(super) fn line(
    key: &SigningKey,
    number: u64,
    previous: &str,
    at: String,
    heads: &[Head],
) -> Option<String> {
    let signed = |head: &Head| Signed {
        connection: head.connection.clone(),
        seq: head.seq,
        hash: hex::encode(&head.hash),
    };
    let statement = Statement {
        number,
        previous: digest(previous),
        at,
        heads: heads.iter().map(signed).collect(),
        key: key.public(),
    };
    let signature = key.sign(serde_json::to_string(&statement).ok()?.as_bytes());
    serde_json::to_string(&Line { statement, signature }).ok()
}

fn digest(line: &str) -> String {
    if line.is_empty() { String::new() } else { hex::encode(&Sha256::digest(line.as_bytes())) }
}

/// The number of a line that was written by [`line`]; 0 where it is none.
pub(super) fn number_of(line: &str) -> u64 {
    serde_json::from_str::<Line>(line).map_or(0, |line| line.statement.number)
}

/// A file of signed heads that was read and checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadsFile {
    /// Those that are genuine, in their order.
    pub lines: Vec<SignedHeads>,
    /// What is wrong with the others: the line's place from 1, and why.
    pub wrong: Vec<(usize, &'static str)>,
}

impl HeadsFile {
    /// Reads a text, whose lines were signed with `public`. It may begin later than the first line ever written; between
    /// its lines nothing may be missing.
    #[must_use]
    pub fn read(text: &str, public: &str) -> Self {
        let mut file = Self::default();
        let mut before: Option<(u64, String)> = None;
        for (place, text) in text.lines().enumerate() {
            match checked(text, public, before.as_ref()) {
                Ok(heads) => {
                    before = Some((heads.number, digest(text)));
                    file.lines.push(heads);
                }
                Err(why) => {
                    file.wrong.push((place + 1, why));
                    before = None;
                }
            }
        }
        file
    }

    /// What was signed of one chain: the digest at each signed place.
    #[must_use]
    pub fn of(&self, connection: &str) -> BTreeMap<i64, LinkHash> {
        let heads = self.lines.iter().flat_map(|line| &line.heads);
        heads.filter(|head| head.connection == connection).map(|head| (head.seq, head.hash)).collect()
    }

    /// The connections something was signed of, in order.
    #[must_use]
    pub fn connections(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.lines.iter().flat_map(|line| &line.heads).map(|head| head.connection.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn checked(
    text: &str,
    public: &str,
    before: Option<&(u64, String)>,
) -> std::result::Result<SignedHeads, &'static str> {
    let Line { statement, signature } = serde_json::from_str(text).map_err(|_| "it cannot be read")?;
    let signed = serde_json::to_string(&statement).map_err(|_| "it cannot be read")?;
    if statement.key != public {
        return Err("it was signed with another key");
    }
    if !is_signed(public, signed.as_bytes(), &signature) {
        return Err("its signature is wrong");
    }
    if before.is_some_and(|(number, digest)| statement.number != number + 1 || statement.previous != *digest)
    {
        return Err("it does not follow the line before it");
    }
    let heads = statement.heads.into_iter().map(|head| {
        let hash = hex::decode(&head.hash)?.try_into().ok()?;
        Some(Head { connection: head.connection, seq: head.seq, hash })
    });
    let heads = heads.collect::<Option<Vec<Head>>>().ok_or("it cannot be read")?;
    Ok(SignedHeads { number: statement.number, at: statement.at, heads })
}
