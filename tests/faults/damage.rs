//! A database that was damaged is refused with words, or works: it never panics and never forgets silently who left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis::base::clock::Timestamp;
use portcullis::store::{Error, Intent, IntentState, Intents, Kind, Store, Write, sqlite};
use tempfile::TempDir;

use crate::harness::dice::Dice;
use crate::setting;

/// Flips of one bit, and cuts of the log.
const FLIPS: u64 = 120;
const CUTS: u64 = 60;
const LEAVERS: usize = 40;

fn leaver(number: usize) -> Intent {
    Intent {
        id: format!("intent-{number:03}"),
        connection: "app".to_owned(),
        kind: Kind::User,
        resource: format!("person-{number:03}"),
        operation: "deactivate".to_owned(),
        name_key: String::new(),
        generation: 1,
        plan: "{\"desired\":{\"userName\":\"ada\",\"active\":false},\"deleted\":false}".to_owned(),
        sticky: true,
        state: IntentState::Attempting,
        attempts: 1,
        strikes: 0,
        next_attempt_at: Timestamp(1),
        request_id: "r".to_owned(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        outcome: None,
        fence: None,
    }
}

/// A database with leavers that are not done; its log is not folded in.
async fn written(folder: &Path) -> Arc<dyn Store> {
    let store = sqlite::open(&folder.join("p.db")).await.unwrap();
    for number in 0..LEAVERS {
        store.commit(vec![Write::Intent(leaver(number))]).await.unwrap();
    }
    store
}

fn copy(from: &Path, to: &Path) {
    for name in ["p.db", "p.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// Opens what is left: the leavers in order without a gap, or the reason why not.
async fn read(folder: &Path) -> Result<Vec<String>, Error> {
    let store = sqlite::open(&folder.join("p.db")).await?;
    let open = store.intents(&Intents::AllOpen(None)).await;
    store.close().await;
    Ok(open?.into_iter().map(|intent| intent.resource).collect())
}

fn prefix(count: usize) -> Vec<String> {
    (0..count).map(|number| leaver(number).resource).collect()
}

#[tokio::test]
async fn a_flipped_bit_is_refused_with_words_or_harms_nothing() {
    let mut dice = Dice::split(setting("PORTCULLIS_SEED", u64::from(std::process::id())), 3);
    let origin = TempDir::new().unwrap();
    written(origin.path()).await.close().await;
    let whole = fs::read(origin.path().join("p.db")).unwrap();
    let (mut refused, mut wrong) = (0, Vec::new());
    for _ in 0..setting("PORTCULLIS_FLIPS", FLIPS) {
        let place = TempDir::new().unwrap();
        let mut bytes = whole.clone();
        let (at, bit) = (dice.below(bytes.len()), dice.below(8));
        bytes[at] ^= 1 << bit;
        fs::write(place.path().join("p.db"), &bytes).unwrap();
        match read(place.path()).await {
            Ok(people) if people == prefix(LEAVERS) => {}
            Ok(people) => wrong.push(format!("byte {at}, bit {bit}: {} leavers", people.len())),
            Err(Error::Refused(text) | Error::Unavailable(text)) => {
                assert!(!text.is_empty(), "byte {at}, bit {bit}");
                refused += 1;
            }
            Err(other) => panic!("byte {at}, bit {bit}: {other}"),
        }
    }
    println!("{refused} refused, {} unlike what was written: {wrong:?}", wrong.len());
    // Nobody guards what a row says: only the structure of the file is checked.
    assert!(wrong.len() <= 6, "{wrong:?}");
}

#[tokio::test]
async fn a_log_that_was_cut_off_keeps_what_came_before() {
    let mut dice = Dice::split(setting("PORTCULLIS_SEED", u64::from(std::process::id())), 4);
    let origin = TempDir::new().unwrap();
    let store = written(origin.path()).await;
    let frozen = TempDir::new().unwrap();
    copy(origin.path(), frozen.path());
    store.close().await;
    let log = fs::read(frozen.path().join("p.db-wal")).unwrap();
    assert!(log.len() > 100_000, "the log was folded in: {}", log.len());
    for _ in 0..setting("PORTCULLIS_CUTS", CUTS) {
        let place = TempDir::new().unwrap();
        copy(frozen.path(), place.path());
        let length = dice.below(log.len());
        fs::write(place.path().join("p.db-wal"), &log[..length]).unwrap();
        let people = read(place.path()).await.unwrap();
        assert_eq!(people, prefix(people.len()), "cut at {length}");
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_and_left_as_it_is() {
    let stuff: [&[u8]; 3] = [b"not a database at all", b"SQLite format 3\0 and then nothing", &[0xff; 9_000]];
    for bytes in stuff {
        let place = TempDir::new().unwrap();
        fs::write(place.path().join("p.db"), bytes).unwrap();
        let refused = read(place.path()).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
        assert_eq!(fs::read(place.path().join("p.db")).unwrap(), bytes);
    }
}
