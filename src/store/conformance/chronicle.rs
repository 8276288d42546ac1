//! Claims about the audit and the traces.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{HERE, THERE, insert, user, write};
use crate::base::clock::Timestamp;
use crate::store::audit::{BEGINNING, Entry, Head, Mutation, Phase, digest};
use crate::store::trace::{Trace, TracedCall, Traces};
use crate::store::{Error, Store, Write};

type Subject = Arc<dyn Store>;

/// An entry about this intent.
pub(super) fn entry(connection: &str, intent: &str) -> Entry {
    Entry {
        connection: connection.to_owned(),
        at: Timestamp(700),
        phase: Phase::After,
        intent: intent.to_owned(),
        request_id: "req-1".to_owned(),
        kind: "user".to_owned(),
        resource: "u1".to_owned(),
        operation: "update".to_owned(),
        generation: 3,
        attempt: 2,
        outcome: "confirmed".to_owned(),
        bypassed: false,
        calls: vec![Mutation {
            at: Timestamp(600),
            operation: "update_account".to_owned(),
            method: "PATCH".to_owned(),
            path: "/users/7".to_owned(),
            status: Some(204),
            attempt: 1,
        }],
    }
}

fn audit(connection: &str, intent: &str) -> Write {
    Write::Audit(Box::new(entry(connection, intent)))
}

/// A trace of that moment, about `u1`.
fn trace(id: &str, at: i64) -> Trace {
    Trace {
        id: id.to_owned(),
        request_id: format!("req-{id}"),
        connection: HERE.to_owned(),
        at: Timestamp(at),
        origin: "request".to_owned(),
        method: "PATCH".to_owned(),
        operation: "users.patch".to_owned(),
        resource: Some("u1".to_owned()),
        subjects: vec!["u1".to_owned(), "g1".to_owned()],
        plan: vec!["deactivate".to_owned()],
        calls: vec![TracedCall {
            at: Timestamp(at + 1),
            method: "DELETE".to_owned(),
            path: "/users/7".to_owned(),
            status: None,
            attempt: 1,
            duration_ms: 12,
        }],
        calls_left_out: 0,
        status: Some(200),
        outcome: None,
        duration_ms: 40,
    }
}

fn all() -> Traces {
    Traces { limit: 100, ..Traces::default() }
}

async fn found(store: &Subject, which: Traces) -> Vec<String> {
    store.traces(&which).await.unwrap().into_iter().map(|trace| trace.id).collect()
}

/// Fails unless each link follows the one before it, from the beginning to the head.
async fn assert_whole(store: &Subject, connection: &str, expected: i64) {
    let links = store.links(connection, 0, 1_000).await.unwrap();
    let (mut previous, mut seq) = (BEGINNING, 0);
    for link in &links {
        seq += 1;
        assert_eq!((link.seq, link.previous), (seq, previous));
        assert_eq!(link.hash, digest(connection, seq, &previous, &link.entry));
        previous = link.hash;
    }
    let head = Head { connection: connection.to_owned(), seq, hash: previous };
    assert_eq!((seq, store.head(connection).await.unwrap()), (expected, Some(head)));
}

pub(super) async fn an_entry_comes_back_as_it_was_written_and_is_what_was_hashed(store: &Subject) {
    write(store, [audit(HERE, "i1")]).await;
    let links = store.links(HERE, 0, 10).await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!((links[0].at, links[0].intent.as_str()), (Timestamp(700), "i1"));
    assert_eq!(links[0].entry, serde_json::to_string(&entry(HERE, "i1")).unwrap());
    assert_whole(store, HERE, 1).await;
}

pub(super) async fn entries_follow_each_other_within_and_across_commits(store: &Subject) {
    write(store, [audit(HERE, "i1"), audit(HERE, "i2")]).await;
    write(store, [audit(HERE, "i3"), audit(THERE, "i4"), audit(HERE, "i5")]).await;
    assert_whole(store, HERE, 4).await;
    assert_whole(store, THERE, 1).await;
    let intents: Vec<String> =
        store.links(HERE, 1, 2).await.unwrap().into_iter().map(|link| link.intent).collect();
    assert_eq!(intents, ["i2", "i3"]);
    assert_eq!(store.chains().await.unwrap(), [HERE, THERE]);
}

pub(super) async fn a_connection_without_entries_has_no_chain(store: &Subject) {
    assert_eq!(store.chains().await.unwrap(), Vec::<String>::new());
    assert_eq!(store.head(HERE).await.unwrap(), None);
    assert_eq!(store.links(HERE, 0, 10).await.unwrap(), []);
    assert_eq!(store.last_link_of(HERE, "i1").await.unwrap(), None);
}

pub(super) async fn an_entry_of_a_commit_that_fails_is_not_there_and_leaves_no_gap(store: &Subject) {
    write(store, [audit(HERE, "i1"), insert(user("u1", "anna"))]).await;
    let failing = vec![audit(HERE, "i2"), insert(user("u1", "anna"))];
    assert!(matches!(store.commit(failing).await, Err(Error::Stale)));
    write(store, [audit(HERE, "i3")]).await;
    assert_whole(store, HERE, 2).await;
    assert_eq!(store.last_link_of(HERE, "i2").await.unwrap(), None);
}

pub(super) async fn the_last_link_about_an_intent_is_found(store: &Subject) {
    write(store, [audit(HERE, "i1"), audit(HERE, "i2"), audit(HERE, "i1"), audit(THERE, "i1")]).await;
    assert_eq!(store.last_link_of(HERE, "i1").await.unwrap().unwrap().seq, 3);
    assert_eq!(store.last_link_of(THERE, "i1").await.unwrap().unwrap().seq, 1);
    assert_eq!(store.last_link_of(THERE, "i2").await.unwrap(), None);
}

pub(super) async fn concurrent_entries_make_one_chain(store: &Subject) {
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(store);
        callers.spawn(async move {
            let mut writes = vec![audit(HERE, &format!("i{number}"))];
            // Of every fourth only the first gets the id; the others fail as a whole.
            if number % 4 == 0 {
                writes.push(insert(user("same", "same")));
            }
            store.commit(writes).await.is_ok()
        });
    }
    let mut kept = 0;
    while let Some(committed) = callers.join_next().await {
        kept += i64::from(committed.unwrap());
    }
    assert_eq!(kept, 76);
    assert_whole(store, HERE, kept).await;
}

pub(super) async fn a_trace_comes_back_as_it_was_written_and_twice_is_one(store: &Subject) {
    let one = trace("t1", 100);
    write(store, [Write::Traces(vec![one.clone(), trace("t2", 200)])]).await;
    write(store, [Write::Traces(vec![Trace { status: None, ..one.clone() }]), Write::Traces(Vec::new())])
        .await;
    let only = Traces { request_id: Some("req-t1".to_owned()), ..all() };
    assert_eq!(store.traces(&only).await.unwrap(), [one]);
}

pub(super) async fn traces_are_found_by_request_subject_connection_and_time_newest_first(store: &Subject) {
    let other = Trace {
        connection: THERE.to_owned(),
        request_id: "req-t1".to_owned(),
        resource: None,
        subjects: vec!["u2".to_owned()],
        ..trace("t3", 300)
    };
    write(store, [Write::Traces(vec![trace("t2", 200), other, trace("t1", 100)])]).await;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (all(), vec!["t3", "t2", "t1"]),
        (Traces { request_id: text("req-t1"), ..all() }, vec!["t3", "t1"]),
        (Traces { request_id: text("req-t1"), connection: text(HERE), ..all() }, vec!["t1"]),
        (Traces { request_id: text("req-9"), ..all() }, vec![]),
        (Traces { subject: text("u1"), ..all() }, vec!["t2", "t1"]),
        (Traces { subject: text("g1"), since: Some(Timestamp(200)), ..all() }, vec!["t2"]),
        (Traces { subject: text("u2"), ..all() }, vec!["t3"]),
        (Traces { subject: text("u2"), connection: text(HERE), ..all() }, vec![]),
        (Traces { connection: text(THERE), ..all() }, vec!["t3"]),
        (Traces { since: Some(Timestamp(200)), ..all() }, vec!["t3", "t2"]),
        (Traces { until: Some(Timestamp(200)), ..all() }, vec!["t1"]),
        (Traces { since: Some(Timestamp(200)), until: Some(Timestamp(300)), ..all() }, vec!["t2"]),
        (Traces { limit: 2, ..all() }, vec!["t3", "t2"]),
        (Traces { before: text("t2"), limit: 2, ..all() }, vec!["t1"]),
        (Traces { before: text("t25"), subject: text("u1"), ..all() }, vec!["t2", "t1"]),
        (Traces { before: text("t1"), ..all() }, vec![]),
    ];
    for (which, expected) in cases {
        assert_eq!(found(store, which.clone()).await, expected, "{which:?}");
    }
}

pub(super) async fn the_oldest_traces_before_a_moment_are_forgotten(store: &Subject) {
    let traces = vec![trace("t1", 100), trace("t2", 200), trace("t3", 300), trace("t4", 400)];
    write(store, [Write::Traces(traces)]).await;
    write(store, [Write::ForgetTraces { at: Timestamp(400), limit: 2 }]).await;
    assert_eq!(found(store, all()).await, ["t4", "t3"]);
    write(store, [Write::ForgetTraces { at: Timestamp(400), limit: 2 }]).await;
    assert_eq!(found(store, all()).await, ["t4"]);
    assert_eq!(found(store, Traces { subject: Some("u1".to_owned()), ..all() }).await, ["t4"]);
}
