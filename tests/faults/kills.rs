//! The gateway is killed again and again; `PORTCULLIS_KILLS`, `PORTCULLIS_KILLS_POSTGRES` and `PORTCULLIS_SEED` choose
//! other sizes and another run.

use crate::harness::kills::{Plan, folder, run};
use crate::harness::processes::Program;
use crate::setting;

/// Enough to say that fewer than one kill in a hundred and fifty does harm; the long run says more.
const KILLS: u64 = 500;
const KILLS_POSTGRES: u64 = 30;

#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
fn kill(name: &str, plan: &Plan) {
    let program = Program { path: env!("CARGO_BIN_EXE_portcullis").into(), before: Vec::new() };
    let (seed, place) = (plan.seed, folder(name, plan.seed));
    println!("seed {seed}, in {}", place.display());
    let figures = run(&program, &place, plan).unwrap();
    for (what, figure) in figures.rows() {
        println!("{what:<36} {figure}");
    }
    for violation in &figures.violations {
        println!("{violation}");
    }
    assert!(figures.violations.is_empty(), "seed {seed}: look at {}", place.display());
    assert!(figures.leavers_answered > 0 && figures.accounts_made > 0, "nothing happened");
    assert!(figures.agreed > 0, "the audit was held against nothing");
    std::fs::remove_dir_all(place).unwrap();
}

fn seed() -> u64 {
    setting("PORTCULLIS_SEED", u64::from(std::process::id()))
}

#[test]
fn nothing_is_lost_made_twice_or_forgotten_when_the_gateway_is_killed() {
    kill("kills", &Plan::of(seed(), setting("PORTCULLIS_KILLS", KILLS)));
}

#[test]
fn nothing_is_lost_made_twice_or_forgotten_when_the_gateway_is_killed_before_a_shared_database() {
    let kills = setting("PORTCULLIS_KILLS_POSTGRES", KILLS_POSTGRES);
    kill("kills-postgres", &Plan::on_postgres(seed(), kills));
}
