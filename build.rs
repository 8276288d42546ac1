//! Rebuilds when a migration is added: `sqlx::migrate!` embeds the folder and cannot tell cargo by itself.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
