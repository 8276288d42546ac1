//! The simulated app.
