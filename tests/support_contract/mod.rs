//! Checks journaled exchanges against an app's OpenAPI description in `openapi/vendors`.

#![expect(clippy::unwrap_used, reason = "a description that cannot be read must stop the test")]
#![allow(dead_code, reason = "each test that includes this module uses the part it needs")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Which side broke the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// One breach, with the exchange it was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    pub side: Side,
    pub text: String,
}

/// An app's description.
#[derive(Debug)]
pub struct Contract {
    document: Value,
}

/// The operation an exchange belongs to.
#[derive(Debug, Clone)]
struct Operation<'a> {
    template: &'a str,
    method: String,
    shared: &'a Value,
    body: &'a Value,
}

impl Contract {
    /// Reads `openapi/vendors/{app}.yaml`.
    #[must_use]
    pub fn of(app: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/vendors/{app}.yaml"));
        let text = std::fs::read_to_string(path).unwrap();
        Self { document: serde_norway::from_str(&text).unwrap() }
    }

    /// Every operation as `METHOD template`.
    #[must_use]
    pub fn operations(&self) -> BTreeSet<String> {
        let methods = ["get", "post", "put", "patch", "delete"];
        let of = |(template, item): (&String, &Value)| {
            let known = methods.iter().filter(|method| item.get(**method).is_some());
            known.map(|method| format!("{} {template}", method.to_uppercase())).collect::<Vec<_>>()
        };
        self.paths().iter().flat_map(of).collect()
    }

    /// The operation of one journal entry as `METHOD template`; `None` when the description has none.
    #[must_use]
    pub fn operation_of(&self, entry: &Value) -> Option<String> {
        self.operation(entry).map(|operation| format!("{} {}", operation.method, operation.template))
    }

    /// Everything about one journal entry that the description does not allow.
    ///
    /// Answers that the fault schedule replaced are not judged, nor those that never came, nor trimmed bodies.
    #[must_use]
    pub fn breaches(&self, entry: &Value) -> Vec<Breach> {
        let mut found = Vec::new();
        let name = format!("{} {}", text(&entry["method"]), text(&entry["path"]));
        let mut breach = |side, what: String| found.push(Breach { side, text: format!("{name}: {what}") });
        let Some(operation) = self.operation(entry) else {
            breach(Side::Request, "no such operation".into());
            return found;
        };
        self.check_credential(&operation, entry, &mut |what| breach(Side::Request, what));
        self.check_query(&operation, entry, &mut |what| breach(Side::Request, what));
        if entry["trimmed"] == json!(true) {
            return found;
        }
        self.check_body(&operation, entry, &mut |what| breach(Side::Request, what));
        if entry["fault"] != json!(true) && !entry["status"].is_null() {
            self.check_response(&operation, entry, &mut |what| breach(Side::Response, what));
        }
        found
    }

    fn paths(&self) -> &Map<String, Value> {
        self.document["paths"].as_object().unwrap()
    }

    /// The path with the fewest parameters wins, as OpenAPI demands.
    fn operation(&self, entry: &Value) -> Option<Operation<'_>> {
        let (method, path) = (text(&entry["method"]), text(&entry["path"]));
        let fitting = self.paths().iter().filter(|(template, _)| fits(template, path));
        let (template, shared) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        let body = shared.get(method.to_lowercase())?;
        Some(Operation { template, method: method.to_owned(), shared, body })
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).unwrap(),
            None => value,
        }
    }

    fn check_credential(&self, operation: &Operation<'_>, entry: &Value, breach: &mut dyn FnMut(String)) {
        let needed = operation.body.get("security").unwrap_or(&self.document["security"]);
        let Some(scheme) = needed[0].as_object().and_then(|needed| needed.keys().next()) else { return };
        let scheme = &self.document["components"]["securitySchemes"][scheme];
        if scheme["type"] == "apiKey" {
            let header = text(&scheme["name"]).to_lowercase();
            if entry["headers"].get(&header).is_none() {
                breach(format!("header `{header}` is missing"));
            }
        } else if !entry["headers"]["authorization"].as_str().is_some_and(|sent| sent.starts_with("Bearer "))
        {
            breach("header `authorization` carries no bearer token".into());
        }
    }

    fn check_query(&self, operation: &Operation<'_>, entry: &Value, breach: &mut dyn FnMut(String)) {
        let declared = [&operation.shared["parameters"], &operation.body["parameters"]];
        let declared: Vec<&Value> = declared
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        for (name, value) in entry["query"].as_object().into_iter().flatten() {
            let Some(parameter) = declared.iter().find(|parameter| parameter["name"] == json!(name)) else {
                breach(format!("query parameter `{name}` is not declared"));
                continue;
            };
            let typed = match (parameter["schema"]["type"].as_str(), value.as_str()) {
                (Some("integer"), Some(text)) => text.parse::<i64>().map_or(value.clone(), |n| json!(n)),
                _ => value.clone(),
            };
            for error in self.violations(&parameter["schema"], &typed) {
                breach(format!("query parameter `{name}`: {error}"));
            }
        }
    }

    fn check_body(&self, operation: &Operation<'_>, entry: &Value, breach: &mut dyn FnMut(String)) {
        let request = self.resolved(&operation.body["requestBody"]);
        let sent = &entry["body"];
        let content = request["content"].as_object();
        match (content, sent.is_null()) {
            (None, false) => breach("a body was sent where none is declared".into()),
            (Some(_), true) if request["required"] == json!(true) => breach("the body is missing".into()),
            (Some(content), false) => {
                let kind = entry["headers"]["content-type"].as_str().unwrap_or_default();
                let kind = kind.split(';').next().unwrap_or_default().trim();
                match content.get(kind) {
                    None => breach(format!("content type `{kind}` is not declared")),
                    Some(media) => {
                        for error in self.violations(&media["schema"], sent) {
                            breach(format!("body: {error}"));
                        }
                    }
                }
            }
            (None | Some(_), true) => {}
        }
    }

    fn check_response(&self, operation: &Operation<'_>, entry: &Value, breach: &mut dyn FnMut(String)) {
        let status = entry["status"].to_string();
        let Some(response) = operation.body["responses"].get(&status) else {
            breach(format!("status {status} is not declared"));
            return;
        };
        let response = self.resolved(response);
        let Some(media) = response["content"].as_object().and_then(|content| content.values().next()) else {
            if !entry["response"].is_null() {
                breach(format!("status {status} came with a body"));
            }
            return;
        };
        for error in self.violations(&media["schema"], &entry["response"]) {
            breach(format!("answer {status}: {error}"));
        }
    }

    /// What JSON Schema 2020-12 finds wrong with `instance`.
    fn violations(&self, schema: &Value, instance: &Value) -> Vec<String> {
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let errors = validator.iter_errors(instance);
        errors.map(|error| format!("{error} at `{}`", error.instance_path())).collect()
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
