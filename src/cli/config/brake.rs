//! How many may lose access at once: the block `brake` of a connection.

use super::reader::Block;
use crate::provision::BrakePolicy;

/// The shortest window, in seconds.
const SHORTEST: u64 = 60;

/// Reads `brake` of a connection.
pub fn read(connection: &Block<'_>) -> BrakePolicy {
    let mut brake = BrakePolicy::default();
    let Some(block) = connection.block("brake") else { return brake };
    brake.deactivations = block.count("deactivations", 0, 1_000_000);
    brake.share = share(&block);
    if let Some(window) = block.duration("window", SHORTEST) {
        brake.window = window;
    }
    block.finish();
    brake
}

/// A share of the people, such as `10%`.
fn share(block: &Block<'_>) -> Option<u64> {
    let text = block.text("share")?;
    let share = text.strip_suffix('%').and_then(|number| number.trim().parse::<u64>().ok());
    let share = share.filter(|share| (1..=100).contains(share));
    if share.is_none() {
        let found = format!("found `{text}`, expected a share from 1% to 100%");
        block.problem("share", found, "write share = \"10%\"");
    }
    share
}
