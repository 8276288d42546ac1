//! Claims about memberships, from the group's side and from the member's.

use std::sync::Arc;

use super::{HERE, THERE, group, ids, insert, replace, user, write};
use crate::store::{Key, Kind, Lifecycle, Membership, Record, Reference, Store, Write};

type Subject = Arc<dyn Store>;

pub(super) fn membership(group: &str, member: &str) -> Membership {
    Membership { group: group.to_owned(), member: member.to_owned() }
}

fn add<const N: usize>(pairs: [(&str, &str); N]) -> Write {
    let memberships = pairs.map(|(group, member)| membership(group, member)).to_vec();
    Write::AddMembers { connection: HERE.to_owned(), memberships }
}

fn remove<const N: usize>(pairs: [(&str, &str); N]) -> Write {
    let memberships = pairs.map(|(group, member)| membership(group, member)).to_vec();
    Write::RemoveMembers { connection: HERE.to_owned(), memberships }
}

fn reference(id: &str, label: &str, kind: Kind) -> Reference {
    Reference { id: id.to_owned(), label: label.to_owned(), kind }
}

/// Two people and two groups, nobody in any.
async fn staffed(store: &Subject) {
    write(
        store,
        [
            insert(user("u1", "Anna")),
            insert(user("u2", "Bo")),
            insert(group("g1", "Staff")),
            insert(group("g2", "Night \"shift\"")),
        ],
    )
    .await;
}

pub(super) async fn members_come_back_in_id_order_with_labels_and_kinds(store: &Subject) {
    staffed(store).await;
    write(store, [add([("g1", "u2"), ("g1", "g2"), ("g1", "u1"), ("g2", "u1")])]).await;
    assert_eq!(
        store.members(HERE, "g1").await.unwrap(),
        vec![
            reference("g2", "Night \"shift\"", Kind::Group),
            reference("u1", "Anna", Kind::User),
            reference("u2", "Bo", Kind::User),
        ]
    );
    assert_eq!(store.members(HERE, "nobody").await.unwrap(), vec![]);
    assert_eq!(store.members(THERE, "g1").await.unwrap(), vec![]);
}

pub(super) async fn a_membership_twice_is_one(store: &Subject) {
    staffed(store).await;
    write(store, [add([("g1", "u1"), ("g1", "u1")]), add([("g1", "u1"), ("g1", "u2")])]).await;
    assert_eq!(store.members(HERE, "g1").await.unwrap().len(), 2);
}

pub(super) async fn a_missing_membership_is_removed_without_complaint(store: &Subject) {
    staffed(store).await;
    write(store, [add([("g1", "u1"), ("g2", "u1")]), remove([("g1", "u1"), ("g1", "u2"), ("g9", "u9")])])
        .await;
    assert_eq!(store.members(HERE, "g1").await.unwrap(), vec![]);
    assert_eq!(store.members(HERE, "g2").await.unwrap(), vec![reference("u1", "Anna", Kind::User)]);
}

pub(super) async fn members_that_are_not_live_are_left_out(store: &Subject) {
    staffed(store).await;
    let gone = Record { lifecycle: Lifecycle::Deleted, version: 2, ..user("u1", "Anna") };
    write(store, [add([("g1", "u1"), ("g1", "u2"), ("g1", "unknown")]), replace(gone, 1)]).await;
    assert_eq!(store.members(HERE, "g1").await.unwrap(), vec![reference("u2", "Bo", Kind::User)]);
}

pub(super) async fn records_carry_their_live_groups(store: &Subject) {
    staffed(store).await;
    let closed = Record { lifecycle: Lifecycle::Deleted, ..group("g3", "Closed") };
    write(
        store,
        [insert(closed), add([("g2", "u1"), ("g1", "u1"), ("g3", "u1"), ("g9", "u1"), ("g1", "g2")])],
    )
    .await;
    let groups = vec![reference("g1", "Staff", Kind::Group), reference("g2", "Night \"shift\"", Kind::Group)];
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap().unwrap().groups, groups);
    assert_eq!(store.record(HERE, Kind::User, "u2").await.unwrap().unwrap().groups, vec![]);
    assert_eq!(store.record(HERE, Kind::Group, "g2").await.unwrap().unwrap().groups, groups[..1]);
    let found = store.find(HERE, Kind::User, &Key::Name("anna".to_owned())).await.unwrap();
    assert_eq!(found[0].groups, groups);
    assert_eq!(store.scan(HERE, Kind::User, 0, 1).await.unwrap()[0].groups, groups);
}

pub(super) async fn groups_are_found_by_member(store: &Subject) {
    staffed(store).await;
    let closed = Record { lifecycle: Lifecycle::Deleted, ..group("g3", "Closed") };
    write(store, [insert(closed), add([("g2", "u1"), ("g1", "u1"), ("g3", "u1"), ("g2", "u2")])]).await;
    let of = |member: &str| Key::Member(member.to_owned());
    assert_eq!(ids(&store.find(HERE, Kind::Group, &of("u1")).await.unwrap()), ["g1", "g2"]);
    assert_eq!(ids(&store.find(HERE, Kind::Group, &of("u2")).await.unwrap()), ["g2"]);
    assert_eq!(store.find(HERE, Kind::Group, &of("u3")).await.unwrap(), vec![]);
    assert_eq!(store.find(THERE, Kind::Group, &of("u1")).await.unwrap(), vec![]);
}

pub(super) async fn a_renamed_group_shows_its_new_label(store: &Subject) {
    staffed(store).await;
    let renamed = Record { version: 2, ..group("g1", "Everyone") };
    write(store, [add([("g1", "u1")]), replace(renamed, 1)]).await;
    let record = store.record(HERE, Kind::User, "u1").await.unwrap().unwrap();
    assert_eq!(record.groups, vec![reference("g1", "Everyone", Kind::Group)]);
}

pub(super) async fn a_cleared_group_is_empty(store: &Subject) {
    staffed(store).await;
    let clear = Write::ClearMembers { connection: HERE.to_owned(), group: "g1".to_owned() };
    write(store, [add([("g1", "u1"), ("g1", "u2"), ("g2", "u1")]), clear]).await;
    assert_eq!(store.members(HERE, "g1").await.unwrap(), vec![]);
    assert_eq!(store.members(HERE, "g2").await.unwrap().len(), 1);
}

pub(super) async fn a_person_leaves_every_group_of_one_connection(store: &Subject) {
    staffed(store).await;
    let there = |record: Record| insert(Record { connection: THERE.to_owned(), ..record });
    let add_there =
        Write::AddMembers { connection: THERE.to_owned(), memberships: vec![membership("g1", "u1")] };
    write(store, [there(user("u1", "Anna")), there(group("g1", "Staff")), add_there]).await;
    let clear = Write::ClearMemberships { connection: HERE.to_owned(), member: "u1".to_owned() };
    write(store, [add([("g1", "u1"), ("g2", "u1"), ("g1", "u2")]), clear]).await;
    assert_eq!(store.members(HERE, "g1").await.unwrap(), vec![reference("u2", "Bo", Kind::User)]);
    assert_eq!(store.members(HERE, "g2").await.unwrap(), vec![]);
    assert_eq!(store.members(THERE, "g1").await.unwrap().len(), 1);
}

pub(super) async fn a_group_holds_ten_thousand_members(store: &Subject) {
    let names: Vec<String> = (0..10_000).map(|number| format!("u{number:05}")).collect();
    let mut writes: Vec<Write> = names.iter().map(|name| insert(user(name, name))).collect();
    writes.push(insert(group("g1", "Everyone")));
    let everyone: Vec<Membership> = names.iter().map(|name| membership("g1", name)).collect();
    writes.push(Write::AddMembers { connection: HERE.to_owned(), memberships: everyone.clone() });
    write(store, writes).await;

    let members = store.members(HERE, "g1").await.unwrap();
    assert!(members.iter().map(|member| &member.id).eq(&names));
    let half = everyone[..5_000].to_vec();
    write(store, [Write::RemoveMembers { connection: HERE.to_owned(), memberships: half }]).await;
    assert_eq!(store.members(HERE, "g1").await.unwrap().len(), 5_000);
}

pub(super) async fn members_are_told_from_others(store: &Subject) {
    let gone = crate::store::Record { lifecycle: crate::store::Lifecycle::Deleted, ..user("u4", "gone") };
    let records =
        [user("u1", "anna"), user("u2", "bo"), user("u3", "cy"), gone, group("g1", "a"), group("g2", "b")];
    write(store, records.map(insert)).await;
    let memberships = ["u1", "u2", "u4", "g2", "later"].map(|member| membership("g1", member)).to_vec();
    write(store, [Write::AddMembers { connection: HERE.to_owned(), memberships }]).await;
    let asked = ["u3", "u2", "g2", "u4", "later", "nobody", "u2"].map(str::to_owned);
    assert_eq!(store.members_among(HERE, "g1", &asked).await.unwrap(), ["g2", "u2"]);
    assert_eq!(store.members_among(HERE, "g2", &asked).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.members_among(HERE, "g1", &[]).await.unwrap(), Vec::<String>::new());
}
