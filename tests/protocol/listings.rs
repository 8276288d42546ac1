//! Whatever the store answers from an index, a column or a scan: a listing is what the filter says of every resource.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::contract::Account;
use portcullis::provision::ListQuery;
use portcullis::scim::catalog::Catalog;
use portcullis::scim::filter::Filter;
use portcullis::scim::schema::ResourceKind;
use portcullis::scim::sort::Sort;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::random::{Dice, NAMES, filter, somebody};
use crate::stage::{Stage, ids, number};

async fn all(stage: &Stage, kind: ResourceKind) -> Vec<Value> {
    let mut resources = Vec::new();
    loop {
        let start = (resources.len() + 1).to_string();
        let query =
            ListQuery { start_index: Some(start), count: Some("200".to_owned()), ..ListQuery::default() };
        let page = stage.connection.list(kind, &query).await.unwrap();
        resources.extend(page["Resources"].as_array().unwrap().iter().cloned());
        if resources.len() >= number(&page["totalResults"]) {
            return resources;
        }
    }
}

/// Compares `rounds` listings with the evaluation of their filter over everything; how many pairs of a resource and a
/// filter that were.
async fn compare(stage: &Stage, kind: ResourceKind, rounds: usize, dice: &mut Dice) -> usize {
    let resources = all(stage, kind).await;
    let resource_type = Catalog::standard().of(kind);
    let mut pairs = 0;
    for _ in 0..rounds {
        let text = filter(dice, &resources, 2);
        let Ok(parsed) = Filter::parse(&text, resource_type) else { continue };
        let expected: Vec<&Value> = resources.iter().filter(|resource| parsed.matches(resource)).collect();
        pairs += resources.len();
        let (start, count) = (dice.roll(20), 1 + dice.roll(200));
        let query = ListQuery {
            filter: Some(text.clone()),
            start_index: Some((start + 1).to_string()),
            count: Some(count.to_string()),
            ..ListQuery::default()
        };
        let listing = stage.connection.list(kind, &query).await.unwrap();
        assert_eq!(number(&listing["totalResults"]), expected.len(), "{text}");
        let page: Vec<&Value> = expected.into_iter().skip(start).take(count).collect();
        assert_eq!(listing["Resources"].as_array().unwrap().iter().collect::<Vec<_>>(), page, "{text}");
    }
    pairs
}

async fn created(stage: &Stage, path: &str, body: Value) -> String {
    let answer = stage.post(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// People and groups in an app that holds everything, after some of them were changed and some deleted.
async fn populated(dice: &mut Dice, people: usize, groups: usize) -> Stage {
    let stage = Stage::sandbox().await;
    let mut ids = Vec::new();
    for number in 0..people {
        ids.push(created(&stage, "/Users", somebody(dice, number)).await);
        stage.clock.advance(Duration::from_micros(700_300));
    }
    for number in 0..groups {
        let members: Vec<Value> = (0..dice.roll(6)).map(|_| json!({ "value": dice.pick(&ids) })).collect();
        let name = format!("{} {number}", dice.pick(&NAMES));
        created(&stage, "/Groups", json!({ "displayName": name, "members": members })).await;
    }
    for number in 0..people / 4 {
        let path = format!("/Users/{}", dice.pick(&ids));
        stage.clock.advance(Duration::from_micros(1_300_700));
        match dice.roll(5) {
            0 => stage.ask("DELETE", &path, &[], Value::Null).await,
            1 => stage.ask("PUT", &path, &[], somebody(dice, people + number)).await,
            2 => stage.ask("PATCH", &path, &[], replacing(&json!({ "active": dice.chance(50) }))).await,
            3 => {
                stage.ask("PATCH", &path, &[], replacing(&json!({ "displayName": dice.pick(&NAMES) }))).await
            }
            _ => {
                let mail = json!([{ "value": format!("new{number}@corp.example"), "type": "work" }]);
                stage.ask("PATCH", &path, &[], replacing(&json!({ "emails": mail }))).await
            }
        };
    }
    stage
}

/// Every byte of a query value, escaped.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        write!(escaped, "%{byte:02X}").unwrap();
        escaped
    })
}

fn replacing(value: &Value) -> Value {
    json!({ "Operations": [{ "op": "replace", "value": value }] })
}

/// Runs one case of a property that needs a runtime of its own.
fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_the_filter_over_everything_would(seed in any::<u64>()) {
        run(async {
            let mut dice = Dice(seed);
            let stage = populated(&mut dice, 120, 24).await;
            let users = compare(&stage, ResourceKind::User, 260, &mut dice).await;
            let groups = compare(&stage, ResourceKind::Group, 260, &mut dice).await;
            // Four cases are a hundred thousand pairs.
            assert!(users + groups >= 25_000, "{users} and {groups} pairs");
        });
    }

    #[test]
    fn the_doors_answer_as_the_filter_over_everything_would(seed in any::<u64>()) {
        run(async {
            let mut dice = Dice(seed);
            let stage = populated(&mut dice, 40, 8).await;
            for kind in [ResourceKind::User, ResourceKind::Group] {
                let resources = all(&stage, kind).await;
                for _ in 0..40 {
                    let text = filter(&mut dice, &resources, 2);
                    let encoded = percent(&text);
                    let answer = stage.get(&format!("{}?count=200&filter={encoded}", kind.endpoint())).await;
                    match Filter::parse(&text, Catalog::standard().of(kind)) {
                        Ok(parsed) => {
                            let expected: Vec<&Value> =
                                resources.iter().filter(|resource| parsed.matches(resource)).collect();
                            assert_eq!(answer.status, 200, "{text}: {}", answer.body);
                            let shown = answer.body["Resources"].as_array().unwrap();
                            assert_eq!(shown.iter().collect::<Vec<_>>(), expected, "{text}");
                        }
                        Err(_) => assert_eq!(answer.error(), (400, "invalidFilter"), "{text}"),
                    }
                }
            }
        });
    }

    #[test]
    fn what_the_app_tells_is_found_as_it_is_shown(seed in any::<u64>()) {
        run(async {
            let mut dice = Dice(seed);
            let account = |dice: &mut Dice, number: usize| Account {
                id: format!("a{number}"),
                email: Some(format!("{}.{number}@corp.example", dice.pick(&NAMES))),
                display_name: dice.chance(80).then(|| (*dice.pick(&NAMES)).to_owned()),
                given_name: dice.chance(50).then(|| (*dice.pick(&NAMES)).to_owned()),
                ..Account::default()
            };
            let accounts: Vec<Account> = (0..60).map(|number| account(&mut dice, number)).collect();
            let accounts = Arc::new(Mutex::new(accounts));
            let stage = Stage::directory(Arc::clone(&accounts)).await;
            compare(&stage, ResourceKind::User, 60, &mut dice).await;
            accounts.lock().unwrap().iter_mut().step_by(2).for_each(|each| {
                each.display_name = Some((*dice.pick(&NAMES)).to_owned());
            });
            stage.clock.advance(Duration::from_mins(1));
            compare(&stage, ResourceKind::User, 60, &mut dice).await;
            let listing = all(&stage, ResourceKind::User).await;
            assert!(listing.iter().any(|each| each.get("displayName").is_some()));
        });
    }
}

#[tokio::test]
async fn the_order_is_that_of_everything_sorted() {
    let mut dice = Dice(42);
    let stage = populated(&mut dice, 250, 20).await;
    let resources = all(&stage, ResourceKind::User).await;
    for by in [
        "userName",
        "title",
        "emails",
        "name.familyName",
        "externalId",
        "active",
        "meta.created",
        "id",
        "groups.display",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ] {
        for order in ["ascending", "descending"] {
            let sort = Sort::parse(Some(by), Some(order), &[&Catalog::standard().user]).unwrap().unwrap();
            let mut expected: Vec<&Value> = resources.iter().collect();
            expected.sort_by(|one, other| {
                sort.compare(&sort.key(ResourceKind::User, one), &sort.key(ResourceKind::User, other))
            });
            let query = ListQuery {
                sort_by: Some(by.to_owned()),
                sort_order: Some(order.to_owned()),
                start_index: Some("11".to_owned()),
                count: Some("200".to_owned()),
                ..ListQuery::default()
            };
            let listing = stage.connection.list(ResourceKind::User, &query).await.unwrap();
            let expected: Vec<&str> =
                expected[10..210].iter().filter_map(|each| each["id"].as_str()).collect();
            assert_eq!(ids(&listing), expected, "{by} {order}");
        }
    }
}
