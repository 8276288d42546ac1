//! The gateway is killed again and again; `PORTCULLIS_KILLS` and `PORTCULLIS_SEED` choose another size and another run.

use crate::harness::kills::{Plan, folder, run};
use crate::harness::processes::Program;
use crate::setting;

/// Enough to say that fewer than one kill in sixty does harm; the long run says more.
const KILLS: u64 = 200;

#[test]
fn nothing_is_lost_made_twice_or_forgotten_when_the_gateway_is_killed() {
    let program = Program { path: env!("CARGO_BIN_EXE_portcullis").into(), before: Vec::new() };
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let place = folder("kills", seed);
    println!("seed {seed}, in {}", place.display());
    let figures = run(&program, &place, &Plan::of(seed, setting("PORTCULLIS_KILLS", KILLS))).unwrap();
    for (what, figure) in figures.rows() {
        println!("{what:<36} {figure}");
    }
    for violation in &figures.violations {
        println!("{violation}");
    }
    assert!(figures.violations.is_empty(), "seed {seed}: look at {}", place.display());
    assert!(figures.leavers_answered > 0 && figures.accounts_made > 0, "nothing happened");
    std::fs::remove_dir_all(place).unwrap();
}
