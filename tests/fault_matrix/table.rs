//! The table of what is expected, `tests/fixtures/faults.csv`.
//!
//! Each line stands for all cells of its faults, operations and apps; each cell has exactly one line. `answer` is what
//! the caller gets: `done` (200, 201 or 204), or a status; several where it depends on the moment. `sent` is how often
//! the gateway sends the call that is struck before it answers: `2` is once or twice, `0-2` may be never. `stands` is whether
//! the app does what was asked within ten seconds of the fault's end, when nobody asks again; `again` what the caller
//! gets who does.

use crate::cell::OPERATIONS;
use crate::fault::FAULTS;
use crate::stage::APPS;

const TABLE: &str = include_str!("../fixtures/faults.csv");

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    pub number: usize,
    pub faults: Vec<&'static str>,
    pub operations: Vec<&'static str>,
    pub apps: Vec<&'static str>,
    pub answer: Vec<&'static str>,
    /// The least and the most.
    pub sent: (u32, u32),
    pub stands: Vec<&'static str>,
    pub again: Vec<&'static str>,
}

fn names(field: &'static str, all: &[&'static str]) -> Vec<&'static str> {
    if field == "*" {
        return all.to_vec();
    }
    let named: Vec<&str> = field.split(", ").collect();
    for name in &named {
        assert!(all.contains(name), "the table knows `{name}`, nobody else does");
    }
    named
}

/// All lines, in their order.
pub fn lines() -> Vec<Line> {
    let faults: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    let read = |(at, line): (usize, &'static str)| {
        let fields: Vec<&str> = line.splitn(8, ';').collect();
        let [fault, operation, app, answer, sent, stands, again, _why] = fields[..] else {
            panic!("line {} has {} fields", at + 1, fields.len());
        };
        let words = |field: &'static str| field.split(' ').collect();
        Line {
            number: at + 1,
            faults: names(fault, &faults),
            operations: names(operation, &OPERATIONS),
            apps: names(app, &APPS),
            answer: words(answer),
            sent: {
                let most: u32 = sent.trim_start_matches("0-").parse().unwrap();
                (most.min(u32::from(!sent.starts_with("0-"))), most)
            },
            stands: words(stands),
            again: words(again),
        }
    };
    TABLE.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()).map(read).collect()
}

impl Line {
    /// Whether the line stands for this cell.
    pub fn covers(&self, fault: &str, operation: &str, app: &str) -> bool {
        self.faults.contains(&fault) && self.operations.contains(&operation) && self.apps.contains(&app)
    }
}
