//! A database that was damaged is refused with words, or works: it never panics and never forgets silently who left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis::base::clock::Timestamp;
use portcullis::store::{Error, Intent, IntentState, Intents, Kind, Lifecycle, Record, Store, Write, sqlite};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::dice::Dice;
use crate::setting;

/// Flips of one bit, and cuts of the log.
const FLIPS: u64 = 120;
const CUTS: u64 = 60;
const LEAVERS: usize = 40;
/// What the file consists of.
const PAGE: usize = 4_096;

fn id(number: usize) -> String {
    format!("person-{number:03}")
}

fn desired(number: usize) -> Value {
    json!({ "userName": format!("{}@example.com", id(number)), "active": false })
}

/// What is to be done for somebody who left.
fn intent(number: usize) -> Intent {
    Intent {
        id: format!("intent-{number:03}"),
        connection: "app".to_owned(),
        kind: Kind::User,
        resource: id(number),
        operation: "deactivate".to_owned(),
        name_key: String::new(),
        generation: 1,
        plan: json!({ "desired": desired(number), "deleted": false }).to_string(),
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

/// What is shown of them.
fn record(number: usize) -> Record {
    Record {
        connection: "app".to_owned(),
        kind: Kind::User,
        id: id(number),
        lifecycle: Lifecycle::Live,
        account: Some(format!("account-{number:03}")),
        name_key: format!("{}@example.com", id(number)),
        label: format!("{}@example.com", id(number)),
        external_id: None,
        email_keys: Vec::new(),
        display_key: None,
        told_key: None,
        active: Some(false),
        desired: desired(number).to_string(),
        observed: None,
        standing: json!({ "active": false }).to_string(),
        generation: 1,
        version: 1,
        created_at: Timestamp(1),
        modified_at: Timestamp(1),
        observed_at: None,
        groups: Vec::new(),
    }
}

/// A database with leavers that are not done; its log is not folded in.
async fn written(folder: &Path) -> Arc<dyn Store> {
    let store = sqlite::open(&folder.join("p.db")).await.unwrap();
    for number in 0..LEAVERS {
        let record = Write::Record { record: Box::new(record(number)), expected: None };
        store.commit(vec![record, Write::Intent(intent(number))]).await.unwrap();
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

/// All who left, as they are remembered: what is to be done, and what is shown.
type People = (Vec<Intent>, Vec<Record>);

/// Opens what is left: the leavers in order, or the reason why not.
async fn read(folder: &Path) -> Result<People, Error> {
    let store = sqlite::open(&folder.join("p.db")).await?;
    let ids: Vec<String> = (0..LEAVERS).map(id).collect();
    let open = store.intents(&Intents::AllOpen(None)).await;
    let records = store.records("app", Kind::User, &ids).await;
    store.close().await;
    Ok((open?, records?))
}

fn prefix(count: usize) -> People {
    ((0..count).map(intent).collect(), (0..count).map(record).collect())
}

/// Whether this says at `path` that somebody has no access.
fn is_out(text: &str, path: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.pointer(path) == Some(&json!(false)))
}

/// Whether somebody who left is still to be removed.
fn is_owed(number: usize, (intents, _): &People) -> bool {
    intents.iter().any(|intent| {
        let of_them = intent.connection == "app" && intent.resource == id(number);
        of_them && intent.sticky && is_out(&intent.plan, "/desired/active")
    })
}

/// Whether somebody who left is there, and shown as that.
fn is_shown(number: usize, (_, records): &People) -> bool {
    records.iter().any(|record| {
        let of_them = record.id == id(number) && record.lifecycle == Lifecycle::Live;
        of_them && record.active == Some(false) && !record.standing.contains("\"active\":true")
    })
}

/// Nobody guards what a row says: the structure of the file is checked, and its indexes against the tables. None of
/// 6 000 flips took away both that somebody is to be removed and that they are shown as out.
#[tokio::test]
async fn a_flipped_bit_is_refused_with_words_or_no_leaver_is_forgotten() {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let mut dice = Dice::split(seed, 3);
    let origin = TempDir::new().unwrap();
    written(origin.path()).await.close().await;
    let whole = fs::read(origin.path().join("p.db")).unwrap();
    let (mut refused, mut different, mut unowed, mut unshown) = (0, 0, 0, 0);
    let mut forgotten = Vec::new();
    let flips = setting("PORTCULLIS_FLIPS", FLIPS);
    for _ in 0..flips {
        let place = TempDir::new().unwrap();
        let mut bytes = whole.clone();
        let (at, bit) = (dice.below(bytes.len()), dice.below(8));
        bytes[at] ^= 1 << bit;
        fs::write(place.path().join("p.db"), &bytes).unwrap();
        match read(place.path()).await {
            Ok(people) => {
                different += u64::from(people != prefix(LEAVERS));
                let all_are = |is: fn(usize, &People) -> bool| (0..LEAVERS).all(|number| is(number, &people));
                unowed += u64::from(!all_are(is_owed));
                unshown += u64::from(!all_are(is_shown));
                if !all_are(|number, people| is_owed(number, people) || is_shown(number, people)) {
                    forgotten.push((at, bit));
                }
            }
            Err(Error::Refused(text) | Error::Unavailable(text)) => {
                assert!(!text.is_empty(), "byte {at}, bit {bit}");
                refused += 1;
            }
            Err(other) => panic!("byte {at}, bit {bit}: {other}"),
        }
    }
    println!(
        "seed {seed}, {flips} flips: {refused} refused, {different} with other content, {unowed} of them in what is to be \
         done for a leaver, {unshown} with one missing or shown as active"
    );
    assert!(forgotten.is_empty(), "seed {seed}: {forgotten:?}");
    assert!(different <= 8 + flips / 20, "{different}");
    assert!(unshown <= 2 + flips / 100, "{unshown}");
    assert!(refused > flips / 50, "{refused}: nothing was damaged");
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
        assert_eq!(people, prefix(people.0.len()), "cut at {length}");
    }
}

/// Where a file of so many bytes is cut: in its header, at the borders of pages and anywhere.
fn cuts(dice: &mut Dice, length: usize) -> Vec<usize> {
    let header = [1, 15, 16, 17, 24, 99, 100, 101, 511, 512].into_iter();
    let borders = (1..length.div_ceil(PAGE)).map(|page| page * PAGE);
    let anywhere = (0..setting("PORTCULLIS_CUTS", CUTS)).map(|_| 1 + dice.below(length - 1));
    header.chain(borders).chain(anywhere).collect()
}

#[tokio::test]
async fn a_file_that_lacks_a_page_is_refused_with_words() {
    let mut dice = Dice::split(setting("PORTCULLIS_SEED", u64::from(std::process::id())), 5);
    let origin = TempDir::new().unwrap();
    written(origin.path()).await.close().await;
    let whole = fs::read(origin.path().join("p.db")).unwrap();
    for length in cuts(&mut dice, whole.len()).into_iter().filter(|length| *length <= whole.len() - PAGE) {
        let place = TempDir::new().unwrap();
        fs::write(place.path().join("p.db"), &whole[..length]).unwrap();
        let refused = read(place.path()).await;
        let names_it = matches!(&refused, Err(Error::Refused(text)) if text.contains("p.db"));
        assert!(names_it, "cut at {length}: {refused:?}");
    }
}

/// The log has every page; the file has the first one, which says what it is.
#[tokio::test]
async fn a_file_that_was_cut_off_beside_its_log_is_refused_or_has_what_the_log_tells() {
    let mut dice = Dice::split(setting("PORTCULLIS_SEED", u64::from(std::process::id())), 6);
    let origin = TempDir::new().unwrap();
    let store = written(origin.path()).await;
    let frozen = TempDir::new().unwrap();
    copy(origin.path(), frozen.path());
    store.close().await;
    let file = fs::read(frozen.path().join("p.db")).unwrap();
    for length in cuts(&mut dice, file.len()) {
        let place = TempDir::new().unwrap();
        copy(frozen.path(), place.path());
        fs::write(place.path().join("p.db"), &file[..length]).unwrap();
        match read(place.path()).await {
            Ok(people) => assert_eq!(people, prefix(LEAVERS), "cut at {length}"),
            Err(Error::Refused(text)) => assert!(text.contains("p.db"), "cut at {length}: {text}"),
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_file_of_no_bytes_beside_nothing_is_a_new_database() {
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("p.db"), []).unwrap();
    assert_eq!(read(place.path()).await.unwrap(), prefix(0));
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

#[tokio::test]
async fn a_log_beside_an_empty_file_or_none_is_refused_or_read() {
    let origin = TempDir::new().unwrap();
    let store = written(origin.path()).await;
    let mut wrong = Vec::new();
    for is_there in [true, false] {
        let place = TempDir::new().unwrap();
        copy(origin.path(), place.path());
        fs::remove_file(place.path().join("p.db")).unwrap();
        if is_there {
            fs::write(place.path().join("p.db"), []).unwrap();
        }
        match read(place.path()).await {
            Ok(people) if people != prefix(LEAVERS) => wrong.push((is_there, people.0.len(), people.1.len())),
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    store.close().await;
    assert!(wrong.is_empty(), "the file is there, leavers, people: {wrong:?}");
}

#[tokio::test]
async fn a_file_that_lacks_the_end_of_its_last_page_is_refused_or_lacks_nothing() {
    let origin = TempDir::new().unwrap();
    written(origin.path()).await.close().await;
    let whole = fs::read(origin.path().join("p.db")).unwrap();
    let mut wrong = Vec::new();
    for missing in [1, 2, 10, 50, 100, 200, 400, 800, 1_600, 3_200, 4_095] {
        let place = TempDir::new().unwrap();
        fs::write(place.path().join("p.db"), &whole[..whole.len() - missing]).unwrap();
        match read(place.path()).await {
            Ok(people) if people != prefix(LEAVERS) => {
                let unowed = (0..LEAVERS).filter(|number| !is_owed(*number, &people)).count();
                wrong.push((missing, unowed));
            }
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(other) => panic!("{missing} bytes: {other}"),
        }
    }
    assert!(
        wrong.is_empty(),
        "bytes that are missing, leavers who are not to be removed any more: {wrong:?}"
    );
}

#[tokio::test]
async fn nobody_who_left_is_missing_after_a_flip_in_an_index() {
    let mut dice = Dice::split(77, 3);
    let origin = TempDir::new().unwrap();
    written(origin.path()).await.close().await;
    let whole = fs::read(origin.path().join("p.db")).unwrap();
    let mut missing = Vec::new();
    for _ in 0..2_000 {
        let place = TempDir::new().unwrap();
        let mut bytes = whole.clone();
        let (at, bit) = (dice.below(bytes.len()), dice.below(8));
        bytes[at] ^= 1 << bit;
        fs::write(place.path().join("p.db"), &bytes).unwrap();
        if let Ok((_, records)) = read(place.path()).await
            && records.len() < LEAVERS
        {
            missing.push((at, bit, LEAVERS - records.len()));
        }
    }
    assert!(missing.is_empty(), "byte, bit, people who are not found: {missing:?}");
}
