//! Claims about what survives, and about many callers at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::journal::{intent, task, token};
use super::members::membership;
use super::records::full;
use super::{HERE, group, ids, insert, user, write};
use crate::base::clock::Timestamp;
use crate::store::{Error, Intents, Kind, Record, Reference, Roster, Store, Write};

type Subject = Arc<dyn Store>;

pub(super) async fn a_commit_is_seen_by_the_next_read(store: &Subject) {
    for number in 0..50 {
        let id = format!("u{number}");
        write(store, [insert(user(&id, &id))]).await;
        assert!(store.record(HERE, Kind::User, &id).await.unwrap().is_some(), "{id}");
    }
}

pub(super) async fn a_commit_no_caller_waits_for_is_kept_when_it_returns(store: &Subject) {
    write(store, [Write::Unhurried, insert(user("u1", "anna"))]).await;
    assert!(store.record(HERE, Kind::User, "u1").await.unwrap().is_some());
    let taken = store.commit(vec![Write::Unhurried, insert(user("u2", "anna"))]).await;
    assert!(matches!(taken, Err(Error::NameTaken)), "{taken:?}");
}

pub(super) async fn two_hundred_concurrent_commits_are_all_kept(store: &Subject) {
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let (store, id) = (Arc::clone(store), format!("u{number:03}"));
        callers.spawn(async move {
            let journal = Write::Intent(intent(&format!("i-{id}"), &id, 1));
            store.commit(vec![journal, insert(user(&id, &id))]).await.unwrap();
            assert!(store.record(HERE, Kind::User, &id).await.unwrap().is_some(), "{id}");
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 200);
    assert_eq!(store.intents(&Intents::AllOpen(None)).await.unwrap().len(), 200);
}

pub(super) async fn of_many_concurrent_claims_to_a_name_one_wins(store: &Subject) {
    let mut callers = JoinSet::new();
    for number in 0..60 {
        let (store, id) = (Arc::clone(store), format!("u{number:02}"));
        let name = if number % 2 == 0 { "anna".to_owned() } else { id.clone() };
        callers.spawn(async move { (number, store.commit(vec![insert(user(&id, &name))]).await) });
    }
    let (mut won, mut lost) = (0, 0);
    while let Some(caller) = callers.join_next().await {
        match caller.unwrap() {
            (_, Ok(())) => won += 1,
            (number, Err(Error::NameTaken)) if number % 2 == 0 => lost += 1,
            (number, other) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!((won, lost), (31, 29));
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 31);
}

pub(super) async fn a_closed_store_is_unavailable(store: &Subject) {
    write(store, [insert(user("u1", "anna"))]).await;
    store.close().await;
    let commit = store.commit(vec![insert(user("u2", "bo"))]).await;
    assert!(matches!(commit, Err(Error::Unavailable(_))), "{commit:?}");
    let record = store.record(HERE, Kind::User, "u1").await;
    assert!(matches!(record, Err(Error::Unavailable(_))), "{record:?}");
    store.close().await;
}

pub(super) async fn a_store_opened_again_has_everything(make: &impl AsyncFn(&'static str) -> Subject) {
    const NAME: &str = "a_store_opened_again_has_everything";
    let roster =
        Roster { connection: HERE.to_owned(), kind: Kind::User, completed_at: Timestamp(5), total: 1 };
    let store = make(NAME).await;
    let writes = [
        insert(full("u1")),
        insert(group("g1", "Staff")),
        Write::AddMembers { connection: HERE.to_owned(), memberships: vec![membership("g1", "u1")] },
        Write::Intent(intent("i1", "u1", 1)),
        Write::Task(task("t1", "invite:u1")),
        Write::Token(token("k1")),
        Write::Roster(roster.clone()),
    ];
    write(&store, writes).await;
    store.close().await;
    drop(store);

    let store = make(NAME).await;
    let groups = vec![Reference { id: "g1".to_owned(), label: "Staff".to_owned(), kind: Kind::Group }];
    let expected = Record { groups, ..full("u1") };
    assert_eq!(store.record(HERE, Kind::User, "u1").await.unwrap(), Some(expected));
    assert_eq!(ids(&store.scan(HERE, Kind::Group, 0, 9).await.unwrap()), ["g1"]);
    assert_eq!(store.members(HERE, "g1").await.unwrap().len(), 1);
    assert_eq!(store.intents(&Intents::OpenOne("i1".to_owned())).await.unwrap(), vec![intent("i1", "u1", 1)]);
    assert_eq!(store.tasks(None, true).await.unwrap(), vec![task("t1", "invite:u1")]);
    assert_eq!(store.tokens().await.unwrap(), vec![token("k1")]);
    assert_eq!(store.roster(HERE, Kind::User).await.unwrap(), Some(roster));
    store.close().await;
}
