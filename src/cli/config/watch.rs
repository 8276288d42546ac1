//! What a connection looks after on its own account: the blocks `drift` and `invitations`.

use std::time::Duration;

use super::reader::Block;
use crate::contract::{Capabilities, Create};
use crate::provision::{Correction, DriftPolicy, InvitationPolicy, Overdue};

/// Between two looks at an app at the least, in seconds.
const SHORTEST: u64 = 1;

/// Reads `drift` and `invitations` of a connection.
pub fn read(connection: &Block<'_>) -> (DriftPolicy, InvitationPolicy) {
    let (mut drift, mut invitations) = (DriftPolicy::default(), InvitationPolicy::default());
    if let Some(block) = connection.block("drift") {
        drift.every = every(&block, drift.every);
        if let Some(most) = block.count("most", 1, 1_000) {
            drift.most = usize::try_from(most).unwrap_or(drift.most);
        }
        block.finish();
    }
    if let Some(block) = connection.block("invitations") {
        invitations.every = every(&block, invitations.every);
        if let Some(days) = block.count("lifetime_days", 1, 365) {
            invitations.lifetime = Duration::from_hours(24 * days);
        }
        block.finish();
    }
    (drift, invitations)
}

/// Reads `drift` and `invitations` of a connection's policy.
pub fn read_policy(policy: &Block<'_>, drift: &mut DriftPolicy, invitations: &mut InvitationPolicy) {
    let corrections = [("report", Correction::Report), ("correct", Correction::Correct)];
    drift.correction = policy.choice("drift", &corrections).unwrap_or_default();
    let overdue = [("report", Overdue::Report), ("resend", Overdue::Resend)];
    invitations.overdue = policy.choice("invitations", &overdue).unwrap_or_default();
}

/// A duration, `off`, or where nothing is said `otherwise`.
fn every(block: &Block<'_>, otherwise: Option<Duration>) -> Option<Duration> {
    match block.has("every").then(|| block.word("every")).flatten() {
        Some("off") => None,
        Some(word) if !word.starts_with(|first: char| first.is_ascii_digit()) => {
            let text = format!("found `{word}`, expected a duration from {SHORTEST}s to 24h, or `off`");
            block.problem("every", text, "write every = \"1h\" or every = \"off\"");
            None
        }
        Some(_) | None => block.duration("every", SHORTEST).or(otherwise),
    }
}

/// Notes what the app cannot do: an app without a listing cannot drift, one that invites nobody has no invitations.
pub fn check(connection: &Block<'_>, capabilities: &Capabilities) {
    let app = capabilities.app;
    let policy = connection.block("policy");
    let asks = |name: &str| policy.as_ref().is_some_and(|policy| policy.has(name));
    let note = |name: &str, text: String| {
        if connection.has(name) {
            connection.problem(name, &text, "remove the block");
        }
        if let Some(policy) = policy.as_ref().filter(|_| asks(name)) {
            policy.problem(name, &text, "remove the key");
        }
    };
    if !capabilities.list || capabilities.accounts.everything {
        note("drift", format!("{app} has nothing that could be compared with what was asked for"));
    }
    if !capabilities.list || capabilities.create != Create::Invite {
        note("invitations", format!("{app} sends no invitations that could be followed"));
    }
}
