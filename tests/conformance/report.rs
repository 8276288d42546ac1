//! Every claim tried on every app, once for all tests of the suite.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bench::{BENCHES, Bench};
use crate::claims::{CLAIMS, Claim, Verdict};
use crate::stage::Stage;
use crate::support_contract::{Contract, Side};

/// Stages set at once: claims about patience must not wait for a processor.
const AT_ONCE: usize = 4;

/// How a claim ended on an app.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Kept,
    /// The app declares nothing that the claim is about.
    Moot,
    Broken(String),
}

/// What the suite found.
pub struct Report {
    /// By claim, in the order of the benches.
    rows: Vec<(&'static str, Vec<End>)>,
    /// Capabilities that decided something.
    pub read: BTreeSet<&'static str>,
    /// Exchanges that an app's OpenAPI description does not allow.
    pub breaches: BTreeSet<String>,
}

/// What one stage left behind.
struct Left {
    claim: usize,
    app: usize,
    end: End,
    read: BTreeSet<&'static str>,
    breaches: Vec<String>,
}

/// The report; the first who asks waits for it to be made.
pub fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(all())
    })
}

async fn all() -> Report {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut stages = JoinSet::new();
    for (app, bench) in BENCHES.iter().enumerate() {
        let contract = bench.simulator.map(|_| Arc::new(Contract::of(bench.app.name)));
        for (claim, tried) in CLAIMS.iter().enumerate() {
            let (turns, contract) = (Arc::clone(&turns), contract.clone());
            stages.spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                let (end, read, breaches) = play(bench, tried, contract.as_deref()).await;
                Left { claim, app, end, read, breaches }
            });
        }
    }
    let empty = CLAIMS.iter().map(|claim| (claim.name, vec![End::Moot; BENCHES.len()]));
    let mut report = Report { rows: empty.collect(), read: BTreeSet::new(), breaches: BTreeSet::new() };
    while let Some(left) = stages.join_next().await {
        let left = left.unwrap();
        report.rows[left.claim].1[left.app] = left.end;
        report.read.extend(left.read);
        report.breaches.extend(left.breaches);
    }
    report
}

/// Tries one claim on one app, and judges what went over the wire.
async fn play(
    bench: &'static Bench,
    claim: &'static Claim,
    contract: Option<&Contract>,
) -> (End, BTreeSet<&'static str>, Vec<String>) {
    let stage = Arc::new(Stage::set(bench).await);
    let end = match tokio::spawn((claim.run)(Arc::clone(&stage))).await {
        Ok(Verdict::Kept) => End::Kept,
        Ok(Verdict::Moot) => End::Moot,
        Err(panicked) => End::Broken(said(panicked)),
    };
    let judged = |entry| {
        let breaches = contract.into_iter().flat_map(move |contract| contract.breaches(entry));
        // An app that refuses what it was asked for does so as it likes; how it answers otherwise is its contract.
        let of_interest = breaches.filter(|breach| breach.side == Side::Request);
        of_interest.map(|breach| format!("{}: {}: {}", bench.name(), claim.name, breach.text))
    };
    // Only asking tells whether a service provider has what nobody says that it has (RFC 7644 §3.4.1, §3.6, §4).
    let tried = |entry: &&Value| {
        let is_scim = entry["path"].as_str().is_some_and(|path| path.starts_with("/scim/v2/"));
        let is_known = contract.is_some_and(|contract| contract.operation_of(entry).is_some());
        is_scim && (entry["method"] == "GET" || entry["method"] == "DELETE") && !is_known
    };
    let breaches = stage.journal().iter().filter(|entry| !tried(entry)).flat_map(judged).collect();
    let read = stage.read();
    if let Ok(stage) = Arc::try_unwrap(stage).map_err(|_| "somebody is still on stage") {
        stage.clear().await;
    }
    (end, read, breaches)
}

fn said(panicked: tokio::task::JoinError) -> String {
    let payload = panicked.into_panic();
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

impl Report {
    /// Claims down, apps across.
    pub fn table(&self) -> String {
        let mut table = format!("{:64}", "");
        for bench in BENCHES {
            write!(table, " {:>14}", bench.name()).unwrap();
        }
        for (claim, ends) in &self.rows {
            write!(table, "\n{claim:64}").unwrap();
            for end in ends {
                let word = match end {
                    End::Kept => "kept",
                    End::Moot => "·",
                    End::Broken(_) => "BROKEN",
                };
                write!(table, " {word:>14}").unwrap();
            }
        }
        table
    }

    /// One line for each claim an app does not keep.
    pub fn broken(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (claim, ends) in &self.rows {
            for (bench, end) in BENCHES.iter().zip(ends) {
                if let End::Broken(why) = end {
                    lines.push(format!("{}: {claim}: {why}", bench.name()));
                }
            }
        }
        lines
    }

    /// Claims that no app declares anything about.
    pub fn idle(&self) -> Vec<&'static str> {
        let idle = |ends: &[End]| ends.iter().all(|end| *end == End::Moot);
        self.rows.iter().filter(|(_, ends)| idle(ends)).map(|(claim, _)| *claim).collect()
    }
}
