//! The words under which kinds and states are stored; every database uses the same ones.

use super::{Happened, IntentState, Kind, Lifecycle, TaskState, Watched};

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word it is stored under.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What a stored word stands for; `None` when it is not one of ours.
            pub(in crate::store) fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

words!(Kind { User = "user", Group = "group" });
words!(Lifecycle { Live = "live", Deleted = "deleted" });
words!(IntentState {
    Journaled = "journaled",
    Attempting = "attempting",
    Confirmed = "confirmed",
    NotApplied = "not_applied",
    Ambiguous = "ambiguous",
    Superseded = "superseded",
    Dead = "dead",
});
words!(Happened { Opened = "opened", Closed = "closed" });
words!(Watched {
    OpenIntents = "open_intents",
    OpenTasks = "open_tasks",
    WaitingEvents = "waiting_events",
    AbandonedEvents = "abandoned_events",
    Listing = "listing",
});
words!(TaskState { Open = "open", Done = "done", Cancelled = "cancelled" });
