//! Rosters and filters as they come, from a seed.

use portcullis::scim::schema::ENTERPRISE_USER;
use serde_json::{Value, json};

/// Numbers that look random and follow from the first.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.roll(among.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

/// Names that fold alike, begin alike, begin with white space, and stand at the ends of the alphabet.
pub(crate) const NAMES: [&str; 16] = [
    "Anna",
    "anna",
    "Annabel",
    " Anna ",
    "BORIS",
    "Chen ",
    "Straße",
    "STRASSE",
    "Ödön",
    "ödön",
    "ﬁona",
    "Zoë",
    "ｚoe",
    "\u{10ffff}x",
    "%",
    "a_b",
];
const TITLES: [&str; 4] = ["Engineer", "engineer", "Head of Sales", ""];

/// A body that creates a person; no two numbers have one `userName`.
pub(crate) fn somebody(dice: &mut Dice, number: usize) -> Value {
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

/// What filters ask about: texts with and without an index, what is shown by the gateway, and what nobody has.
const TEXTS: [&str; 19] = [
    "id",
    "userName",
    "userName",
    "USERNAME",
    "externalId",
    "emails.value",
    "emails",
    "displayName",
    "displayName",
    "title",
    "name.familyName",
    "meta.location",
    "groups.display",
    "groups.value",
    "groups",
    "members.value",
    "members",
    "schemas",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
];

const TEXT_OPERATORS: [&str; 13] =
    ["eq", "eq", "eq", "EQ", "ne", "co", "sw", "sw", "sw", "ew", "gt", "ge", "le"];

const MOMENTS: [&str; 6] = [
    "2023-11-14T22:13:20Z",
    "2023-11-14T23:14:00.7+01:00",
    "2023-11-14T22:14:00",
    "2000-01-01T00:00:00Z",
    "2999-12-31T23:59:59.999999Z",
    "-0001-01-01T00:00:00Z",
];

/// What stands at `attribute` of somebody, if anything.
fn found(dice: &mut Dice, attribute: &str, resources: &[Value]) -> Option<Value> {
    let resource = dice.pick(resources);
    let value = attribute.split('.').try_fold(resource, |value, name| {
        let value = match value {
            Value::Array(elements) => elements.first()?,
            value => value,
        };
        value.get(name)
    });
    match value {
        Some(Value::Array(elements)) => elements.first().map(|element| element["value"].clone()),
        value => value.cloned(),
    }
}

/// A text a filter may compare `attribute` with: mostly one that somebody has, or how one begins.
fn text(dice: &mut Dice, attribute: &str, resources: &[Value]) -> String {
    let text = match found(dice, attribute, resources) {
        Some(Value::String(text)) if !dice.chance(10) => text,
        _ => (*dice.pick(&["anna", "ext-7", "nobody", "", " ", "\u{10ffff}", "a\\\"b"])).to_owned(),
    };
    let text = match dice.roll(6) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => text.chars().take(dice.roll(5)).collect(),
        3 => format!("{}{text}{}", dice.pick(&["", " ", "\u{a0}"]), dice.pick(&["", " "])),
        _ => text,
    };
    json!(text).to_string()
}

fn moment(dice: &mut Dice, resources: &[Value]) -> String {
    match found(dice, "meta.lastModified", resources) {
        Some(Value::String(at)) if dice.chance(70) => at,
        _ => (*dice.pick(&MOMENTS)).to_owned(),
    }
}

fn boolean(dice: &mut Dice) -> &'static str {
    dice.pick::<&'static str>(&["true", "false", "True", "\"False\""])
}

/// A condition on one element of `emails` and the like.
fn element(dice: &mut Dice, attribute: &str, resources: &[Value], depth: usize) -> String {
    if depth > 0 && dice.chance(50) {
        let one = element(dice, attribute, resources, depth - 1);
        let other = element(dice, attribute, resources, depth - 1);
        return match dice.roll(4) {
            0 | 1 => format!("{one} and {other}"),
            2 => format!("({one} or {other})"),
            _ => format!("not({one})"),
        };
    }
    let value = text(dice, &format!("{attribute}.value"), resources);
    match dice.roll(6) {
        0 => format!(
            "type {} \"{}\"",
            dice.pick(&["eq", "ne", "sw"]),
            dice.pick(&["work", "Home", "direct", "User"])
        ),
        1 => format!("primary {} {}", dice.pick(&["eq", "ne"]), boolean(dice)),
        2 => format!("{} pr", dice.pick(&["value", "display", "$ref", "colour"])),
        _ => format!("value {} {value}", dice.pick(&TEXT_OPERATORS)),
    }
}

fn term(dice: &mut Dice, resources: &[Value]) -> String {
    let attribute = *dice.pick(&TEXTS);
    match dice.roll(14) {
        0 => format!("{attribute} pr"),
        1 => format!("{attribute} {} null", dice.pick(&["eq", "ne"])),
        2 | 3 => format!("active {} {}", dice.pick(&["eq", "eq", "ne"]), boolean(dice)),
        4 | 5 => {
            let operator = dice.pick(&["eq", "ne", "gt", "ge", "lt", "le", "sw"]);
            format!(
                "meta.{} {operator} \"{}\"",
                dice.pick(&["lastModified", "lastModified", "created"]),
                moment(dice, resources)
            )
        }
        6 | 7 => {
            let attribute = *dice.pick(&["emails", "groups", "members", "schemas"]);
            let inner = element(dice, attribute, resources, 2);
            match dice.roll(4) {
                0 => format!(
                    "{attribute}[{inner}].value eq {}",
                    text(dice, &format!("{attribute}.value"), resources)
                ),
                _ => format!("{attribute}[{inner}]"),
            }
        }
        8 => format!("shoeSize {}", dice.pick(&["pr", "eq 5", "ne \"x\""])),
        _ => format!("{attribute} {} {}", dice.pick(&TEXT_OPERATORS), text(dice, attribute, resources)),
    }
}

/// A filter of the whole grammar of RFC 7644 §3.4.2.2, most of it about what some of `resources` have.
pub(crate) fn filter(dice: &mut Dice, resources: &[Value], depth: usize) -> String {
    if depth == 0 || dice.chance(40) {
        return term(dice, resources);
    }
    let (one, other) = (filter(dice, resources, depth - 1), filter(dice, resources, depth - 1));
    match dice.roll(6) {
        0 | 1 => format!("{one} and {other}"),
        2 => format!("{one} or {other}"),
        3 => format!("({one} or {other})"),
        4 => format!("({one}) and ({other})"),
        _ => format!("not ({one})"),
    }
}
