//! What the gateway promises, against an app that fails, lies and loses answers, on a real database.

mod app;
mod creates;
mod disks;
mod drift;
mod guards;
mod invitations;
mod leavers;
mod listings;
mod memberships;
mod plans;
mod rehires;
mod restarts;
mod stage;
mod tasks;
