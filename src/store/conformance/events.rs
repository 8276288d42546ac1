//! Claims about what receivers are to be told, and about the totals that are watched.

use std::sync::Arc;

use super::journal::{intent, task};
use super::{HERE, THERE, write};
use crate::base::clock::Timestamp;
use crate::store::{Happened, IntentState, Kind, Roster, Store, Task, TaskState, Total, Watched, Write};

type Subject = Arc<dyn Store>;

fn close(dedupe: &str) -> Write {
    Write::CloseTask {
        connection: HERE.to_owned(),
        dedupe: dedupe.to_owned(),
        state: TaskState::Cancelled,
        at: Timestamp(300),
        by: "portcullis".to_owned(),
        note: None,
        evidence: None,
    }
}

fn postpone(event: &str, next_attempt_at: Option<i64>) -> Write {
    let next_attempt_at = next_attempt_at.map(Timestamp);
    Write::PostponeEvent { event: event.to_owned(), attempts: 2, next_attempt_at }
}

/// A task of a key of its own, created then.
fn opened(id: &str, created: i64) -> Task {
    Task { created_at: Timestamp(created), ..task(id, id) }
}

async fn due(store: &Subject, at: i64) -> Vec<String> {
    let events = store.events(HERE, Timestamp(at), 100).await.unwrap();
    events.into_iter().map(|event| event.id).collect()
}

pub(super) async fn a_task_is_announced_when_it_opens_and_when_it_closes(store: &Subject) {
    write(store, [Write::Task(task("t1", "invite:u1"))]).await;
    assert_eq!(due(store, 99).await, Vec::<String>::new(), "it happens at 100");
    let [event] = &store.events(HERE, Timestamp(100), 100).await.unwrap()[..] else {
        panic!("not one event")
    };
    assert_eq!((event.id.as_str(), event.happened, event.attempts), ("t1-opened", Happened::Opened, 0));
    assert_eq!((event.at, &event.task), (Timestamp(100), &task("t1", "invite:u1")));

    write(store, [close("invite:u1")]).await;
    let events = store.events(HERE, Timestamp(300), 100).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.happened, event.at)).collect();
    assert_eq!(
        told,
        [("t1-opened", Happened::Opened, Timestamp(100)), ("t1-closed", Happened::Closed, Timestamp(300))]
    );
    assert!(events.iter().all(|event| event.task.state == TaskState::Cancelled), "{events:?}");
}

pub(super) async fn what_changes_nothing_announces_nothing(store: &Subject) {
    write(store, [Write::Task(task("t1", "invite:u1")), Write::Task(task("t2", "invite:u1"))]).await;
    write(store, [close("invite:u2"), close("invite:u1"), close("invite:u1")]).await;
    assert_eq!(due(store, 900).await, ["t1-opened", "t1-closed"]);
}

pub(super) async fn a_dropped_event_does_not_come_back(store: &Subject) {
    write(store, [Write::Task(task("t1", "invite:u1")), close("invite:u1")]).await;
    write(store, ["t1-opened", "t1-opened", "unknown"].map(|id| Write::DropEvent(id.to_owned()))).await;
    assert_eq!(due(store, 900).await, ["t1-closed"]);
}

pub(super) async fn a_postponed_event_is_due_later_and_one_given_up_never(store: &Subject) {
    write(store, [opened("t1", 100), opened("t2", 100)].map(Write::Task)).await;
    write(store, [postpone("t1-opened", Some(500)), postpone("t2-opened", None), postpone("unknown", None)])
        .await;
    assert_eq!(due(store, 499).await, Vec::<String>::new());
    let events = store.events(HERE, Timestamp(500), 100).await.unwrap();
    assert_eq!(
        events.iter().map(|event| (event.id.as_str(), event.attempts)).collect::<Vec<_>>(),
        [("t1-opened", 2)]
    );
    assert_eq!(due(store, i64::MAX).await, ["t1-opened"]);
}

pub(super) async fn events_are_of_one_connection_oldest_first_and_no_more_than_asked_for(store: &Subject) {
    let there = Task { connection: THERE.to_owned(), ..opened("t4", 5) };
    write(store, [opened("t1", 30), opened("t2", 10), opened("t3", 20), there].map(Write::Task)).await;
    assert_eq!(due(store, 900).await, ["t2-opened", "t3-opened", "t1-opened"]);
    assert_eq!(store.events(HERE, Timestamp(900), 2).await.unwrap().len(), 2);
    assert_eq!(store.events(THERE, Timestamp(900), 2).await.unwrap().len(), 1);
}

pub(super) async fn totals_count_what_is_open_and_since_when(store: &Subject) {
    assert_eq!(store.totals().await.unwrap(), []);
    let done = crate::store::Intent { state: IntentState::Confirmed, ..intent("i3", "u3", 1) };
    let later = crate::store::Intent { created_at: Timestamp(170), ..intent("i2", "u2", 1) };
    write(store, [intent("i1", "u1", 1), later, done].map(Write::Intent)).await;
    let removal = Task { kind: "remove".to_owned(), ..opened("t3", 140) };
    let there = Task { connection: THERE.to_owned(), ..opened("t4", 150) };
    write(store, [opened("t1", 120), opened("t2", 110), removal, there].map(Write::Task)).await;
    write(store, [close("t2"), postpone("t1-opened", None)]).await;
    let roster =
        |total| Roster { connection: HERE.to_owned(), kind: Kind::User, completed_at: Timestamp(9), total };
    write(store, [Write::Roster(roster(12))]).await;
    let total = |of, connection: &str, kind: &str, count, since| Total {
        of,
        connection: connection.to_owned(),
        kind: kind.to_owned(),
        count,
        since: Timestamp(since),
    };
    assert_eq!(
        store.totals().await.unwrap(),
        [
            total(Watched::OpenIntents, HERE, "", 2, 100),
            total(Watched::OpenTasks, HERE, "invite", 1, 120),
            total(Watched::OpenTasks, HERE, "remove", 1, 140),
            total(Watched::OpenTasks, THERE, "invite", 1, 150),
            total(Watched::WaitingEvents, HERE, "", 3, 110),
            total(Watched::WaitingEvents, THERE, "", 1, 150),
            total(Watched::AbandonedEvents, HERE, "", 1, 120),
            total(Watched::Listing, HERE, "user", 12, 9),
        ]
    );
}
