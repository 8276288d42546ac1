//! Everything that can go wrong between the gateway and an app, in every operation, with every app: what the caller is
//! told, what then stands, and that a leaver is out when it is over, as `tests/fixtures/faults.csv` says.
//!
//! The gateway speaks over real sockets to the simulators, whose line is spoilt: 36 faults, 11 operations, 4 apps. Its
//! time-outs, and the latencies of the apps with them, are a fifth of what they are in a product as it comes (an attempt
//! two seconds in place of ten, a request five in place of twenty-five). What the gateway does by itself afterwards keeps
//! its own time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a cell that cannot be set up has failed")]

mod cell;
mod fault;
mod line;
mod stage;
#[path = "../support_rest/mod.rs"]
mod support;
mod table;
mod tls;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cell::OPERATIONS;
use crate::fault::FAULTS;
use crate::stage::APPS;

/// Cells that are set up at the same time, which keeps the machine busy; those that are set up mostly wait.
const SET_UP_AT_ONCE: usize = 4;

#[test]
fn every_cell_has_one_line_and_every_line_a_cell() {
    let lines = table::lines();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for fault in FAULTS {
        for operation in OPERATIONS {
            for app in APPS {
                let covering: Vec<usize> = lines
                    .iter()
                    .filter(|line| line.covers(fault.name, operation, app))
                    .map(|line| line.number)
                    .collect();
                if covering.len() != 1 {
                    wrong.push(format!("{} × {operation} × {app}: lines {covering:?}", fault.name));
                }
                used.extend(covering);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(used.len(), lines.len(), "some line stands for no cell");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test that starts itself again reads what it was started with"
)]
fn every_fault_in_every_operation_is_answered_and_mended_as_the_table_says() {
    // Whom a process trusts is read from its environment, which it cannot change.
    if std::env::var(tls::TRUSTS).is_ok_and(|trusted| trusted == tls::authority()) {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(every_cell());
        return;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["every_fault_in_every_operation_is_answered_and_mended_as_the_table_says", "--exact"])
        .args(["--nocapture"])
        .env(tls::TRUSTS, tls::authority())
        .status()
        .unwrap();
    assert!(status.success());
}

async fn every_cell() {
    let lines = Arc::new(table::lines());
    let setting_up = Arc::new(Semaphore::new(SET_UP_AT_ONCE));
    let mut cells = JoinSet::new();
    for fault in FAULTS {
        for operation in OPERATIONS {
            for app in APPS {
                let (lines, setting_up) = (Arc::clone(&lines), Arc::clone(&setting_up));
                cells.spawn(async move {
                    let line = lines.iter().find(|line| line.covers(fault.name, operation, app)).unwrap();
                    let wrong = cell::drive((app, operation, fault), line, &setting_up).await;
                    let told = |what: String| format!("{} × {operation} × {app}: {what}", fault.name);
                    wrong.into_iter().map(told).collect::<Vec<_>>()
                });
            }
        }
    }
    let (mut driven, mut wrong) = (0, Vec::new());
    while let Some(cell) = cells.join_next().await {
        driven += 1;
        wrong.extend(cell.unwrap());
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} things differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(driven, 1_584);
}
