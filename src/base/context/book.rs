//! What one piece of work has done so far: its plan, its calls, the attempt that is under way.

use super::call::Call;

/// Calls a trace holds; of more than these only the number is told.
const MOST_TRACED: usize = 1_000;

/// Steps and subjects a trace holds.
const MOST_NOTED: usize = 1_000;

/// One attempt at what was promised, as the journal and the audit know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The id of the intent.
    pub intent: String,
    /// `user` or `group`.
    pub kind: &'static str,
    /// The SCIM id.
    pub resource: String,
    /// `create`, `update`, `deactivate`, `delete`, `members` …
    pub operation: String,
    pub generation: i64,
    /// From 1.
    pub number: i64,
    pub begun: Begun,
    /// What it came to, where that could not be written down.
    pub came_to: Option<String>,
}

/// How far the beginning of an attempt is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is not: nothing may leave the house.
    No,
    Journaled,
    /// It could not be, and access is taken away all the same.
    Bypassed,
}

/// What is traced at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chapter {
    /// The steps in words; a step several times in a row stands there once, with its number.
    pub plan: Vec<String>,
    /// SCIM ids, each once, the first one first.
    pub subjects: Vec<String>,
    pub calls: Vec<Call>,
    /// Calls beyond those that are held.
    pub left_out: usize,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    calls: Vec<Call>,
    /// How many of the calls are dealt with by the audit.
    settled: usize,
    /// How many of the calls were traced.
    traced: usize,
    plan: Vec<(&'static str, usize)>,
    subjects: Vec<String>,
    pub(super) attempt: Option<Attempt>,
    /// The intent whose attempt ended last.
    pub(super) ended: Option<String>,
    pub(super) answered: bool,
}

impl Book {
    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn note(&mut self, call: Call) {
        self.calls.push(call);
    }

    pub(super) fn step(&mut self, step: &'static str) {
        if let Some((_, times)) = self.plan.last_mut().filter(|(last, _)| *last == step) {
            *times += 1;
        } else if self.plan.len() < MOST_NOTED {
            self.plan.push((step, 1));
        }
    }

    pub(super) fn subject(&mut self, id: &str) {
        let is_known = self.subjects.iter().any(|known| known == id);
        if !id.is_empty() && !is_known && self.subjects.len() < MOST_NOTED {
            self.subjects.push(id.to_owned());
        }
    }

    pub(super) fn unsettled(&self) -> (Vec<Call>, usize) {
        let later = self.calls.iter().skip(self.settled);
        (later.filter(|call| call.may_change()).cloned().collect(), self.calls.len())
    }

    pub(super) fn settle(&mut self, mark: usize, ended: Option<&str>) {
        self.settled = self.settled.max(mark);
        if let Some(intent) = ended {
            if self.attempt.as_ref().is_some_and(|attempt| attempt.intent == intent) {
                self.attempt = None;
            }
            self.ended = Some(intent.to_owned());
        }
    }

    pub(super) fn chapter(&mut self, answered: bool) -> Chapter {
        self.answered |= answered;
        let new = self.calls.len() - self.traced;
        let calls: Vec<Call> = self.calls.iter().skip(self.traced).take(MOST_TRACED).cloned().collect();
        self.traced = self.calls.len();
        let told = |(step, times): &(&'static str, usize)| {
            if *times == 1 { (*step).to_owned() } else { format!("{step} × {times}") }
        };
        Chapter {
            plan: self.plan.iter().map(told).collect(),
            subjects: self.subjects.clone(),
            left_out: new - calls.len(),
            calls,
        }
    }
}
