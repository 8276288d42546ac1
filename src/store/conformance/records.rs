//! Claims about records: names, versions, keys, listings.

use std::sync::Arc;

use super::{HERE, THERE, group, ids, insert, replace, user, write};
use crate::base::clock::Timestamp;
use crate::store::{Error, Intents, Key, Kind, Lifecycle, Record, Store, Write};

type Subject = Arc<dyn Store>;

/// A record that uses every field.
pub(super) fn full(id: &str) -> Record {
    Record {
        account: Some("acc-7".to_owned()),
        external_id: Some("00u1ABC".to_owned()),
        email_keys: vec!["anna@corp.example".to_owned(), "a.berg@corp.example".to_owned()],
        display_key: Some("anna \"æ\" berg".to_owned()),
        told_key: Some("anna ø. berg".to_owned()),
        active: Some(true),
        desired: r#"{"name":{"formatted":"Anna \"Æ\" Berg\n"},"x":[1,2.50,null]}"#.to_owned(),
        observed: Some(r#"{"role":"member"}"#.to_owned()),
        standing: r#"{"tombstone":true}"#.to_owned(),
        generation: 7,
        version: 9,
        created_at: Timestamp(1_700_000_000_123_456),
        modified_at: Timestamp(1_700_000_001_000_001),
        observed_at: Some(Timestamp(1_700_000_002_000_002)),
        ..user(id, "Anna.Berg@Corp.Example")
    }
}

pub(super) async fn a_record_comes_back_as_it_was_written(store: &Subject) {
    let (with_all, with_least) = (full("u1"), user("u2", "bo@corp.example"));
    write(store, [insert(with_all.clone()), insert(with_least.clone())]).await;
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), Some(with_all.clone()));
    assert_eq!(store.record(HERE, Kind::User, "u2").await.unwrap(), Some(with_least));

    let emptied = Record { version: 10, generation: 8, ..user("u1", "ann@corp.example") };
    write(store, [replace(emptied.clone(), 9)]).await;
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), Some(emptied));
}

pub(super) async fn an_unknown_record_is_none(store: &Subject) {
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), None);
    assert_eq!(store.find(HERE, Kind::User, &Key::Name("anna".to_owned())).await.unwrap(), vec![]);
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 0);
}

pub(super) async fn a_connection_does_not_see_the_records_of_another(store: &Subject) {
    write(store, [insert(full("u1"))]).await;
    assert_eq!(store.record(THERE, Kind::User, "u1").await.unwrap(), None);
    assert_eq!(store.record(HERE, Kind::Group, "u1").await.unwrap(), None);
    assert_eq!(store.count(THERE, Kind::User).await.unwrap(), 0);
    assert_eq!(store.scan(THERE, Kind::User, 0, 10).await.unwrap(), vec![]);
    let email = Key::Email("anna@corp.example".to_owned());
    assert_eq!(store.find(THERE, Kind::User, &email).await.unwrap(), vec![]);
}

pub(super) async fn a_name_is_taken_whatever_its_spelling(store: &Subject) {
    write(store, [insert(user("u1", "Anna@Corp.Example")), insert(user("u2", "bo@corp.example"))]).await;
    let other_spelling = insert(user("u3", "ａnna@corp.example"));
    assert!(matches!(store.commit(vec![other_spelling]).await, Err(Error::NameTaken)));
    let renamed = Record { version: 2, ..user("u2", "ANNA@corp.example") };
    assert!(matches!(store.commit(vec![replace(renamed, 1)]).await, Err(Error::NameTaken)));
    let respelled = Record { version: 2, ..user("u1", "anna@corp.example") };
    write(store, [replace(respelled, 1)]).await;
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 2);
}

pub(super) async fn a_name_is_free_in_another_kind_and_connection(store: &Subject) {
    let there = Record { connection: THERE.to_owned(), ..user("u1", "anna") };
    write(store, [insert(user("u1", "anna")), insert(group("g1", "anna")), insert(there)]).await;
    assert_eq!(store.count(HERE, Kind::Group).await.unwrap(), 1);
    assert_eq!(store.count(THERE, Kind::User).await.unwrap(), 1);
}

pub(super) async fn a_deleted_record_is_hidden_and_its_name_free(store: &Subject) {
    write(store, [insert(full("u1"))]).await;
    let deleted = Record { lifecycle: Lifecycle::Deleted, version: 10, ..full("u1") };
    write(store, [replace(deleted, 9), insert(user("u2", "anna.berg@corp.example"))]).await;
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), None);
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 1);
    assert_eq!(ids(&store.scan(HERE, Kind::User, 0, 10).await.unwrap()), ["u2"]);
    for key in [
        Key::Id("u1".to_owned()),
        Key::ExternalId("00u1ABC".to_owned()),
        Key::Email("anna@corp.example".to_owned()),
        Key::Display("anna \"æ\" berg".to_owned()),
    ] {
        assert_eq!(store.find(HERE, Kind::User, &key).await.unwrap(), vec![], "{key:?}");
    }
    let name = Key::Name("anna.berg@corp.example".to_owned());
    assert_eq!(ids(&store.find(HERE, Kind::User, &name).await.unwrap()), ["u2"]);
}

pub(super) async fn a_deleted_record_comes_back_only_to_a_free_name(store: &Subject) {
    let gone = Record { lifecycle: Lifecycle::Deleted, ..user("u1", "anna") };
    write(store, [insert(gone), insert(user("u2", "anna"))]).await;
    let back = Record { version: 2, ..user("u1", "anna") };
    assert!(matches!(store.commit(vec![replace(back.clone(), 1)]).await, Err(Error::NameTaken)));
    let leaves = Record { lifecycle: Lifecycle::Deleted, version: 2, ..user("u2", "anna") };
    write(store, [replace(leaves, 1), replace(back, 1)]).await;
    assert_eq!(ids(&store.scan(HERE, Kind::User, 0, 10).await.unwrap()), ["u1"]);
}

pub(super) async fn a_deleted_record_is_found_by_account_and_by_id(store: &Subject) {
    let deleted = Record { lifecycle: Lifecycle::Deleted, ..full("u1") };
    write(store, [insert(deleted.clone())]).await;
    let found = store.find(HERE, Kind::User, &Key::Account("acc-7".to_owned())).await.unwrap();
    assert_eq!(found, vec![deleted.clone()]);
    write(store, [insert(user("u2", "bo@corp.example"))]).await;
    let by_id = async |id: &str| store.find(HERE, Kind::User, &Key::Deleted(id.to_owned())).await.unwrap();
    assert_eq!((by_id("u1").await, by_id("u2").await), (vec![deleted], vec![]));
}

pub(super) async fn inserting_an_existing_id_is_stale(store: &Subject) {
    write(store, [insert(user("u1", "anna"))]).await;
    assert!(matches!(store.commit(vec![insert(user("u1", "bo"))]).await, Err(Error::Stale)));
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), Some(user("u1", "anna")));
}

pub(super) async fn replacing_another_version_is_stale(store: &Subject) {
    write(store, [insert(user("u1", "anna"))]).await;
    let next = Record { version: 2, ..user("u1", "bo") };
    assert!(matches!(store.commit(vec![replace(next, 5)]).await, Err(Error::Stale)));
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), Some(user("u1", "anna")));
}

pub(super) async fn replacing_an_unknown_record_is_stale(store: &Subject) {
    assert!(matches!(store.commit(vec![replace(user("u1", "anna"), 1)]).await, Err(Error::Stale)));
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 0);
}

pub(super) async fn of_two_replacements_of_one_version_one_is_stale(store: &Subject) {
    write(store, [insert(user("u1", "anna"))]).await;
    let next = Record { version: 2, ..user("u1", "anna") };
    let (one, other) =
        tokio::join!(store.commit(vec![replace(next.clone(), 1)]), store.commit(vec![replace(next, 1)]));
    let stale = [one, other].iter().filter(|result| matches!(result, Err(Error::Stale))).count();
    assert_eq!(stale, 1);
}

pub(super) async fn a_failing_batch_leaves_nothing_behind(store: &Subject) {
    write(store, [insert(user("u1", "anna"))]).await;
    let memberships = vec![super::members::membership("g1", "u1")];
    let batch = vec![
        insert(group("g1", "staff")),
        Write::AddMembers { connection: HERE.to_owned(), memberships },
        Write::Intent(super::journal::intent("i1", "u1", 1)),
        Write::Task(super::journal::task("t1", "invite:u1")),
        Write::Token(super::journal::token("k1")),
        insert(user("u2", "anna")),
    ];
    assert!(matches!(store.commit(batch).await, Err(Error::NameTaken)));
    assert_eq!(store.count(HERE, Kind::Group).await.unwrap(), 0);
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 1);
    assert_eq!(store.members(HERE, "g1").await.unwrap(), vec![]);
    assert_eq!(store.intents(&Intents::AllOpen(None)).await.unwrap(), vec![]);
    assert_eq!(store.tasks(None, false).await.unwrap(), vec![]);
    assert_eq!(store.tokens().await.unwrap(), vec![]);
}

pub(super) async fn an_empty_batch_is_nothing_to_do(store: &Subject) {
    store.commit(vec![]).await.unwrap();
}

pub(super) async fn every_key_finds_its_record_and_no_other(store: &Subject) {
    let decoy = Record {
        account: Some("acc-8".to_owned()),
        external_id: Some("00u1abc".to_owned()),
        email_keys: vec!["bo@corp.example".to_owned()],
        display_key: Some("bo".to_owned()),
        active: Some(false),
        ..user("u2", "bo@corp.example")
    };
    write(store, [insert(full("u1")), insert(decoy)]).await;
    for key in [
        Key::Id("u1".to_owned()),
        Key::Account("acc-7".to_owned()),
        Key::Name("anna.berg@corp.example".to_owned()),
        Key::ExternalId("00u1ABC".to_owned()),
        Key::Email("anna@corp.example".to_owned()),
        Key::Email("a.berg@corp.example".to_owned()),
        Key::Display("anna \"æ\" berg".to_owned()),
        Key::Display("anna ø. berg".to_owned()),
        Key::NamePrefix("anna.b".to_owned()),
        Key::DisplayPrefix("anna ø".to_owned()),
        Key::Active(true),
        Key::Modified { from: Timestamp(1_700_000_000_000_000), to: Timestamp(i64::MAX) },
    ] {
        assert_eq!(store.find(HERE, Kind::User, &key).await.unwrap(), vec![full("u1")], "{key:?}");
    }
}

pub(super) async fn a_changed_address_moves_in_the_index(store: &Subject) {
    write(store, [insert(full("u1"))]).await;
    let moved = Record { email_keys: vec!["anna@new.example".to_owned()], version: 10, ..full("u1") };
    write(store, [replace(moved, 9)]).await;
    let (old, new) = (Key::Email("anna@corp.example".to_owned()), Key::Email("anna@new.example".to_owned()));
    assert_eq!(store.find(HERE, Kind::User, &old).await.unwrap(), vec![]);
    assert_eq!(ids(&store.find(HERE, Kind::User, &new).await.unwrap()), ["u1"]);
}

pub(super) async fn what_is_found_is_in_id_order(store: &Subject) {
    let sharing = |id: &str| Record {
        email_keys: vec!["team@corp.example".to_owned(), "team@corp.example".to_owned()],
        display_key: Some("sam".to_owned()),
        external_id: Some("e".to_owned()),
        account: Some("a".to_owned()),
        ..user(id, id)
    };
    write(store, ["u3", "u1", "u2"].map(|id| insert(sharing(id)))).await;
    for key in [
        Key::Email("team@corp.example".to_owned()),
        Key::Display("sam".to_owned()),
        Key::ExternalId("e".to_owned()),
        Key::Account("a".to_owned()),
    ] {
        let found = store.find(HERE, Kind::User, &key).await.unwrap();
        assert_eq!(ids(&found), ["u1", "u2", "u3"], "{key:?}");
    }
}

pub(super) async fn a_scan_pages_through_the_live_records_in_id_order(store: &Subject) {
    let named = |number: u32| user(&format!("u{number:02}"), &format!("name{number:02}"));
    write(store, (0..25).rev().map(|number| insert(named(number)))).await;
    let deleted = Record { lifecycle: Lifecycle::Deleted, version: 2, ..named(3) };
    write(store, [replace(deleted, 1), insert(group("g1", "staff"))]).await;

    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 24);
    assert_eq!(ids(&store.scan(HERE, Kind::User, 0, 4).await.unwrap()), ["u00", "u01", "u02", "u04"]);
    assert_eq!(ids(&store.scan(HERE, Kind::User, 4, 2).await.unwrap()), ["u05", "u06"]);
    assert_eq!(ids(&store.scan(HERE, Kind::User, 22, 10).await.unwrap()), ["u23", "u24"]);
    assert_eq!(store.scan(HERE, Kind::User, 24, 10).await.unwrap(), vec![]);
    assert_eq!(store.scan(HERE, Kind::User, 0, 0).await.unwrap(), vec![]);
    assert_eq!(store.scan(HERE, Kind::User, u64::MAX, u64::MAX).await.unwrap(), vec![]);
}

pub(super) async fn a_scan_goes_on_after_an_id_whether_it_is_there_or_not(store: &Subject) {
    let named = |number: u32| user(&format!("u{number:02}"), &format!("name{number:02}"));
    write(store, (0..6).map(|number| insert(named(number)))).await;
    let deleted = Record { lifecycle: Lifecycle::Deleted, version: 2, ..named(3) };
    write(store, [replace(deleted, 1), insert(group("u99", "staff"))]).await;

    let after = async |after: &str, limit: u64| {
        let found = store.scan_after(HERE, Kind::User, after, limit).await.unwrap();
        found.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(after("", 2).await, ["u00", "u01"]);
    assert_eq!(after("u01", 2).await, ["u02", "u04"]);
    assert_eq!(after("u03", u64::MAX).await, ["u04", "u05"]);
    assert_eq!(after("u04a", 9).await, ["u05"]);
    assert_eq!(after("u05", 9).await, Vec::<String>::new());
    assert_eq!(after("", 0).await, Vec::<String>::new());
}

pub(super) async fn records_are_read_by_their_ids_in_id_order(store: &Subject) {
    let deleted = Record { lifecycle: Lifecycle::Deleted, ..user("u4", "gone") };
    let writes = [full("u1"), user("u2", "bo"), user("u3", "cy"), deleted, group("g1", "staff")];
    write(store, writes.map(insert)).await;
    let ids = ["u3", "u1", "u4", "g1", "nobody", "u3", "\"u2\""].map(str::to_owned);
    let found = store.records(HERE, Kind::User, &ids).await.unwrap();
    assert_eq!(found, vec![full("u1"), user("u3", "cy")]);
    assert_eq!(store.records(THERE, Kind::User, &ids).await.unwrap(), vec![]);
    assert_eq!(store.records(HERE, Kind::User, &[]).await.unwrap(), vec![]);
}
