//! What the gateway promises, against an app that fails, lies and loses answers, on a real database.

mod adoptions;
mod app;
mod creates;
mod disks;
mod drift;
mod extensions;
mod groups;
mod guards;
mod invitations;
mod lanes;
mod leavers;
mod leaving;
mod listings;
mod memberships;
mod notices;
mod orphans;
mod plans;
mod rehires;
mod restarts;
mod stage;
mod tasks;
mod watch;
