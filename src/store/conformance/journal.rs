//! Claims about intents, tasks, tokens, rosters and notes.

use std::sync::Arc;

use super::{HERE, THERE, write};
use crate::base::clock::Timestamp;
use crate::base::secret::TokenHash;
use crate::store::{Intent, IntentState, Intents, Kind, Roster, Store, Task, TaskState, TokenRow, Write};

type Subject = Arc<dyn Store>;

/// A journaled, sticky intent, due at once.
pub(super) fn intent(id: &str, resource: &str, generation: i64) -> Intent {
    Intent {
        id: id.to_owned(),
        connection: HERE.to_owned(),
        kind: Kind::User,
        resource: resource.to_owned(),
        operation: "deactivate".to_owned(),
        name_key: String::new(),
        generation,
        plan: r#"{"steps":["deactivate"]}"#.to_owned(),
        sticky: true,
        state: IntentState::Journaled,
        attempts: 0,
        strikes: 0,
        next_attempt_at: Timestamp(100),
        request_id: "req-1".to_owned(),
        created_at: Timestamp(100),
        updated_at: Timestamp(100),
        outcome: None,
        fence: None,
    }
}

pub(super) fn task(id: &str, dedupe: &str) -> Task {
    Task {
        id: id.to_owned(),
        connection: HERE.to_owned(),
        resource: "u1".to_owned(),
        kind: "invite".to_owned(),
        dedupe: dedupe.to_owned(),
        instruction: "invite the person".to_owned(),
        person: "anna@corp.example".to_owned(),
        urgent: true,
        owner: None,
        link: None,
        state: TaskState::Open,
        created_at: Timestamp(100),
        closed_at: None,
        closed_by: None,
        note: None,
        evidence: None,
    }
}

pub(super) fn token(id: &str) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        connection: HERE.to_owned(),
        hash: TokenHash([7; 32]),
        created_at: Timestamp(100),
        expires_at: Timestamp(900),
        revoked_at: None,
    }
}

fn settle(id: &str, state: IntentState) -> Write {
    Write::Settle {
        intent: id.to_owned(),
        state,
        attempts: 3,
        next_attempt_at: Timestamp(500),
        at: Timestamp(400),
        outcome: Some("read back".to_owned()),
    }
}

fn close(dedupe: &str) -> Write {
    Write::CloseTask {
        connection: HERE.to_owned(),
        dedupe: dedupe.to_owned(),
        state: TaskState::Done,
        at: Timestamp(300),
        by: "operator".to_owned(),
        note: Some("done by hand".to_owned()),
        evidence: Some("https://tickets.example/7".to_owned()),
    }
}

async fn latest(store: &Subject, resource: &str) -> Option<Intent> {
    let which = Intents::Latest { connection: HERE.to_owned(), resource: resource.to_owned() };
    store.intents(&which).await.unwrap().pop()
}

async fn open_ids(store: &Subject, which: Intents) -> Vec<String> {
    store.intents(&which).await.unwrap().into_iter().map(|intent| intent.id).collect()
}

async fn task_ids(store: &Subject, connection: Option<&str>, open_only: bool) -> Vec<String> {
    store.tasks(connection, open_only).await.unwrap().into_iter().map(|task| task.id).collect()
}

pub(super) async fn an_intent_comes_back_as_it_was_written(store: &Subject) {
    let full = Intent {
        kind: Kind::Group,
        name_key: "ada".to_owned(),
        sticky: false,
        state: IntentState::Dead,
        attempts: 4,
        strikes: 3,
        next_attempt_at: Timestamp(1_700_000_000_123_456),
        updated_at: Timestamp(101),
        outcome: Some("refused \"for good\"".to_owned()),
        ..intent("i1", "u1", 3)
    };
    let least = intent("i2", "u2", 1);
    write(store, [Write::Intent(full.clone()), Write::Intent(least.clone())]).await;
    assert_eq!(latest(store, "u1").await, Some(full));
    assert_eq!(latest(store, "u2").await, Some(least));
}

pub(super) async fn an_intent_id_is_used_once(store: &Subject) {
    write(store, [Write::Intent(intent("i1", "u1", 1))]).await;
    assert!(store.commit(vec![Write::Intent(intent("i1", "u2", 1))]).await.is_err());
    assert_eq!(latest(store, "u2").await, None);
}

pub(super) async fn a_newer_intent_supersedes_open_older_ones_of_its_resource(store: &Subject) {
    let elsewhere = Intent { connection: THERE.to_owned(), ..intent("i4", "u1", 1) };
    let begun = Intent { state: IntentState::Attempting, ..intent("i5", "u1", 1) };
    let unsure = Intent { state: IntentState::Ambiguous, ..intent("i6", "u1", 1) };
    let done = Intent { state: IntentState::Confirmed, ..intent("i7", "u1", 1) };
    let equal = intent("i8", "u1", 2);
    let journal =
        [intent("i1", "u1", 1), intent("i3", "u2", 1), elsewhere, begun, unsure, done.clone(), equal];
    write(store, journal.map(Write::Intent)).await;
    write(store, [Write::Intent(Intent { created_at: Timestamp(250), ..intent("i9", "u1", 2) })]).await;

    let which = Intents::Open { connection: HERE.to_owned(), resource: "u1".to_owned() };
    assert_eq!(open_ids(store, which).await, ["i9", "i8"]);
    assert_eq!(open_ids(store, Intents::AllOpen(None)).await, ["i3", "i4", "i8", "i9"]);
}

pub(super) async fn a_change_of_members_takes_the_place_of_no_other_work_on_its_group(store: &Subject) {
    let about = |id: &str, operation: &str, generation: i64| Intent {
        kind: Kind::Group,
        operation: operation.to_owned(),
        ..intent(id, "g1", generation)
    };
    let journal = [about("i1", "members", 1), about("i2", "delete", 0), about("i3", "rename", 0)];
    write(store, journal.map(Write::Intent)).await;
    write(store, [Write::Intent(about("i4", "members", 2))]).await;

    let which = Intents::Open { connection: HERE.to_owned(), resource: "g1".to_owned() };
    assert_eq!(open_ids(store, which).await, ["i4", "i3", "i2"]);
}

pub(super) async fn what_is_confirmed_superseded_or_dead_is_not_opened_again(store: &Subject) {
    let open = [IntentState::Journaled, IntentState::Attempting, IntentState::Ambiguous];
    for ended in [IntentState::Confirmed, IntentState::Superseded, IntentState::Dead] {
        let resource = format!("{ended:?}");
        let begun = Intent {
            state: ended,
            outcome: Some("as it ended".to_owned()),
            ..intent(&resource, &resource, 1)
        };
        write(store, [Write::Intent(begun.clone())]).await;
        for state in open {
            write(store, [settle(&resource, state)]).await;
            assert_eq!(latest(store, &resource).await, Some(begun.clone()), "{state:?}");
        }
    }
    // What a newer intent took the place of, and what was settled, have ended just so.
    let writes = [intent("i1", "u1", 1), intent("i2", "u1", 2)].map(Write::Intent);
    write(store, writes.into_iter().chain([settle("i2", IntentState::Confirmed)])).await;
    let again = open.into_iter().flat_map(|state| [settle("i1", state), settle("i2", state)]);
    write(store, again).await;
    assert_eq!(open_ids(store, Intents::AllOpen(None)).await, Vec::<String>::new());

    write(store, [Write::Intent(intent("i3", "u3", 1)), settle("i3", IntentState::Ambiguous)]).await;
    assert_eq!(open_ids(store, Intents::AllOpen(None)).await, ["i3"]);
}

pub(super) async fn settling_moves_an_intent_on(store: &Subject) {
    write(store, [Write::Intent(intent("i1", "u1", 1)), settle("i1", IntentState::Confirmed)]).await;
    let settled = Intent {
        state: IntentState::Confirmed,
        attempts: 3,
        next_attempt_at: Timestamp(500),
        updated_at: Timestamp(400),
        outcome: Some("read back".to_owned()),
        ..intent("i1", "u1", 1)
    };
    assert_eq!(latest(store, "u1").await, Some(settled));
}

pub(super) async fn an_attempt_that_was_counted_stays_counted(store: &Subject) {
    write(store, [Write::Intent(intent("i1", "u1", 1))]).await;
    for (told, counted) in [(2, 2), (1, 2), (4, 4)] {
        let mut settle = settle("i1", IntentState::Ambiguous);
        if let Write::Settle { attempts, .. } = &mut settle {
            *attempts = told;
        }
        write(store, [settle]).await;
        assert_eq!(latest(store, "u1").await.unwrap().attempts, counted);
    }
}

pub(super) async fn an_intent_is_made_due_unless_it_has_moved_on(store: &Subject) {
    write(store, [Write::Intent(intent("i1", "u1", 1)), settle("i1", IntentState::Attempting)]).await;
    let due = async || latest(store, "u1").await.map(|intent| (intent.next_attempt_at, intent.updated_at));
    for (seen, next) in [(399, 500), (400, 410)] {
        let hasten =
            |id: &str| Write::Hasten { intent: id.to_owned(), seen: Timestamp(seen), at: Timestamp(410) };
        write(store, [hasten("i1"), hasten("nobody")]).await;
        assert_eq!(due().await, Some((Timestamp(next), Timestamp(400))));
    }
}

pub(super) async fn strikes_add_up_and_settling_forgets_none(store: &Subject) {
    write(store, [Write::Intent(intent("i1", "u1", 1)), Write::Intent(intent("i2", "u2", 1))]).await;
    let strike = |intent: &str, points| Write::Strike { intent: intent.to_owned(), points };
    write(store, [strike("i1", 2), settle("i1", IntentState::Attempting), strike("i1", 5)]).await;
    write(store, [strike("nobody", 2)]).await;
    assert_eq!(latest(store, "u1").await.map(|intent| intent.strikes), Some(7));
    assert_eq!(latest(store, "u2").await.map(|intent| intent.strikes), Some(0));
}

pub(super) async fn settling_an_unknown_intent_is_nothing_to_do(store: &Subject) {
    write(store, [settle("i1", IntentState::Confirmed)]).await;
    assert_eq!(open_ids(store, Intents::AllOpen(None)).await, Vec::<String>::new());
}

pub(super) async fn due_intents_of_a_connection_come_in_the_order_they_fell_due(store: &Subject) {
    let at = |id: &str, created: i64, due: i64| Intent {
        created_at: Timestamp(created),
        next_attempt_at: Timestamp(due),
        ..intent(id, id, 1)
    };
    let journal = [
        at("young", 30, 40),
        at("old", 10, 50),
        at("middle", 20, 45),
        at("early", 5, 51),
        Intent { sticky: false, ..at("plain", 1, 1) },
        Intent { state: IntentState::Dead, ..at("dead", 1, 1) },
        Intent { state: IntentState::Ambiguous, sticky: false, ..at("unsure", 15, 1) },
        Intent { connection: THERE.to_owned(), ..at("elsewhere", 25, 1) },
    ];
    write(store, journal.map(Write::Intent)).await;
    let due = async |sticky, at, limit| {
        let connection = HERE.to_owned();
        open_ids(store, Intents::Due { connection, sticky, at: Timestamp(at), limit }).await
    };
    assert_eq!(due(true, 50, 9).await, ["young", "middle", "old"]);
    assert_eq!(due(true, 50, 2).await, ["young", "middle"]);
    assert_eq!(due(false, 50, 9).await, ["unsure"]);
    assert_eq!(due(true, 0, 9).await, Vec::<String>::new());
}

pub(super) async fn open_intents_of_a_resource_are_newest_generation_first(store: &Subject) {
    let journal =
        [intent("i1", "u1", 3), intent("i2", "u1", 2), intent("i3", "u1", 1), intent("i4", "u2", 9)];
    write(store, journal.map(Write::Intent)).await;
    let which = Intents::Open { connection: HERE.to_owned(), resource: "u1".to_owned() };
    assert_eq!(open_ids(store, which).await, ["i1", "i2", "i3"]);
}

pub(super) async fn all_open_intents_are_of_one_connection_or_of_all(store: &Subject) {
    let journal = [
        intent("i1", "u1", 1),
        Intent { connection: THERE.to_owned(), ..intent("i2", "u1", 1) },
        Intent { state: IntentState::NotApplied, ..intent("i3", "u3", 1) },
        Intent { sticky: false, ..intent("i4", "u4", 1) },
    ];
    write(store, journal.map(Write::Intent)).await;
    assert_eq!(open_ids(store, Intents::AllOpen(None)).await, ["i1", "i2", "i4"]);
    assert_eq!(open_ids(store, Intents::AllOpen(Some(HERE.to_owned()))).await, ["i1", "i4"]);
    assert_eq!(open_ids(store, Intents::AllOpen(Some(THERE.to_owned()))).await, ["i2"]);
}

pub(super) async fn open_creates_and_one_open_intent_are_found(store: &Subject) {
    let create = |id: &str| {
        let (operation, name_key) = ("create".to_owned(), "ada".to_owned());
        Intent { operation, name_key, ..intent(id, id, 1) }
    };
    let journal = [
        create("i2"),
        create("i1"),
        Intent { name_key: "grace".to_owned(), ..create("another") },
        Intent { name_key: String::new(), ..create("i3") },
        Intent { kind: Kind::Group, ..create("group") },
        intent("other", "u1", 1),
        Intent { state: IntentState::Confirmed, ..create("done") },
        Intent { connection: THERE.to_owned(), ..create("elsewhere") },
    ];
    write(store, journal.map(Write::Intent)).await;
    let (connection, name_key) = (HERE.to_owned(), "ada".to_owned());
    let which = Intents::OpenCreates { connection, kind: Kind::User, name_key };
    assert_eq!(open_ids(store, which).await, ["i1", "i2", "i3"]);
    let one = async |id: &str| open_ids(store, Intents::OpenOne(id.to_owned())).await;
    assert_eq!((one("other").await.len(), one("done").await.len(), one("unknown").await.len()), (1, 0, 0));
}

pub(super) async fn the_latest_intent_is_found_open_or_not(store: &Subject) {
    let done = Intent { state: IntentState::Confirmed, ..intent("i2", "u1", 2) };
    write(store, [Write::Intent(intent("i1", "u1", 1)), Write::Intent(done.clone())]).await;
    assert_eq!(latest(store, "u1").await, Some(done));
    assert_eq!(latest(store, "u2").await, None);
}

pub(super) async fn a_task_is_open_once_per_key(store: &Subject) {
    let again = Task { instruction: "invite again".to_owned(), ..task("t2", "invite:u1") };
    let elsewhere = Task {
        connection: THERE.to_owned(),
        owner: Some("the platform team".to_owned()),
        link: Some("https://app.example/team".to_owned()),
        ..task("t3", "invite:u1")
    };
    write(store, [task("t1", "invite:u1"), again, elsewhere.clone()].map(Write::Task)).await;
    assert_eq!(store.tasks(None, true).await.unwrap(), vec![task("t1", "invite:u1"), elsewhere]);
}

pub(super) async fn a_closed_task_lets_its_key_be_used_again(store: &Subject) {
    write(store, [Write::Task(task("t1", "invite:u1")), close("invite:u1")]).await;
    write(store, [Write::Task(task("t2", "invite:u1"))]).await;
    let closed = Task {
        state: TaskState::Done,
        closed_at: Some(Timestamp(300)),
        closed_by: Some("operator".to_owned()),
        note: Some("done by hand".to_owned()),
        evidence: Some("https://tickets.example/7".to_owned()),
        ..task("t1", "invite:u1")
    };
    assert_eq!(store.tasks(None, false).await.unwrap(), vec![closed, task("t2", "invite:u1")]);
    assert_eq!(task_ids(store, None, true).await, ["t2"]);
}

pub(super) async fn closing_a_task_that_is_not_open_is_nothing_to_do(store: &Subject) {
    write(store, [Write::Task(task("t1", "invite:u1")), close("invite:u2"), close("invite:u1")]).await;
    let before = store.tasks(None, false).await.unwrap();
    let again = Write::CloseTask {
        connection: HERE.to_owned(),
        dedupe: "invite:u1".to_owned(),
        state: TaskState::Cancelled,
        at: Timestamp(999),
        by: "somebody else".to_owned(),
        note: None,
        evidence: None,
    };
    write(store, [again]).await;
    assert_eq!(store.tasks(None, false).await.unwrap(), before);
}

pub(super) async fn tasks_are_listed_oldest_first(store: &Subject) {
    let at = |id: &str, created: i64| Task { created_at: Timestamp(created), ..task(id, id) };
    let elsewhere = Task { connection: THERE.to_owned(), ..at("t4", 15) };
    write(store, [at("t1", 30), at("t2", 10), at("t3", 20), elsewhere].map(Write::Task)).await;
    write(store, [close("t3")]).await;
    assert_eq!(task_ids(store, None, false).await, ["t2", "t4", "t3", "t1"]);
    assert_eq!(task_ids(store, None, true).await, ["t2", "t4", "t1"]);
    assert_eq!(task_ids(store, Some(HERE), false).await, ["t2", "t3", "t1"]);
    assert_eq!(task_ids(store, Some(HERE), true).await, ["t2", "t1"]);
    assert_eq!(task_ids(store, Some(THERE), true).await, ["t4"]);
    let other = Task { kind: "attention".to_owned(), ..at("t5", 5) };
    write(store, [Write::Task(other)]).await;
    for (kind, expected) in [("attention", &["t5"][..]), (&task("t", "t").kind, &["t2", "t1"]), ("none", &[])]
    {
        let found = store.open_tasks(HERE, kind).await.unwrap();
        assert_eq!(found.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), expected, "{kind}");
    }
}

pub(super) async fn a_token_comes_back_as_it_was_written(store: &Subject) {
    let ended = TokenRow {
        created_at: Timestamp(50),
        revoked_at: Some(Timestamp(60)),
        hash: TokenHash([255; 32]),
        ..token("k2")
    };
    write(store, [Write::Token(token("k1")), Write::Token(ended.clone())]).await;
    assert_eq!(store.tokens().await.unwrap(), vec![ended, token("k1")]);

    let renewed = TokenRow { expires_at: Timestamp(9_999), ..token("k1") };
    write(store, [Write::Token(renewed.clone())]).await;
    assert_eq!(store.tokens().await.unwrap()[1], renewed);
}

pub(super) async fn a_token_id_may_serve_two_connections(store: &Subject) {
    let there = TokenRow { connection: THERE.to_owned(), ..token("k1") };
    write(store, [Write::Token(token("k1")), Write::Token(there.clone())]).await;
    assert_eq!(store.tokens().await.unwrap(), vec![token("k1"), there]);
}

pub(super) async fn a_token_is_revoked_once(store: &Subject) {
    let revoke = |id: &str, at: i64| Write::RevokeToken {
        connection: token(id).connection,
        id: id.to_owned(),
        at: Timestamp(at),
    };
    write(store, [Write::Token(token("k1")), Write::Token(token("k2"))]).await;
    write(store, [revoke("k1", 200), revoke("k1", 300), revoke("unknown", 300)]).await;
    let ended = TokenRow { revoked_at: Some(Timestamp(200)), ..token("k1") };
    assert_eq!(store.tokens().await.unwrap(), vec![ended, token("k2")]);
}

pub(super) async fn a_roster_is_the_last_one(store: &Subject) {
    assert_eq!(store.roster(HERE, Kind::User).await.unwrap(), None);
    let roster = |at: i64, total: i64| Roster {
        connection: HERE.to_owned(),
        kind: Kind::User,
        completed_at: Timestamp(at),
        total,
    };
    write(store, [Write::Roster(roster(1, 10)), Write::Roster(roster(2, 12))]).await;
    assert_eq!(store.roster(HERE, Kind::User).await.unwrap(), Some(roster(2, 12)));
    assert_eq!(store.roster(HERE, Kind::Group).await.unwrap(), None);
    assert_eq!(store.roster(THERE, Kind::User).await.unwrap(), None);
}

pub(super) async fn a_note_is_the_last_one_of_its_name_and_connection(store: &Subject) {
    assert_eq!(store.note(HERE, "drift").await.unwrap(), None);
    let note = |text: &str| Write::Note {
        connection: HERE.to_owned(),
        name: "drift".to_owned(),
        text: text.to_owned(),
    };
    write(store, [note("first"), note("{\"second\":\"\u{e6}\"}")]).await;
    assert_eq!(store.note(HERE, "drift").await.unwrap().as_deref(), Some("{\"second\":\"\u{e6}\"}"));
    assert_eq!(store.note(HERE, "other").await.unwrap(), None);
    assert_eq!(store.note(THERE, "drift").await.unwrap(), None);
}
