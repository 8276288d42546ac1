//! What the gateway promises, against an app that fails, lies and loses answers, on a real database.

mod app;
mod creates;
mod guards;
mod leavers;
mod listings;
mod memberships;
mod rehires;
mod stage;
mod tasks;
