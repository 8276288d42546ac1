//! Lives of one connection under crashes, lost answers, outages and clocks that jump, each from a number that repeats it;
//! some of them in an app that has groups.
//!
//! `SIMULATION_SEEDS` says how many lives (60 by default), `SIMULATION_SEED` repeats one and tells its story.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and tells its story")]

mod app;
mod judge;
mod life;
mod provider;

use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "how long to look is not a setting of the product")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Lives so many lives as were asked for, or tells the story of one.
#[expect(
    clippy::print_stdout,
    reason = "the figures of a long run, and the story of a life, are for whoever runs it"
)]
fn all_are_well(lived: impl Fn(u64) -> life::Life) {
    if let Some(seed) = number("SIMULATION_SEED") {
        let life = lived(seed);
        println!("{}", life.story.join("\n"));
        assert!(life.violations.is_empty(), "seed {seed}: {:#?}", life.violations);
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(60);
    let first = number("SIMULATION_FIRST").unwrap_or(1);
    let began = Instant::now();
    let (mut failed, mut total) = (Vec::new(), life::Tally::default());
    for seed in first..first + seeds {
        let life = lived(seed);
        total.add(&life.tally);
        if !life.violations.is_empty() {
            failed.push((seed, life.violations));
        }
    }
    println!(
        "{seeds} lives in {:.1} s: {} requests, {} removals confirmed, {} crashes, {} faults, {:.1} simulated days",
        began.elapsed().as_secs_f64(),
        total.requests,
        total.confirmed,
        total.crashes,
        total.faults,
        total.simulated.as_secs_f64() / 86_400.0,
    );
    assert!(total.confirmed > seeds / 2 && total.crashes > 0 && total.faults > 0, "the lives were too quiet");
    let shown: Vec<_> = failed.iter().take(10).collect();
    assert!(failed.is_empty(), "{} of {seeds} lives went wrong: {shown:#?}", failed.len());
}

#[test]
fn nobody_who_left_has_access_in_any_life() {
    all_are_well(life::live);
}

#[test]
fn nobody_who_left_a_group_is_in_it_in_any_life() {
    all_are_well(life::live_in_groups);
}

#[test]
fn nobody_who_left_a_workspace_is_in_it_in_any_life() {
    all_are_well(life::live_in_workspaces);
}

#[test]
fn nobody_who_lost_a_role_has_it_in_any_life() {
    all_are_well(life::live_with_roles);
}

#[test]
fn a_life_is_the_same_whenever_it_is_lived() {
    let stories: Vec<_> = (0..3).map(|_| life::live(7).story).collect();
    assert!(stories[0].len() > 10);
    assert_eq!(stories[0], stories[1]);
    assert_eq!(stories[1], stories[2]);
}

#[test]
fn a_create_whose_account_could_not_be_looked_for_is_not_sent_again() {
    let violations = life::live(1_009).violations;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn a_lost_create_that_comes_after_a_lost_removal_gives_nobody_access_who_left() {
    let violations = life::live(504).violations;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn a_lost_create_that_shows_beside_a_disabled_account_is_not_sent_again() {
    let violations = life::live(257).violations;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn a_lost_create_of_an_address_that_several_have_ends_with_the_time_it_is_watched_for() {
    let violations = life::live_and_heal(1_002, Duration::from_mins(90)).violations;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn whoever_comes_back_to_a_disabled_account_after_a_lost_create_is_in_the_groups_it_kept() {
    let violations = life::live_in_groups(50).violations;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn whoever_got_the_account_after_the_members_of_a_group_were_read_is_taken_out_of_it() {
    for seed in [101, 248, 594] {
        let violations = life::live_in_groups(seed).violations;
        assert!(violations.is_empty(), "{seed}: {violations:#?}");
    }
}

#[test]
fn whoever_lost_a_role_on_their_way_out_does_not_come_back_with_it() {
    for seed in [5, 33, 47, 86, 146, 2758, 3736] {
        let violations = life::live_with_roles(seed).violations;
        assert!(violations.is_empty(), "{seed}: {violations:#?}");
    }
}
