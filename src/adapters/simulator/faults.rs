//! The fault schedule: which requests go wrong, how, and how often.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::{Refusal, RefusalKind};
use super::call::Call;

/// One fault as it is ordered on the control plane.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    #[serde(rename = "match")]
    pub matching: Matching,
    /// Answered instead of the app's own answer; without it the app answers, only later or with more headers.
    pub status: Option<u16>,
    pub headers: BTreeMap<String, String>,
    /// A string is sent as it is, anything else as JSON; without it the app's own body for `status` is sent.
    pub body: Option<Value>,
    /// Waits before the app acts, or after it when `commit` is set.
    pub delay_ms: u64,
    /// How many requests it strikes; without it every one until it is deleted.
    pub times: Option<u32>,
    /// Share of the matching requests it strikes, 0 to 1; without it all of them.
    pub probability: Option<f64>,
    /// Closes the connection without an answer.
    pub drop_connection: bool,
    /// Lets the app act before the answer is delayed, replaced or lost: the lost answer.
    pub commit: bool,
}

/// Which requests a fault strikes; empty means every one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matching {
    /// Any case.
    pub method: Option<String>,
    /// Searched for in the path without query; anchor it with `^` and `$`.
    pub path_regex: Option<String>,
}

impl Fault {
    /// How long to wait.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

#[derive(Debug)]
struct Scheduled {
    fault: Fault,
    path: Option<Regex>,
    struck: u32,
}

impl Scheduled {
    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.struck >= times)
    }

    fn covers(&self, call: &Call) -> bool {
        let method = self.fault.matching.method.as_deref();
        method.is_none_or(|method| method.eq_ignore_ascii_case(call.method.as_str()))
            && self.path.as_ref().is_none_or(|path| path.is_match(&call.path))
    }
}

/// The faults in the order they were ordered; the first that strikes wins.
#[derive(Debug)]
pub struct Faults {
    scheduled: Vec<Scheduled>,
    dice: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { scheduled: Vec::new(), dice: 0x9e37_79b9_7f4a_7c15 }
    }
}

impl Faults {
    /// Adds a fault; refuses an impossible status, probability or pattern.
    pub fn order(&mut self, fault: Fault) -> Result<(), Refusal> {
        if let Some(status) = fault.status.filter(|status| !(200..=599).contains(status)) {
            return Err(Refusal::invalid(format!("`status` is {status}, expected 200 to 599")));
        }
        if let Some(share) = fault.probability.filter(|share| !(0.0..=1.0).contains(share)) {
            return Err(Refusal::invalid(format!("`probability` is {share}, expected 0 to 1")));
        }
        let path = fault.matching.path_regex.as_deref().map(Regex::new).transpose().map_err(|error| {
            Refusal { kind: RefusalKind::Invalid, message: format!("`path_regex` cannot be read: {error}") }
        })?;
        self.scheduled.push(Scheduled { fault, path, struck: 0 });
        Ok(())
    }

    /// The fault that strikes this request, if one does; it is counted.
    pub fn strike(&mut self, call: &Call) -> Option<Fault> {
        let Self { scheduled, dice } = self;
        let hit = scheduled
            .iter_mut()
            .filter(|entry| !entry.is_spent() && entry.covers(call))
            .find(|entry| entry.fault.probability.is_none_or(|share| throw(dice) < share))?;
        hit.struck += 1;
        Some(hit.fault.clone())
    }

    /// Forgets every fault and starts the dice anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What is scheduled and how often each has struck.
    #[must_use]
    pub fn listing(&self) -> Value {
        let entries = self.scheduled.iter().map(|entry| {
            json!({
                "method": entry.fault.matching.method,
                "path_regex": entry.fault.matching.path_regex,
                "status": entry.fault.status,
                "times": entry.fault.times,
                "struck": entry.struck,
                "spent": entry.is_spent(),
            })
        });
        Value::Array(entries.collect())
    }
}

/// The next number in `[0, 1)` of a fixed sequence (splitmix64), so that a run can be repeated.
fn throw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let top = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::http::{HeaderMap, Method};

    use super::*;

    fn call(method: Method, path: &str) -> Call {
        Call::new(method, path, HeaderMap::new(), Bytes::new())
    }

    fn fault(order: Value) -> Fault {
        serde_json::from_value(order).unwrap()
    }

    #[test]
    fn a_fault_strikes_only_what_it_matches_and_only_so_often() {
        let mut faults = Faults::default();
        let order = json!({"match": {"method": "post", "path_regex": "^/users$"}, "status": 503, "times": 1});
        faults.order(fault(order)).unwrap();
        assert!(faults.strike(&call(Method::GET, "/users")).is_none());
        assert!(faults.strike(&call(Method::POST, "/users/1")).is_none());
        assert_eq!(faults.strike(&call(Method::POST, "/users")).unwrap().status, Some(503));
        assert!(faults.strike(&call(Method::POST, "/users")).is_none());
    }

    #[test]
    fn a_probability_strikes_about_that_share_and_repeats_after_clear() {
        let mut faults = Faults::default();
        let mut run = || {
            faults.clear();
            faults.order(fault(json!({"status": 500, "probability": 0.25}))).unwrap();
            (0..1000).map(|_| faults.strike(&call(Method::GET, "/")).is_some()).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run());
        let struck = first.iter().filter(|hit| **hit).count();
        assert!((200..300).contains(&struck), "{struck}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for order in [json!({"status": 99}), json!({"probability": 2}), json!({"match": {"path_regex": "("}})]
        {
            assert!(Faults::default().order(fault(order.clone())).is_err(), "{order}");
        }
    }
}
