//! The client of another server that speaks SCIM 2.0, which RFC 7643 calls a service provider.
//!
//! An app whose interface is SCIM describes the other side in a [`Profile`] and has an adapter: [`Provider`] is a whole
//! [`crate::contract::Adapter`] with its [`crate::contract::Groups`]. An app that has more than SCIM keeps one and asks
//! it for what SCIM does best. Reading is tolerant, writing is strict, and what an answer does not bear out is not
//! believed.

mod accounts;
mod groups;
mod learnt;
mod listing;
mod lookup;
mod profile;
pub mod settings;
#[cfg(test)]
mod tests;
mod told;
mod user;
mod walks;
mod wire;

pub use profile::{GroupProfile, Login, MemberForm, Offer, Profile, RoleAttribute, Write};

use crate::contract::{Capabilities, Dialect, Mode};
use crate::upstream;
use learnt::Learnt;
use walks::Walks;
use wire::Client;

/// One service provider, as an adapter.
#[derive(Debug)]
pub struct Provider {
    profile: Profile,
    capabilities: Capabilities,
    client: Client,
    learnt: Learnt,
    walks: Walks,
}

impl Provider {
    /// Makes the client of a provider; fails with one line for the operator when the address or the credential cannot
    /// be used. No call is made.
    pub fn new(
        profile: Profile,
        mode: Mode,
        dialect: Dialect,
        settings: upstream::Settings,
    ) -> Result<Self, String> {
        Ok(Self {
            profile,
            capabilities: profile.capabilities(mode, dialect),
            client: Client::new(profile.app, profile.credential, settings)?,
            learnt: Learnt::default(),
            walks: Walks::default(),
        })
    }
}
