//! What the protocol floor uses of the floor below.

#[path = "../../src/base/clock.rs"]
pub mod clock;
#[path = "../../src/base/fold.rs"]
pub mod fold;
