//! How fast the store is here: `cargo test --release --lib store::sqlite::speed -- --ignored --nocapture`.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::*;
use crate::base::clock::Timestamp;
use crate::store::{IntentState, Lifecycle, Membership};

const PEOPLE: usize = 10_000;
const GROUPS: usize = 50;

fn record(kind: Kind, id: &str, version: i64) -> Record {
    Record {
        connection: "honeycomb".to_owned(),
        kind,
        id: id.to_owned(),
        lifecycle: Lifecycle::Live,
        account: Some(format!("acc-{id}")),
        name_key: format!("{id}@corp.example"),
        label: format!("{id}@corp.example"),
        external_id: Some(format!("ext-{id}")),
        email_keys: vec![format!("{id}@corp.example")],
        display_key: Some(format!("person {id}")),
        told_key: None,
        active: (kind == Kind::User).then_some(true),
        desired: format!(r#"{{"userName":"{id}@corp.example","filler":"{}"}}"#, "x".repeat(700)),
        observed: Some(r#"{"role":"member"}"#.repeat(10)),
        standing: "{}".to_owned(),
        generation: version,
        version,
        created_at: Timestamp(1),
        modified_at: Timestamp(version),
        observed_at: Some(Timestamp(1)),
        groups: Vec::new(),
    }
}

fn intent(id: &str, resource: &str) -> Intent {
    Intent {
        id: id.to_owned(),
        connection: "honeycomb".to_owned(),
        kind: Kind::User,
        resource: resource.to_owned(),
        operation: "update".to_owned(),
        name_key: String::new(),
        generation: 1,
        plan: r#"{"steps":["update"]}"#.repeat(10),
        sticky: false,
        state: IntentState::Journaled,
        attempts: 0,
        strikes: 0,
        next_attempt_at: Timestamp(1),
        request_id: "request".to_owned(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        outcome: None,
        fence: None,
    }
}

fn person(number: usize) -> String {
    format!("0192f3a4-0000-7000-8000-{number:012}")
}

/// Ten thousand people, each in two of fifty groups.
async fn filled(path: &Path) -> Arc<dyn Store> {
    let store = open(path).await.unwrap();
    let insert = |record: Record| Write::Record { record: Box::new(record), expected: None };
    for start in (0..PEOPLE).step_by(1_000) {
        let people = (start..start + 1_000).map(|number| insert(record(Kind::User, &person(number), 1)));
        store.commit(people.collect()).await.unwrap();
    }
    let groups = (0..GROUPS).map(|number| insert(record(Kind::Group, &format!("g{number}"), 1)));
    store.commit(groups.collect()).await.unwrap();
    let memberships = (0..PEOPLE * 2)
        .map(|number| Membership {
            group: format!("g{}", number % GROUPS),
            member: person(number % PEOPLE + number / PEOPLE),
        })
        .collect();
    store.commit(vec![Write::AddMembers { connection: "honeycomb".to_owned(), memberships }]).await.unwrap();
    store
}

/// Runs `work` in `callers` tasks, `each` times in every one, and prints the rate and the latencies.
async fn measure<F>(
    what: &str,
    callers: usize,
    each: usize,
    work: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let work = work.clone();
        tasks.spawn(async move {
            let mut took = Vec::with_capacity(each);
            for turn in 0..each {
                let began = Instant::now();
                work(caller * each + turn).await;
                took.push(began.elapsed());
            }
            took
        });
    }
    let mut took: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let total = started.elapsed();
    took.sort_unstable();
    let rate = u128::try_from(callers * each).unwrap() * 1_000_000 / total.as_micros();
    println!(
        "{what:<28} {callers:>3} callers  {rate:>8}/s  p50 {:>9.1?}  p99 {:>9.1?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, only meaningful in a release build"]
async fn figures() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(&directory.path().join("portcullis.db")).await;

    for callers in [1, 4, 16, 64] {
        let reading = Arc::clone(&store);
        measure("record()", callers, 40_000 / callers, move |turn| {
            let store = Arc::clone(&reading);
            async move {
                let found = store.record("honeycomb", Kind::User, &person(turn * 7 % PEOPLE)).await.unwrap();
                assert!(found.is_some());
            }
        })
        .await;
    }
    for callers in [1, 16] {
        let reading = Arc::clone(&store);
        measure("find(Name)", callers, 20_000 / callers, move |turn| {
            let store = Arc::clone(&reading);
            let key = Key::Name(format!("{}@corp.example", person(turn * 7 % PEOPLE)));
            async move {
                assert_eq!(store.find("honeycomb", Kind::User, &key).await.unwrap().len(), 1);
            }
        })
        .await;
    }
    for offset in [0, 9_900] {
        let reading = Arc::clone(&store);
        measure(&format!("scan({offset}, 100)"), 1, 200, move |_| {
            let store = Arc::clone(&reading);
            async move {
                let page = store.scan("honeycomb", Kind::User, offset, 100).await.unwrap();
                assert_eq!(page.len(), 100);
            }
        })
        .await;
    }
    for callers in [1, 32] {
        let writing = Arc::clone(&store);
        measure("commit(Intent)", callers, 6_400 / callers, move |turn| {
            let store = Arc::clone(&writing);
            let write = Write::Intent(intent(&format!("i{callers}-{turn}"), &person(turn)));
            async move { store.commit(vec![write]).await.unwrap() }
        })
        .await;
    }
    for (callers, version) in [(1, 1), (32, 2)] {
        let writing = Arc::clone(&store);
        measure("commit(Record + Settle)", callers, 6_400 / callers, move |turn| {
            let store = Arc::clone(&writing);
            let changed = record(Kind::User, &person(turn), version + 1);
            let settle = Write::Settle {
                intent: format!("i{callers}-{turn}"),
                state: IntentState::Confirmed,
                attempts: 1,
                next_attempt_at: Timestamp(1),
                at: Timestamp(2),
                outcome: Some("done".to_owned()),
            };
            let write = Write::Record { record: Box::new(changed), expected: Some(version) };
            async move { store.commit(vec![write, settle]).await.unwrap() }
        })
        .await;
    }
    let memberships: Vec<Membership> = (0..PEOPLE)
        .map(|number| Membership { group: "g-everyone".to_owned(), member: person(number) })
        .collect();
    let began = Instant::now();
    let add = Write::AddMembers { connection: "honeycomb".to_owned(), memberships: memberships.clone() };
    store.commit(vec![add]).await.unwrap();
    println!("add 10,000 members           {:.1?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(store.members("honeycomb", "g-everyone").await.unwrap().len(), PEOPLE);
    println!("read 10,000 members          {:.1?}", began.elapsed());
    let began = Instant::now();
    let remove = Write::RemoveMembers { connection: "honeycomb".to_owned(), memberships };
    store.commit(vec![remove]).await.unwrap();
    println!("remove 10,000 members        {:.1?}", began.elapsed());
    store.close().await;
}
