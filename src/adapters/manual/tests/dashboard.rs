//! A person plays the dashboard, exports its roster, and the gateway reads it.

use std::sync::Arc;

use serde_json::json;

use super::{draft, hotjar, instruction};
use crate::adapters::manual::roster::{RosterRow, parse_roster};
use crate::adapters::manual::sim;
use crate::adapters::simulator::Dialect;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::{ManualClock, Timestamp};
use crate::contract::{Adapter, Kind, State};

fn dashboard() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&sim::simulator(Dialect::Guide, clock).unwrap())
}

fn export(dashboard: &Probe, variant: &str) -> Vec<u8> {
    dashboard.answer("GET", &format!("/__sim/export.csv?variant={variant}"), "", "").body.to_vec()
}

fn roster(dashboard: &Probe) -> Vec<RosterRow> {
    parse_roster(&export(dashboard, "plain")).unwrap()
}

#[test]
fn every_good_variant_of_the_export_is_the_same_roster() {
    let dashboard = dashboard();
    let rows = roster(&dashboard);
    let emails: Vec<&str> = rows.iter().map(|row| row.email.as_str()).collect();
    assert_eq!(emails, ["maria.santos@example.com", "owner@example.com", "tom.fischer@example.com"]);
    for variant in ["bom", "semicolon"] {
        assert_eq!(parse_roster(&export(&dashboard, variant)), Ok(rows.clone()), "{variant}");
    }
}

#[test]
fn every_bad_variant_of_the_export_is_refused() {
    let dashboard = dashboard();
    for variant in ["duplicates", "missing_column"] {
        assert!(parse_roster(&export(&dashboard, variant)).is_err(), "{variant}");
    }
}

#[tokio::test]
async fn an_invitation_shows_in_the_roster_once_a_person_carried_it_out() {
    let (app, dashboard) = (hotjar(), dashboard());
    assert_eq!(
        instruction(app.create_account(&draft(&["Admin"])).await),
        "invite the person as `Admin` (Hotjar: Settings > Team)"
    );
    dashboard.lever("ui/invite", &json!({"email": "anna@corp.example", "role": "Admin"}));
    dashboard.lever("mode", &json!({"export_pending": true}));
    let anna = roster(&dashboard)[0].account();
    assert_eq!((anna.id.as_str(), anna.state), ("anna@corp.example", Some(State::Invited)));
    assert_eq!(anna.groups, Some(vec!["role:admin".to_owned()]));
    dashboard.lever("ui/accept", &json!({"email": "anna@corp.example"}));
    assert_eq!(roster(&dashboard)[0].account().state, Some(State::Active));
}

#[tokio::test]
async fn the_owner_of_the_roster_cannot_be_deactivated() {
    let (app, dashboard) = (hotjar(), dashboard());
    let owner = roster(&dashboard)[1].account();
    assert_eq!(app.deactivate(&owner).await.unwrap_err().kind, Kind::Invalid);
}
