//! Whatever the store answers from an index, a column or a scan: a listing is what the filter says of every resource.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::contract::Account;
use portcullis::provision::ListQuery;
use portcullis::scim::catalog::Catalog;
use portcullis::scim::filter::Filter;
use portcullis::scim::schema::{ENTERPRISE_USER, ResourceKind};
use portcullis::scim::sort::Sort;
use serde_json::{Value, json};

use crate::stage::{Stage, ids, number};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.roll(among.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

const NAMES: [&str; 10] =
    ["Anna", "anna", "BORIS", "Chen", "Straße", "STRASSE", "Ödön", "ödön", "ﬁona", "Zoë"];
const TITLES: [&str; 4] = ["Engineer", "engineer", "Head of Sales", ""];

fn somebody(dice: &mut Dice, number: usize) -> Value {
    let name = *dice.pick(&NAMES);
    let mut person =
        json!({ "userName": format!("{name}.{number}@corp.example"), "active": dice.chance(70) });
    if dice.chance(70) {
        person["displayName"] = json!(dice.pick(&NAMES));
    }
    if dice.chance(50) {
        person["externalId"] = json!(format!("{}{}", dice.pick(&["ext-", "EXT-"]), number / 2));
    }
    if dice.chance(70) {
        let work = format!("{name}.{}@corp.example", number / 3);
        person["emails"] = json!([
            { "value": work, "type": "work", "primary": true },
            { "value": format!("home{number}@example.net"), "type": "home" },
        ]);
    }
    if dice.chance(60) {
        person["title"] = json!(dice.pick(&TITLES));
    }
    if dice.chance(40) {
        person["name"] = json!({ "givenName": name, "familyName": dice.pick(&NAMES) });
    }
    if dice.chance(40) {
        person[ENTERPRISE_USER] = json!({ "department": dice.pick(&TITLES) });
    }
    person
}

/// A value a filter may compare `attribute` with: mostly one that somebody has.
fn value(dice: &mut Dice, attribute: &str, resources: &[Value]) -> String {
    let resource = dice.pick(resources);
    let found = attribute.split('.').try_fold(resource, |value, name| {
        let value = match value {
            Value::Array(elements) => elements.first()?,
            value => value,
        };
        value.get(name)
    });
    let text = match found {
        Some(Value::String(text)) if !dice.chance(10) => text.clone(),
        _ => (*dice.pick(&["anna", "ext-7", "nobody", ""])).to_owned(),
    };
    let text = match dice.roll(4) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text,
    };
    json!(text).to_string()
}

fn term(dice: &mut Dice, resources: &[Value]) -> String {
    const TEXTS: [&str; 11] = [
        "id",
        "userName",
        "externalId",
        "emails.value",
        "displayName",
        "title",
        "name.familyName",
        "meta.location",
        "emails",
        "members.value",
        "groups.display",
    ];
    let attribute = *dice.pick(&TEXTS);
    let sent = value(dice, attribute, resources);
    match dice.roll(12) {
        0..=5 => format!("{attribute} eq {sent}"),
        6 => format!("{attribute} {} {sent}", dice.pick(&["ne", "co", "sw", "ew", "gt", "le"])),
        7 => format!("{attribute} pr"),
        8 => format!("active eq {}", dice.chance(50)),
        9 => {
            let at = value(dice, "meta.lastModified", resources).replace(['t', 'z'], "");
            let at = if at.contains('T') { at } else { "\"2023-11-14T22:20:00Z\"".to_owned() };
            format!("meta.lastModified {} {at}", dice.pick(&["gt", "ge", "lt", "eq"]))
        }
        10 => {
            let sent = value(dice, "emails.value", resources);
            format!("emails[type eq \"{}\" and value eq {sent}]", dice.pick(&["work", "home"]))
        }
        _ => format!("{ENTERPRISE_USER}:department eq {}", value(dice, "title", resources)),
    }
}

fn filter(dice: &mut Dice, resources: &[Value], depth: usize) -> String {
    if depth == 0 || dice.chance(40) {
        return term(dice, resources);
    }
    let (one, other) = (filter(dice, resources, depth - 1), filter(dice, resources, depth - 1));
    match dice.roll(5) {
        0..=2 => format!("{one} and {other}"),
        3 => format!("({one} or {other})"),
        _ => format!("not ({one})"),
    }
}

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

/// Compares `rounds` listings with the evaluation of their filter over everything; how many pairs that were.
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

/// 250 people and 40 groups in an app that holds everything.
async fn populated(dice: &mut Dice) -> Stage {
    let stage = Stage::sandbox().await;
    let mut people = Vec::new();
    for number in 0..250 {
        let created = stage.post("/Users", somebody(dice, number)).await;
        assert_eq!(created.status, 201, "{}", created.body);
        people.push(created.body["id"].as_str().unwrap().to_owned());
        stage.clock.advance(Duration::from_millis(700));
    }
    for number in 0..40 {
        let members: Vec<&str> = (0..dice.roll(6)).map(|_| dice.pick(&people).as_str()).collect();
        stage.group(&format!("{} {number}", dice.pick(&NAMES)), &members).await;
    }
    stage
}

#[tokio::test]
async fn the_store_answers_as_the_filter_over_everything_would() {
    let mut dice = Dice(41);
    let stage = populated(&mut dice).await;
    let users = compare(&stage, ResourceKind::User, 400, &mut dice).await;
    let groups = compare(&stage, ResourceKind::Group, 250, &mut dice).await;
    assert!(users + groups >= 100_000, "{users} and {groups} pairs");
}

#[tokio::test]
async fn the_order_is_that_of_everything_sorted() {
    let mut dice = Dice(42);
    let stage = populated(&mut dice).await;
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

#[tokio::test]
async fn what_the_app_tells_is_found_as_it_is_shown() {
    let mut dice = Dice(43);
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
}
