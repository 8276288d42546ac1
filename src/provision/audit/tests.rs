//! Whatever somebody changes in a chain is found.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::base::clock::{ManualClock, Timestamp};
use crate::base::id::Ids;
use crate::base::signing::SigningKey;
use crate::provision::Shared;
use crate::store::audit::{Entry, Head, Mutation, Phase};
use crate::store::{Store, Write, sqlite};

fn entry(connection: &str, number: i64) -> Entry {
    Entry {
        connection: connection.to_owned(),
        at: Timestamp(number * 1_000),
        phase: if number % 2 == 0 { Phase::After } else { Phase::Before },
        intent: format!("intent-{}", number / 2),
        request_id: format!("request-{number}"),
        kind: "user".to_owned(),
        resource: "u1".to_owned(),
        operation: "update".to_owned(),
        generation: number,
        attempt: 1,
        outcome: "confirmed".to_owned(),
        bypassed: false,
        calls: vec![Mutation {
            at: Timestamp(number),
            operation: "update_account".to_owned(),
            method: "PATCH".to_owned(),
            path: format!("/users/{number}"),
            status: Some(200),
            attempt: 1,
        }],
    }
}

fn gateway(store: Arc<dyn Store>) -> Arc<Gateway> {
    let clock = Arc::new(ManualClock::default());
    let shared = Shared {
        store,
        ids: Ids::new(clock.clone()),
        clock,
        tracker: tokio_util::task::TaskTracker::new(),
        metrics: Arc::default(),
        leading: crate::provision::Leading::default(),
        tracer: Arc::default(),
        gate: Arc::default(),
        anchor: None,
    };
    Gateway::new(Vec::new(), Arc::new(shared))
}

fn key() -> SigningKey {
    SigningKey::from_seed(&SigningKey::seed([9; 32])).unwrap()
}

/// A database of its own whose chain `hive` has `length` links, signed at the end.
struct Place {
    directory: TempDir,
    heads: HeadsFile,
}

impl Place {
    async fn with(length: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = sqlite::open(&directory.path().join("portcullis.db")).await.unwrap();
        let writes = (1..=length).map(|number| Write::Audit(Box::new(entry("hive", number)))).collect();
        store.commit(writes).await.unwrap();
        let gateway = gateway(Arc::clone(&store));
        let path = directory.path().join("audit-heads.jsonl");
        let notary = Arc::new(Notary::open(&path, key()).unwrap());
        gateway.sign_heads(&notary, true).await;
        store.close().await;
        let heads = HeadsFile::read(&std::fs::read_to_string(path).unwrap(), &key().public());
        assert!(heads.wrong.is_empty());
        Self { directory, heads }
    }

    fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("portcullis.db")
    }

    /// What is found after somebody ran these statements on the file.
    async fn after(&self, statements: &[String]) -> Vec<Verified> {
        sqlite::tamper(&self.database(), statements).await;
        self.verified().await
    }

    async fn verified(&self) -> Vec<Verified> {
        let store = sqlite::open(&self.database()).await.unwrap();
        let verified = gateway(Arc::clone(&store)).verify_audit(None, &self.heads).await.unwrap();
        store.close().await;
        verified
    }
}

fn finding(verified: &[Verified]) -> Option<(i64, Broken)> {
    verified.iter().find_map(|one| one.finding.as_ref().map(|finding| (finding.seq, finding.what)))
}

#[tokio::test]
async fn a_chain_nobody_touched_is_whole() {
    let verified = Place::with(50).await.verified().await;
    assert_eq!(verified, [Verified { connection: "hive".to_owned(), good: 50, signed: 50, finding: None }]);
}

#[tokio::test]
async fn each_kind_of_change_is_named_with_its_first_place() {
    let sql = |text: &str| vec![text.to_owned()];
    let rehash = "UPDATE audit_heads SET seq = 8, hash = (SELECT hash FROM audit WHERE seq = 8)";
    for (statements, found) in [
        (
            sql("UPDATE audit SET entry = replace(entry, '/users/4', '/users/5') WHERE seq = 4"),
            (4, Broken::Altered),
        ),
        (sql("UPDATE audit SET hash = zeroblob(32) WHERE seq = 10"), (10, Broken::Altered)),
        (sql("UPDATE audit SET hash = zeroblob(7) WHERE seq = 9"), (9, Broken::Altered)),
        (sql("UPDATE audit SET previous = zeroblob(0) WHERE seq = 1"), (1, Broken::Altered)),
        (sql("UPDATE audit SET entry = CAST(x'7b80ff7d' AS TEXT) WHERE seq = 3"), (3, Broken::Altered)),
        (sql("UPDATE audit SET at = at + 1 WHERE seq = 2"), (2, Broken::Altered)),
        (sql("UPDATE audit SET intent = 'other' WHERE seq = 2"), (2, Broken::Altered)),
        (sql("DELETE FROM audit WHERE seq = 5"), (5, Broken::Missing)),
        (sql("DELETE FROM audit"), (1, Broken::CutOff)),
        (vec!["DELETE FROM audit WHERE seq > 8".to_owned()], (9, Broken::CutOff)),
        (vec!["DELETE FROM audit WHERE seq > 8".to_owned(), rehash.to_owned()], (9, Broken::CutOff)),
        (vec!["DELETE FROM audit".to_owned(), "DELETE FROM audit_heads".to_owned()], (1, Broken::CutOff)),
        (sql("DELETE FROM audit_heads"), (1, Broken::Headless)),
        (sql("UPDATE audit_heads SET hash = zeroblob(32)"), (10, Broken::Headless)),
        (sql("UPDATE audit SET connection = 'tines'"), (1, Broken::CutOff)),
    ] {
        let verified = Place::with(10).await.after(&statements).await;
        assert_eq!(finding(&verified), Some(found), "{statements:?}");
    }
}

/// Whoever can write the database can build a chain that is whole, but not one that was signed.
#[tokio::test]
async fn a_chain_that_was_built_anew_is_not_what_was_signed() {
    let place = Place::with(10).await;
    sqlite::tamper(
        &place.database(),
        &["DELETE FROM audit".to_owned(), "DELETE FROM audit_heads".to_owned()],
    )
    .await;
    let store = sqlite::open(&place.database()).await.unwrap();
    let forged = |number| Entry { operation: "delete".to_owned(), ..entry("hive", number) };
    store.commit((1..=12).map(|number| Write::Audit(Box::new(forged(number)))).collect()).await.unwrap();
    store.close().await;
    assert_eq!(finding(&place.verified().await), Some((10, Broken::NotAsSigned)));
}

#[tokio::test]
async fn a_database_put_back_from_before_is_cut_off() {
    let place = Place::with(10).await;
    let older = Place::with(6).await;
    std::fs::copy(older.database(), place.database()).unwrap();
    drop(std::fs::remove_file(place.database().with_extension("db-wal")));
    drop(std::fs::remove_file(place.database().with_extension("db-shm")));
    assert_eq!(finding(&place.verified().await), Some((7, Broken::CutOff)));
}

/// One change of a chain of twenty links.
#[derive(Debug, Clone)]
enum Change {
    /// Of one byte of the text, the digest or the digest before, at a place and with a mask.
    Flip {
        seq: i64,
        column: &'static str,
        place: usize,
        mask: u8,
    },
    Delete {
        seq: i64,
    },
    /// A copy of one link after another; what follows moves on.
    Duplicate {
        seq: i64,
        after: i64,
    },
    Swap {
        one: i64,
        other: i64,
    },
    Truncate {
        after: i64,
        tidily: bool,
    },
}

const LENGTH: i64 = 20;

fn change() -> impl Strategy<Value = Change> {
    let seq = || 1..=LENGTH;
    let column = prop_oneof![Just("entry"), Just("hash"), Just("previous")];
    prop_oneof![
        4 => (seq(), column, 0_usize..500, 1_u8..=255)
            .prop_map(|(seq, column, place, mask)| Change::Flip { seq, column, place, mask }),
        1 => seq().prop_map(|seq| Change::Delete { seq }),
        1 => (seq(), seq()).prop_map(|(seq, after)| Change::Duplicate { seq, after }),
        1 => (seq(), seq()).prop_filter_map("two", |(one, other)| {
            (one != other).then_some(Change::Swap { one, other })
        }),
        1 => (0..LENGTH, any::<bool>()).prop_map(|(after, tidily)| Change::Truncate { after, tidily }),
    ]
}

async fn statements(database: &Path, change: &Change) -> Vec<String> {
    match change {
        Change::Flip { seq, column, place, mask } => {
            let store = sqlite::open(database).await.unwrap();
            let link = store.links("hive", seq - 1, 1).await.unwrap().remove(0);
            store.close().await;
            let mut bytes = match *column {
                "entry" => link.entry.into_bytes(),
                "hash" => link.hash.to_vec(),
                _ => link.previous.to_vec(),
            };
            let place = place % bytes.len();
            bytes[place] ^= mask;
            let hex = crate::base::hex::encode(&bytes);
            let value =
                if *column == "entry" { format!("CAST(x'{hex}' AS TEXT)") } else { format!("x'{hex}'") };
            vec![format!("UPDATE audit SET {column} = {value} WHERE seq = {seq}")]
        }
        Change::Delete { seq } => vec![format!("DELETE FROM audit WHERE seq = {seq}")],
        Change::Duplicate { seq, after } => vec![
            "CREATE TEMP TABLE copy AS SELECT * FROM audit".to_owned(),
            format!("DELETE FROM audit WHERE seq > {after}"),
            format!(
                "INSERT INTO audit SELECT connection, {after} + 1, previous, hash, at, intent, entry FROM copy WHERE seq = {seq}"
            ),
            format!(
                "INSERT INTO audit SELECT connection, seq + 1, previous, hash, at, intent, entry FROM copy WHERE seq > {after}"
            ),
        ],
        Change::Swap { one, other } => vec![
            format!("UPDATE audit SET seq = -1 WHERE seq = {one}"),
            format!("UPDATE audit SET seq = {one} WHERE seq = {other}"),
            format!("UPDATE audit SET seq = {other} WHERE seq = -1"),
        ],
        Change::Truncate { after, tidily } => {
            let mut all = vec![format!("DELETE FROM audit WHERE seq > {after}")];
            if *tidily {
                all.push(format!(
                    "UPDATE audit_heads SET seq = {after},
                     hash = coalesce((SELECT hash FROM audit WHERE seq = {after}), zeroblob(32))"
                ));
            }
            all
        }
    }
}

/// The first place that can tell.
fn first(change: &Change) -> i64 {
    match change {
        Change::Flip { seq, .. } | Change::Delete { seq } => *seq,
        // A link before itself is in its place; the one that was there is not.
        Change::Duplicate { seq, after } if *seq == after + 1 => after + 2,
        Change::Duplicate { after, .. } | Change::Truncate { after, .. } => after + 1,
        Change::Swap { one, other } => *one.min(other),
    }
}

#[test]
fn every_change_is_found_at_its_first_place() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let original = runtime.block_on(Place::with(LENGTH));
    let pristine = std::fs::read(original.database()).unwrap();
    let cases = std::env::var("AUDIT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    proptest!(ProptestConfig::with_cases(cases), |(change in change())| {
        std::fs::write(original.database(), &pristine).unwrap();
        let found = runtime.block_on(async {
            let statements = statements(&original.database(), &change).await;
            finding(&original.after(&statements).await)
        });
        prop_assert_eq!(found.map(|(seq, _)| seq), Some(first(&change)), "{:?}", change);
    });
}

#[tokio::test]
async fn signed_heads_are_a_chain_that_knows_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit-heads.jsonl");
    let store = sqlite::open(&directory.path().join("portcullis.db")).await.unwrap();
    let gateway = gateway(Arc::clone(&store));
    for number in 1..=3 {
        store.commit(vec![Write::Audit(Box::new(entry("hive", number)))]).await.unwrap();
        // Each time by a process that begins anew; the last one was stopped in the middle of a line.
        let notary = Arc::new(Notary::open(&path, key()).unwrap());
        gateway.sign_heads(&notary, true).await;
        gateway.sign_heads(&notary, true).await;
    }
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{{\"statement\"")).unwrap();
    drop(Notary::open(&path, key()).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let read = HeadsFile::read(&text, &key().public());
    let places: Vec<_> = read.lines.iter().map(|line| (line.number, line.heads[0].seq)).collect();
    assert_eq!((places, read.wrong.len()), (vec![(1, 1), (2, 2), (3, 3)], 0));
    assert_eq!(read.of("hive").len(), 3);

    let lines: Vec<&str> = text.lines().collect();
    let wrong = |lines: &[&str], public: &str| HeadsFile::read(&lines.join("\n"), public).wrong;
    assert_eq!(wrong(&lines[1..], &key().public()), [], "a copy may begin later");
    assert_eq!(wrong(&[lines[0], lines[2]], &key().public()), [(2, "it does not follow the line before it")]);
    let moved = lines[1].replace("\"seq\":2", "\"seq\":1");
    assert_eq!(wrong(&[lines[0], &moved], &key().public()), [(2, "its signature is wrong")]);
    assert_eq!(wrong(&["x"], &key().public()), [(1, "it cannot be read")]);
    let stranger = SigningKey::from_seed(&SigningKey::seed([8; 32])).unwrap().public();
    assert_eq!(wrong(&lines[..1], &stranger), [(1, "it was signed with another key")]);
    assert_eq!(Head::beginning("hive").seq, 0);
}

/// `AUDIT_LINKS=1000000 cargo test --release --lib a_long_chain -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_long_chain_is_verified_in_time() {
    let length: i64 =
        std::env::var("AUDIT_LINKS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite::open(&directory.path().join("portcullis.db")).await.unwrap();
    for part in 0..length / 1_000 {
        let numbers = part * 1_000 + 1..=part * 1_000 + 1_000;
        let writes = numbers.map(|number| Write::Audit(Box::new(entry("hive", number)))).collect();
        store.commit(writes).await.unwrap();
    }
    let began = std::time::Instant::now();
    let verified = gateway(store).verify_audit(None, &HeadsFile::default()).await.unwrap();
    println!("{length} links verified in {:?}", began.elapsed());
    assert_eq!((verified[0].good, &verified[0].finding), (length, &None));
}
