//! What an app was asked and what it answered, oldest first, without a single credential.

use std::collections::VecDeque;

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::app::App;
use super::call::{Answer, Call, pairs};
use crate::base::clock::Timestamp;

const ENTRY_LIMIT: usize = 200_000;
/// All bodies kept together; the oldest entries lose theirs first.
const BYTES_LIMIT: usize = 128 * 1024 * 1024;
/// A longer body is left out of its entry.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

const SECRET_HEADERS: [&str; 6] =
    ["authorization", "api_key", "api-key", "cookie", "x-honeycomb-team", "x-user-token"];
const SECRET_FIELDS: [&str; 6] =
    ["access_token", "api_key", "client_assertion", "client_secret", "password", "refresh_token"];

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Entry {
    at: Timestamp,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    form: bool,
    body: Bytes,
    /// `None` until it is answered, and for ever when the connection was dropped.
    status: Option<u16>,
    response: Bytes,
    dropped: bool,
    fault: bool,
    /// Bodies were left out for their size.
    trimmed: bool,
}

/// A bounded record of requests and answers.
#[derive(Debug)]
pub struct Journal {
    entries: VecDeque<Entry>,
    /// Number of the oldest entry kept.
    first: u64,
    /// Number of the oldest entry that still has its bodies.
    whole: u64,
    bytes: usize,
    enabled: bool,
}

impl Default for Journal {
    fn default() -> Self {
        Self { entries: VecDeque::new(), first: 1, whole: 1, bytes: 0, enabled: true }
    }
}

impl Journal {
    /// Notes a request and answers its number; `None` while the journal is off.
    pub fn open(&mut self, call: &Call, app: &dyn App, at: Timestamp) -> Option<u64> {
        if !self.enabled {
            return None;
        }
        let trimmed = call.body.len() > BODY_LIMIT;
        let body = if trimmed { Bytes::new() } else { call.body.clone() };
        self.bytes += body.len();
        self.entries.push_back(Entry {
            at,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            headers: redacted_headers(&call.headers, app),
            form: call.content_type() == "application/x-www-form-urlencoded",
            body,
            status: None,
            response: Bytes::new(),
            dropped: false,
            fault: false,
            trimmed,
        });
        if self.entries.len() > ENTRY_LIMIT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.body.len() + oldest.response.len();
            self.first += 1;
            self.whole = self.whole.max(self.first);
        }
        self.trim();
        Some(self.first + self.entries.len() as u64 - 1)
    }

    /// Notes what was answered; `None` when the connection was dropped. Nothing happens when the entry is gone.
    pub fn close(&mut self, number: Option<u64>, answer: Option<&Answer>, fault: bool) {
        let place = number.and_then(|number| usize::try_from(number.checked_sub(self.first)?).ok());
        let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) else { return };
        entry.fault = fault;
        entry.dropped = answer.is_none();
        if let Some(answer) = answer {
            entry.status = Some(answer.status);
            if answer.body.len() > BODY_LIMIT {
                entry.trimmed = true;
            } else if !entry.trimmed {
                entry.response = answer.body.clone();
                self.bytes += entry.response.len();
            }
        }
        self.trim();
    }

    /// Takes the bodies of the oldest entries until the rest fits.
    fn trim(&mut self) {
        while self.bytes > BYTES_LIMIT {
            let place = usize::try_from(self.whole - self.first).ok();
            let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) else { break };
            self.bytes -= entry.body.len() + entry.response.len();
            (entry.body, entry.response, entry.trimmed) = (Bytes::new(), Bytes::new(), true);
            self.whole += 1;
        }
    }

    /// Forgets every entry; the numbering goes on.
    pub fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.whole = self.first;
        self.entries.clear();
        self.bytes = 0;
    }

    /// Turns recording on or off; what is recorded stays.
    pub fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    /// Every entry, oldest first: `{seq, at, method, path, query, headers, body, status, response, dropped, fault,
    /// trimmed}`.
    ///
    /// Bodies are JSON where they are JSON, an object of fields where they are a form, else text; `null` when
    /// empty or `trimmed` (over 4 MiB, or the oldest once all bodies exceed 128 MiB). `status` is `null` while a request is unanswered and when its connection was dropped.
    #[must_use]
    pub fn listing(&self) -> Vec<Value> {
        (self.first..).zip(&self.entries).map(|(seq, entry)| entry.to_json(seq)).collect()
    }
}

impl Entry {
    fn to_json(&self, seq: u64) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "seq": seq,
            "at": self.at.to_string(),
            "method": self.method,
            "path": self.path,
            "query": fields(self.query.as_bytes()),
            "headers": headers,
            "body": if self.form { fields(&self.body) } else { readable(&self.body) },
            "status": self.status,
            "response": readable(&self.response),
            "dropped": self.dropped,
            "fault": self.fault,
            "trimmed": self.trimmed,
        })
    }
}

fn redacted_headers(headers: &HeaderMap, app: &dyn App) -> Vec<(String, String)> {
    let redact = |name: &str, value: &str| {
        if name == "authorization" {
            let (scheme, credential) = value.split_once(' ').unwrap_or(("", value));
            return format!("{scheme} {}", app.credential_kind(credential.trim())).trim().to_owned();
        }
        if SECRET_HEADERS.contains(&name) { app.credential_kind(value).to_owned() } else { value.to_owned() }
    };
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), redact(name.as_str(), value.to_str().unwrap_or("binary"))))
        .collect()
}

/// Pairs as an object; a name that comes twice has an array of its values.
fn fields(text: &[u8]) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs(text) {
        let value = if SECRET_FIELDS.contains(&name.as_str()) { json!("present") } else { json!(value) };
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(single) => *single = json!([single, value]),
        }
    }
    Value::Object(object)
}

fn readable(body: &Bytes) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return json!(String::from_utf8_lossy(body));
    };
    if let Some(object) = value.as_object_mut() {
        for (_, secret) in object.iter_mut().filter(|(name, _)| SECRET_FIELDS.contains(&name.as_str())) {
            *secret = json!("present");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;
    use crate::adapters::simulator::tests::Counter;

    #[test]
    fn the_oldest_entries_lose_their_bodies_and_stay() {
        let app = Counter::default();
        let body = Bytes::from(vec![b' '; BODY_LIMIT]);
        let call = Call::new(Method::POST, "/", HeaderMap::new(), body.clone());
        let answer = Answer::text(200, "text/plain", body);
        let mut journal = Journal::default();
        for _ in 0..17 {
            let number = journal.open(&call, &app, Timestamp(0));
            journal.close(number, Some(&answer), false);
        }
        let listing = journal.listing();
        let trimmed: Vec<bool> = listing.iter().map(|entry| entry["trimmed"] == json!(true)).collect();
        assert_eq!(trimmed, [vec![true], vec![false; 16]].concat());
        assert_eq!((&listing[0]["status"], &listing[0]["body"]), (&json!(200), &Value::Null));
    }
}
