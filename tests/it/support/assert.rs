//! What a case expects of an answer, and what of that does not hold.

use serde::Deserialize;
use serde_json::Value;

use super::client::Response;
use super::path::nodes;
use super::template::World;

/// The answer that keeps the client working.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Any of these.
    pub status: Vec<u16>,
    /// `[header, is, value?]`
    #[serde(default)]
    headers: Vec<Assertion>,
    /// `[path, is, value?]`
    #[serde(default)]
    body: Vec<Assertion>,
}

/// One claim about the values at one place.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<Value>")]
struct Assertion {
    at: String,
    is: String,
    value: Value,
}

impl TryFrom<Vec<Value>> for Assertion {
    type Error = String;

    fn try_from(parts: Vec<Value>) -> Result<Self, String> {
        match parts.as_slice() {
            [Value::String(at), Value::String(is)] => {
                Ok(Self { at: at.clone(), is: is.clone(), value: Value::Null })
            }
            [Value::String(at), Value::String(is), value] => {
                Ok(Self { at: at.clone(), is: is.clone(), value: value.clone() })
            }
            _ => Err("an assertion is not `[at, is]` or `[at, is, value]`".to_owned()),
        }
    }
}

impl Expect {
    /// This status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status: vec![status], headers: Vec::new(), body: Vec::new() }
    }

    /// What does not hold, one sentence each; empty where all does. Placeholders in values are filled in.
    pub fn unmet(&self, response: &Response, world: &World) -> Vec<String> {
        let mut unmet = Vec::new();
        let body = response.json();
        if !self.status.contains(&response.status) {
            let detail = body["detail"].as_str().map(|detail| format!(" ({detail})")).unwrap_or_default();
            unmet.push(format!("status {}{detail}, expected {:?}", response.status, self.status));
        }
        for assertion in &self.headers {
            let found = response.header(&assertion.at).map(|value| Value::String(value.to_owned()));
            unmet.extend(assertion.failure(&found.iter().collect::<Vec<_>>(), world));
        }
        for assertion in &self.body {
            match nodes(&body, &assertion.at) {
                Ok(found) => unmet.extend(assertion.failure(&found, world)),
                Err(wrong) => unmet.push(wrong),
            }
        }
        unmet
    }
}

impl Assertion {
    fn failure(&self, found: &[&Value], world: &World) -> Option<String> {
        let expected = match world.fill(&self.value) {
            Ok(expected) => expected,
            Err(wrong) => return Some(wrong),
        };
        match holds(&self.is, found, &expected) {
            Some(true) => None,
            Some(false) => {
                let found: String =
                    serde_json::to_string(found).unwrap_or_default().chars().take(300).collect();
                let expected = if expected.is_null() { String::new() } else { format!(" {expected}") };
                Some(format!("{} {}{expected} does not hold of {found}", self.at, self.is))
            }
            None => Some(format!("`{}` is no operator", self.is)),
        }
    }
}

/// Whether the operator holds of the nodes found; `None` where there is no such operator.
fn holds(operator: &str, found: &[&Value], expected: &Value) -> Option<bool> {
    let all = |claim: &dyn Fn(&Value) -> bool| !found.is_empty() && found.iter().all(|node| claim(node));
    let text = |claim: &dyn Fn(&str, &str) -> bool| {
        all(&|node| {
            node.as_str().zip(expected.as_str()).is_some_and(|(node, expected)| claim(node, expected))
        })
    };
    Some(match operator {
        "equals" => all(&|node| same(node, expected)),
        "differs" => all(&|node| !same(node, expected)),
        "present" => all(&|node| !node.is_null()),
        "absent" => found.is_empty(),
        "unassigned" => found.iter().all(|node| node.is_null()),
        "empty" => found.iter().all(|node| is_empty(node)),
        "type" => all(&|node| Some(type_of(node)) == expected.as_str()),
        "length" => Some(spread(found).len() as u64) == expected.as_u64(),
        "contains" => spread(found).iter().any(|node| same(node, expected)),
        "lacks" => !spread(found).iter().any(|node| same(node, expected)),
        "one_of" => {
            let allowed = expected.as_array().map(Vec::as_slice).unwrap_or_default();
            let found = if found.is_empty() { &[&Value::Null] } else { found };
            found.iter().all(|node| allowed.iter().any(|each| same(node, each)))
        }
        "exactly" => expected.as_array().is_some_and(|expected| same_in_any_order(&spread(found), expected)),
        "at_least" => {
            all(&|node| node.as_i64().zip(expected.as_i64()).is_some_and(|(node, least)| node >= least))
        }
        "starts_with" => text(&|node, expected| node.starts_with(expected)),
        "includes" => text(&|node, expected| node.contains(expected)),
        "whole_number" => all(&|node| {
            node.as_str()
                .is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        }),
        _ => return None,
    })
}

/// The elements of the one list found, or the nodes themselves where there are none or several.
fn spread<'a>(found: &[&'a Value]) -> Vec<&'a Value> {
    match found {
        [Value::Array(elements)] => elements.iter().collect(),
        nodes => nodes.to_vec(),
    }
}

/// Equality that keeps `1` apart from `1.0` and `"1"`.
fn same(left: &Value, right: &Value) -> bool {
    left == right
}

fn same_in_any_order(found: &[&Value], expected: &[Value]) -> bool {
    let mut left: Vec<&Value> = expected.iter().collect();
    for node in found {
        let Some(place) = left.iter().position(|each| same(node, each)) else { return false };
        left.swap_remove(place);
    }
    left.is_empty()
}

fn is_empty(node: &Value) -> bool {
    match node {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn type_of(node: &Value) -> &'static str {
    match node {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Response {
        let body = json!({
            "id": "1", "active": true, "totalResults": 2, "title": "", "nothing": null, "list": [], "ratio": 1.0,
            "members": [{ "value": "u1" }, { "value": "u2" }],
        });
        let headers = vec![
            ("content-type".to_owned(), "application/scim+json; charset=utf-8".to_owned()),
            ("retry-after".to_owned(), "30".to_owned()),
        ];
        Response { status: 200, headers, body: body.to_string().into_bytes() }
    }

    fn unmet(expect: Value) -> Vec<String> {
        let expect: Expect = serde_json::from_value(expect).unwrap();
        let mut world = World::default();
        world.put("u1", json!({ "id": "u1" }));
        expect.unmet(&answer(), &world)
    }

    #[test]
    fn what_holds_is_not_told() {
        let met = json!({
            "status": [201, 200],
            "headers": [
                ["Content-Type", "starts_with", "application/scim+json"],
                ["Content-Type", "includes", "utf-8"],
                ["Retry-After", "whole_number"],
                ["WWW-Authenticate", "absent"],
            ],
            "body": [
                ["$.id", "equals", "1"], ["$.id", "differs", 1], ["$.id", "present"], ["$.id", "type", "string"],
                ["$.gone", "absent"], ["$.gone", "unassigned"], ["$.nothing", "unassigned"], ["$.gone", "empty"],
                ["$.title", "empty"], ["$.list", "empty"], ["$.list", "length", 0], ["$.list", "type", "array"],
                ["$.totalResults", "type", "integer"], ["$.totalResults", "at_least", 2],
                ["$.ratio", "type", "number"],
                ["$.members", "length", 2], ["$.members[*].value", "length", 2],
                ["$.members", "contains", { "value": "u2" }],
                ["$.members[*].value", "contains", "{{u1.id}}"], ["$.members[*].value", "lacks", "u3"],
                ["$.members[*].value", "exactly", ["u2", "{{u1.id}}"]],
                ["$.id", "one_of", ["1", "2"]], ["$.gone", "one_of", ["1", null]],
            ],
        });
        assert_eq!(unmet(met), Vec::<String>::new());
    }

    #[test]
    fn each_claim_that_fails_is_told() {
        let claims = json!([
            ["$.id", "equals", 1],
            ["$.gone", "equals", "1"],
            ["$.id", "differs", "1"],
            ["$.gone", "present"],
            ["$.nothing", "present"],
            ["$.id", "absent"],
            ["$.nothing", "absent"],
            ["$.id", "unassigned"],
            ["$.active", "empty"],
            ["$.members", "empty"],
            ["$.totalResults", "type", "string"],
            ["$.gone", "type", "string"],
            ["$.members", "length", 1],
            ["$.gone", "length", 1],
            ["$.members[*].value", "contains", "u3"],
            ["$.members[*].value", "lacks", "u1"],
            ["$.members[*].value", "exactly", ["u1"]],
            ["$.members[*].value", "exactly", ["u1", "u1"]],
            ["$.id", "one_of", ["2"]],
            ["$.totalResults", "at_least", 3],
            ["$.active", "starts_with", "t"],
            ["$.title", "whole_number"],
            ["$.id", "equals", "{{nobody.id}}"],
            ["$.id", "resembles", "1"],
            ["id", "present"],
        ]);
        for claim in claims.as_array().unwrap() {
            assert_eq!(unmet(json!({ "status": [200], "body": [claim] })).len(), 1, "{claim}");
        }
        assert_eq!(unmet(json!({ "status": [204] })), ["status 200, expected [204]"]);
        assert_eq!(
            unmet(json!({ "status": [200], "body": [["$.id", "equals", "2"]] })),
            ["$.id equals \"2\" does not hold of [\"1\"]"]
        );
    }
}
