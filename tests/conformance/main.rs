//! One suite over every adapter: what its capabilities declare is what it does, on its simulator, through real sockets.
//!
//! A claim asks [`portcullis::contract::Capabilities`] what to expect and nothing else; no claim knows an app's name.

#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod bench;
mod claims;
mod report;
mod stage;
#[path = "../support_contract/mod.rs"]
mod support_contract;

use std::collections::BTreeSet;

use portcullis::adapters::APPS;
use portcullis::contract::Capabilities;

use self::bench::{BENCHES, Bench};
use self::report::report;

/// Apps whose other side is whatever SCIM server there is: `tests/it/flows/scim.rs` puts a second gateway there.
const WITHOUT_A_SIDE: &[&str] = &["scim"];

#[test]
fn every_mode_of_every_app_of_the_registry_is_on_the_bench() {
    let apps = APPS.iter().filter(|app| !WITHOUT_A_SIDE.contains(&app.name));
    let modes = apps.flat_map(|app| app.modes.iter().map(|(mode, _)| format!("{} {mode:?}", app.name)));
    let expected: BTreeSet<String> = modes.map(|name| name.to_lowercase()).collect();
    assert_eq!(BENCHES.iter().map(Bench::name).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_app_does_what_it_declares_and_nothing_else() {
    let report = report();
    println!("{}", report.table());
    assert!(report.broken().is_empty(), "\n{}", report.broken().join("\n"));
}

#[test]
fn every_capability_decides_a_claim() {
    let unread: Vec<String> =
        capabilities().into_iter().filter(|path| !report().read.contains(path.as_str())).collect();
    assert!(unread.is_empty(), "no claim reads {unread:?}");
}

#[test]
fn every_claim_is_kept_by_some_app() {
    let idle = report().idle();
    assert!(idle.is_empty(), "no app is held to {idle:?}");
}

#[test]
fn what_our_clients_send_is_what_the_apps_descriptions_allow() {
    let breaches: Vec<&str> = report().breaches.iter().map(String::as_str).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// Every field of the capabilities as a dotted path, from how they show themselves.
fn capabilities() -> BTreeSet<String> {
    let shown = format!("{:#?}", Capabilities::default());
    let (mut paths, mut above) = (BTreeSet::new(), Vec::new());
    for line in shown.lines().skip(1).map(str::trim) {
        match line.split_once(": ") {
            Some((name, value)) if value.ends_with('{') => above.push(name),
            Some((name, _)) => {
                let path = above.iter().copied().chain([name]).collect::<Vec<_>>();
                paths.insert(path.join("."));
            }
            None => drop(above.pop()),
        }
    }
    assert!(paths.contains("accounts.email_unique") && paths.contains("page_size"), "{paths:?}");
    paths
}
