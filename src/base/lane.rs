//! Which queue work waits in: whoever loses access goes before everybody else.

use std::future::Future;

tokio::task_local! {
    static LANE: Lane;
}

/// The queues, the first one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lane {
    /// Access is taken away: deactivate, delete, remove a member, and every look that belongs to it.
    Leave,
    Update,
    Create,
    /// Members that are added, listings, imports, sweeps.
    #[default]
    Rest,
}

impl Lane {
    /// All of them, the first one first.
    pub const ALL: [Self; 4] = [Self::Leave, Self::Update, Self::Create, Self::Rest];

    /// The word it is watched under.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Update => "update",
            Self::Create => "create",
            Self::Rest => "rest",
        }
    }

    /// Runs `work` in this lane. A task that it spawns begins in the last one.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        // Boxed: lanes are changed deep inside of long work, which would lie on the stack once for each change.
        LANE.scope(self, Box::pin(work))
    }
}

/// The lane of the running task; outside of one the last.
#[must_use]
pub fn current() -> Lane {
    LANE.try_with(|lane| *lane).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_inner_lane_holds_until_it_ends() {
        assert_eq!(current(), Lane::Rest);
        let work = async {
            assert_eq!(Lane::Leave.scope(async { current() }).await, Lane::Leave);
            current()
        };
        assert_eq!(Lane::Create.scope(work).await, Lane::Create);
    }

    #[test]
    fn whoever_leaves_comes_first() {
        let mut lanes = Lane::ALL;
        lanes.sort();
        assert_eq!(lanes, Lane::ALL);
        assert_eq!(lanes[0], Lane::Leave);
    }
}
