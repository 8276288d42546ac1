# `just` lists what there is; none of it needs more than cargo, but for `compose`, which needs docker.

_default:
    @just --list

# Format and lints, as the gate has them
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# Every test
test *ARGS:
    cargo test {{ARGS}}

# The whole gate
ci:
    .ci/run

# The gateway with all its simulators: `just demo --idp okta`
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The public protocol suites against the demo's sandbox
suites:
    cargo build
    tests/suites/run

# What the release build does in a second on this machine, what the protocol costs a request, and what the store does
bench:
    cargo build --release
    cargo run --release --example figures
    cargo bench --bench scim --bench roster
    cargo test --release --lib speed -- --ignored --nocapture

# A minute of fuzzing for each parser, or for those named; needs a nightly compiler and cargo-fuzz
fuzz *TARGETS:
    fuzz/run {{TARGETS}}

# The gateway and its simulators in containers
compose *ARGS="up --build":
    docker compose {{ARGS}}

# Licences, advisories, bans and sources of the dependencies
deny:
    cargo deny --all-features check
