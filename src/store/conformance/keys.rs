//! Claims about keys that many records may share.

use std::sync::Arc;

use super::members::membership;
use super::records::full;
use super::{HERE, THERE, group, ids, insert, replace, user, write};
use crate::base::clock::Timestamp;
use crate::store::{Key, Kind, Lifecycle, Record, Store, Write};

type Subject = Arc<dyn Store>;

async fn found(store: &Subject, kind: Kind, key: Key) -> Vec<String> {
    let records = store.find(HERE, kind, &key).await.unwrap();
    ids(&records).into_iter().map(str::to_owned).collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

pub(super) async fn a_name_is_found_by_its_beginning(store: &Subject) {
    let names = [
        ("u1", "ann"),
        ("u2", "anna"),
        ("u3", "ann\u{10ffff}x"),
        ("u4", "ano"),
        ("u5", "an"),
        ("u6", "åsa"),
        ("u7", "a%"),
        ("u8", "a_b"),
        ("u9", "\u{10ffff}\u{10ffff}"),
    ];
    write(store, names.map(|(id, name)| insert(user(id, name)))).await;
    let by = async |prefix: &str| found(store, Kind::User, Key::NamePrefix(text(prefix))).await;
    assert_eq!(by("ann").await, ["u1", "u2", "u3"]);
    assert_eq!(by("anna").await, ["u2"]);
    assert_eq!(by("ann\u{10ffff}").await, ["u3"]);
    assert_eq!(by("a%").await, ["u7"]);
    assert_eq!(by("a_").await, ["u8"]);
    assert_eq!(by("å").await, ["u6"]);
    assert_eq!(by("\u{10ffff}").await, ["u9"]);
    assert_eq!(by("Ann").await, Vec::<String>::new());
    assert_eq!(by("").await.len(), names.len());
}

pub(super) async fn a_display_name_is_found_as_asked_for_and_as_told(store: &Subject) {
    let named = |id: &str, asked: Option<&str>, told: Option<&str>| Record {
        display_key: asked.map(text),
        told_key: told.map(text),
        ..user(id, id)
    };
    let people = [
        named("u1", Some("anna berg"), None),
        named("u2", None, Some("anna berg")),
        named("u3", Some("anna berg"), Some("anna berg")),
        named("u4", Some("anna"), Some("berg")),
        named("u5", None, None),
    ];
    write(store, people.map(insert)).await;
    assert_eq!(found(store, Kind::User, Key::Display(text("anna berg"))).await, ["u1", "u2", "u3"]);
    assert_eq!(found(store, Kind::User, Key::DisplayPrefix(text("anna"))).await, ["u1", "u2", "u3", "u4"]);
    assert_eq!(found(store, Kind::User, Key::DisplayPrefix(text("be"))).await, ["u4"]);
    assert_eq!(found(store, Kind::User, Key::Display(text("be"))).await, Vec::<String>::new());

    let told_otherwise = Record { version: 2, ..named("u2", None, Some("anna lind")) };
    let told_no_more = Record { version: 2, ..named("u3", Some("anna"), None) };
    write(store, [replace(told_otherwise, 1), replace(told_no_more, 1)]).await;
    assert_eq!(found(store, Kind::User, Key::Display(text("anna berg"))).await, ["u1"]);
    assert_eq!(found(store, Kind::User, Key::Display(text("anna lind"))).await, ["u2"]);
}

pub(super) async fn the_active_and_the_inactive_are_told_apart(store: &Subject) {
    let person = |id: &str, active: Option<bool>| Record { active, ..user(id, id) };
    let people = [person("u2", Some(true)), person("u1", Some(true)), person("u3", Some(false))];
    write(store, people.into_iter().chain([person("u4", None)]).map(insert)).await;
    assert_eq!(found(store, Kind::User, Key::Active(true)).await, ["u1", "u2"]);
    assert_eq!(found(store, Kind::User, Key::Active(false)).await, ["u3"]);
    let left = Record { version: 2, ..person("u1", Some(false)) };
    let unknown = Record { version: 2, ..person("u2", None) };
    write(store, [replace(left, 1), replace(unknown, 1)]).await;
    assert_eq!(found(store, Kind::User, Key::Active(true)).await, Vec::<String>::new());
    assert_eq!(found(store, Kind::User, Key::Active(false)).await, ["u1", "u3"]);
}

pub(super) async fn a_change_is_found_by_its_moment(store: &Subject) {
    let at = |id: &str, moment: i64| Record { modified_at: Timestamp(moment), ..user(id, id) };
    write(store, [at("u3", 10), at("u1", 20), at("u2", 30), at("u4", -5)].map(insert)).await;
    let between = async |from: i64, to: i64| {
        found(store, Kind::User, Key::Modified { from: Timestamp(from), to: Timestamp(to) }).await
    };
    assert_eq!(between(10, 20).await, ["u1", "u3"]);
    assert_eq!(between(11, i64::MAX).await, ["u1", "u2"]);
    assert_eq!(between(i64::MIN, 10).await, ["u3", "u4"]);
    assert_eq!(between(21, 29).await, Vec::<String>::new());
    assert_eq!(between(20, 10).await, Vec::<String>::new());
    write(store, [replace(Record { version: 2, ..at("u1", 40) }, 1)]).await;
    assert_eq!(between(15, 35).await, ["u2"]);
    assert_eq!(between(40, 40).await, ["u1"]);
}

pub(super) async fn the_members_of_a_group_are_found(store: &Subject) {
    let memberships = ["u2", "u1", "g2", "later"].map(|member| membership("g1", member)).to_vec();
    let people =
        [user("u1", "anna"), user("u2", "bo"), user("u3", "cy"), group("g1", "staff"), group("g2", "all")];
    write(store, people.map(insert)).await;
    write(store, [Write::AddMembers { connection: text(HERE), memberships }]).await;
    assert_eq!(found(store, Kind::User, Key::Group(text("g1"))).await, ["u1", "u2"]);
    assert_eq!(found(store, Kind::Group, Key::Group(text("g1"))).await, ["g2"]);
    assert_eq!(found(store, Kind::User, Key::Group(text("g2"))).await, Vec::<String>::new());
}

fn every_key() -> Vec<Key> {
    vec![
        Key::Id(text("u1")),
        Key::Name(text("anna.berg@corp.example")),
        Key::ExternalId(text("00u1ABC")),
        Key::Email(text("anna@corp.example")),
        Key::Display(text("anna \"æ\" berg")),
        Key::Display(text("anna ø. berg")),
        Key::Group(text("g1")),
        Key::NamePrefix(text("anna")),
        Key::DisplayPrefix(text("anna")),
        Key::Active(true),
        Key::Modified { from: Timestamp(0), to: Timestamp(i64::MAX) },
    ]
}

pub(super) async fn no_key_finds_what_is_deleted_or_of_another_connection_or_kind(store: &Subject) {
    let deleted = Record { lifecycle: Lifecycle::Deleted, ..full("u1") };
    let elsewhere = Record { connection: text(THERE), ..full("u1") };
    let other_kind = Record { kind: Kind::Group, ..full("u1") };
    write(store, [deleted, elsewhere, other_kind].map(insert)).await;
    let memberships = vec![membership("g1", "u1")];
    write(store, [Write::AddMembers { connection: text(HERE), memberships }]).await;
    for key in every_key() {
        assert_eq!(store.find(HERE, Kind::User, &key).await.unwrap(), vec![], "{key:?}");
        assert_eq!(store.ids(HERE, Kind::User, &key).await.unwrap(), Vec::<String>::new(), "{key:?}");
    }
}

pub(super) async fn ids_are_those_of_what_is_found(store: &Subject) {
    let other = Record { email_keys: vec![text("anna@corp.example")], ..full("u0") };
    let writes = [full("u1"), Record { name_key: text("anna.b"), ..other }, group("g1", "staff")];
    write(store, writes.map(insert)).await;
    let memberships = vec![membership("g1", "u1"), membership("g1", "u0")];
    write(store, [Write::AddMembers { connection: text(HERE), memberships }]).await;
    for key in every_key() {
        let records = store.find(HERE, Kind::User, &key).await.unwrap();
        assert!(!records.is_empty(), "{key:?}");
        assert_eq!(store.ids(HERE, Kind::User, &key).await.unwrap(), ids(&records), "{key:?}");
    }
    let member = Key::Member(text("u1"));
    assert_eq!(store.ids(HERE, Kind::Group, &member).await.unwrap(), ["g1"]);
    assert_eq!(store.ids(HERE, Kind::User, &Key::Account(text("acc-7"))).await.unwrap(), ["u0", "u1"]);
}
