//! Claims about who may work on what.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::journal::intent;
use super::{HERE, THERE, insert, user, write};
use crate::base::clock::Timestamp;
use crate::store::{Claim, Error, Intent, IntentState, Intents, Kind, Store, Write};

type Subject = Arc<dyn Store>;

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(20);

async fn claim(store: &Subject, key: &str, owner: &str, term: Duration) -> Claim {
    store.claim(HERE, key, owner, term).await.unwrap()
}

/// The fence of a key that is free.
async fn held(store: &Subject, key: &str, owner: &str) -> i64 {
    match claim(store, key, owner, LONG).await {
        Claim::Held { fence } => fence,
        taken @ Claim::Taken { .. } => panic!("{key}: {taken:?}"),
    }
}

/// The fence of a key once its term is over.
async fn held_at_last(store: &Subject, key: &str, owner: &str) -> i64 {
    loop {
        match claim(store, key, owner, LONG).await {
            Claim::Held { fence } => return fence,
            Claim::Taken { left } => tokio::time::sleep(left).await,
        }
    }
}

fn is_taken(claim: Claim) -> bool {
    matches!(claim, Claim::Taken { left } if left <= LONG)
}

pub(super) async fn a_key_belongs_to_one_owner_until_it_is_given_up(store: &Subject) {
    let first = held(store, "u1", "a").await;
    assert!(is_taken(claim(store, "u1", "b", LONG).await));
    held(store, "u2", "b").await;
    assert!(matches!(store.claim(THERE, "u1", "b", LONG).await.unwrap(), Claim::Held { .. }));
    store.release(first).await.unwrap();
    let second = held(store, "u1", "b").await;
    assert!(second > first, "{second} after {first}");
    assert!(is_taken(claim(store, "u1", "a", LONG).await));
}

pub(super) async fn claiming_again_renews_under_the_same_fence(store: &Subject) {
    let Claim::Held { fence } = claim(store, "u1", "a", SHORT).await else { panic!("it was free") };
    assert_eq!(held(store, "u1", "a").await, fence);
    tokio::time::sleep(SHORT * 2).await;
    assert!(is_taken(claim(store, "u1", "b", LONG).await), "the second term is the long one");
    let Claim::Held { fence } = claim(store, "u2", "a", SHORT).await else { panic!("it was free") };
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(held(store, "u2", "a").await, fence, "nobody had it in between");
}

pub(super) async fn a_key_whose_term_is_over_is_anybodys(store: &Subject) {
    let Claim::Held { fence } = claim(store, "u1", "a", SHORT).await else { panic!("it was free") };
    let next = held_at_last(store, "u1", "b").await;
    assert!(next > fence, "{next} after {fence}");
    assert!(is_taken(claim(store, "u1", "a", LONG).await));
    store.release(fence).await.unwrap();
    assert!(is_taken(claim(store, "u1", "a", LONG).await), "the old fence gives up nothing");
}

pub(super) async fn giving_up_what_is_not_held_is_nothing_to_do(store: &Subject) {
    store.release(7).await.unwrap();
    let fence = held(store, "u1", "a").await;
    store.release(fence).await.unwrap();
    store.release(fence).await.unwrap();
}

pub(super) async fn of_many_claims_to_a_key_one_is_held(store: &Subject) {
    for round in 0..5 {
        let mut claims = JoinSet::new();
        for owner in 0..16 {
            let (store, key) = (Arc::clone(store), format!("u{round}"));
            claims.spawn(async move { claim(&store, &key, &format!("o{owner}"), LONG).await });
        }
        let claims = claims.join_all().await;
        let held = claims.iter().filter(|claim| matches!(claim, Claim::Held { .. })).count();
        assert_eq!(held, 1, "{claims:?}");
    }
}

pub(super) async fn a_commit_under_a_lost_lease_leaves_nothing_behind(store: &Subject) {
    let Claim::Held { fence } = claim(store, "u1", "a", SHORT).await else { panic!("it was free") };
    let other = held(store, "u2", "a").await;
    write(store, [Write::Holding(fence), insert(user("u1", "anna")), Write::Holding(other)]).await;
    held_at_last(store, "u1", "b").await;
    let late = vec![Write::Holding(other), insert(user("u2", "bo")), Write::Holding(fence)];
    assert!(matches!(store.commit(late).await, Err(Error::Lost)));
    assert_eq!(store.count(HERE, Kind::User).await.unwrap(), 1);
    let twice = vec![Write::Holding(other), Write::Holding(other), insert(user("u2", "bo"))];
    store.commit(twice).await.unwrap();
    store.release(other).await.unwrap();
    assert!(matches!(store.commit(vec![Write::Holding(other)]).await, Err(Error::Lost)));
}

pub(super) async fn what_is_buried_is_lost(store: &Subject) {
    let Claim::Held { fence } = claim(store, "u1", "a", SHORT).await else { panic!("it was free") };
    let kept = held(store, "u2", "a").await;
    tokio::time::sleep(SHORT * 2).await;
    // Over, and nobody has claimed it: nothing speaks against keeping what was done.
    write(store, [Write::Holding(fence), insert(user("u1", "anna"))]).await;
    store.bury().await.unwrap();
    assert!(matches!(store.commit(vec![Write::Holding(fence)]).await, Err(Error::Lost)));
    write(store, [Write::Holding(kept), insert(user("u2", "bo"))]).await;
    assert_ne!(held(store, "u1", "a").await, fence);
}

pub(super) async fn what_is_due_is_taken_once(store: &Subject) {
    let later = Intent { next_attempt_at: Timestamp(900), ..intent("later", "u2", 1) };
    let plain = Intent { sticky: false, ..intent("plain", "u3", 1) };
    let unsure = Intent {
        sticky: false,
        state: IntentState::Ambiguous,
        created_at: Timestamp(90),
        ..intent("unsure", "u4", 1)
    };
    let others = (0..40).map(|number| intent(&format!("i{number:02}"), &format!("r{number}"), 1));
    let journal = others.chain([later, plain, unsure]).map(Write::Intent);
    write(store, journal).await;
    let due: Vec<String> = (0..40)
        .map(|number| format!("i{number:02}"))
        .chain(["later", "plain", "unsure", "unknown"].map(str::to_owned))
        .collect();
    let mut takers = JoinSet::new();
    for _ in 0..8 {
        let (store, due) = (Arc::clone(store), due.clone());
        takers.spawn(async move { store.take_due(&due, Timestamp(200), Timestamp(700)).await.unwrap() });
    }
    let mut taken: Vec<String> = takers.join_all().await.into_iter().flatten().collect();
    taken.sort_unstable();
    let expected: Vec<String> =
        due.iter().filter(|id| id.starts_with('i') || *id == "unsure").cloned().collect();
    assert_eq!(taken, expected);
    let due_at = async |sticky, at| {
        let which = Intents::Due { connection: HERE.to_owned(), sticky, at: Timestamp(at), limit: 99 };
        store.intents(&which).await.unwrap()
    };
    assert_eq!((due_at(true, 699).await, due_at(false, 699).await), (vec![], vec![]));
    let again = [due_at(true, 700).await, due_at(false, 700).await].concat();
    assert_eq!(again.len(), 41);
    assert!(again.iter().all(|intent| intent.attempts == 0 && intent.outcome.is_none()), "{again:?}");
    assert_eq!(store.take_due(&due, Timestamp(700), Timestamp(800)).await.unwrap(), expected);
    assert_eq!(store.take_due(&[], Timestamp(900), Timestamp(901)).await.unwrap(), Vec::<String>::new());
}

pub(super) async fn what_was_begun_under_a_lease_that_is_gone_is_abandoned(store: &Subject) {
    let Claim::Held { fence } = claim(store, "u1", "a", SHORT).await else { panic!("it was free") };
    let live = held(store, "u2", "a").await;
    let begun = |id: &str, fence: Option<i64>| Intent {
        sticky: false,
        state: IntentState::Attempting,
        fence,
        ..intent(id, id, 1)
    };
    let old = Intent { updated_at: Timestamp(40), ..begun("old", None) };
    let sticky = Intent { sticky: true, ..begun("sticky", Some(fence)) };
    let unsure = Intent { state: IntentState::Ambiguous, ..begun("unsure", Some(fence)) };
    let ended = Intent { state: IntentState::NotApplied, ..begun("ended", Some(fence)) };
    let journal = [
        begun("gone", Some(fence)),
        begun("live", Some(live)),
        begun("young", None),
        old,
        sticky,
        unsure,
        ended,
    ];
    write(store, journal.map(Write::Intent)).await;
    let abandoned = async || {
        let found = store.abandoned(Timestamp(50)).await.unwrap();
        found.into_iter().map(|intent| intent.id).collect::<Vec<_>>()
    };
    assert_eq!(abandoned().await, ["old"]);
    tokio::time::sleep(SHORT * 2).await;
    store.bury().await.unwrap();
    assert_eq!(abandoned().await, ["gone", "old"]);
    store.release(live).await.unwrap();
    assert_eq!(abandoned().await, ["gone", "live", "old"]);
}
