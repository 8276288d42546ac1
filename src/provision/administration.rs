//! What administrators are shown: connections, and what is open in them.

use super::Result;
use super::gateway::Gateway;
use crate::base::clock::Timestamp;
use crate::contract::{Fulfilment, Mode};
use crate::store::{Intent, Intents, Task, Total, Watched};

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// What comes after the item with this cursor; `None` for the beginning. The item need not be there any more.
    pub after: Option<String>,
    /// Items at the most.
    pub limit: usize,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion<T> {
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionState {
    pub name: String,
    pub app: &'static str,
    pub mode: Mode,
    pub fulfilment: Fulfilment,
    pub base_url: String,
    /// Promises that are not kept yet.
    pub open_intents: u64,
    /// When the oldest of them was made.
    pub oldest_intent: Option<Timestamp>,
    /// What waits for a person.
    pub open_tasks: u64,
    /// When all people of the app were last listed, or its roster taken in.
    pub listed_at: Option<Timestamp>,
}

impl Gateway {
    /// Every connection, by name.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn connection_states(&self) -> Result<Vec<ConnectionState>> {
        let totals = self.shared().store.totals().await?;
        let states = self.connections().map(|connection| {
            let of = |watched: Watched| {
                let own = |total: &&Total| total.connection == connection.name() && total.of == watched;
                totals.iter().filter(own).collect::<Vec<_>>()
            };
            let (intents, tasks) = (of(Watched::OpenIntents), of(Watched::OpenTasks));
            let capabilities = connection.capabilities();
            ConnectionState {
                name: connection.name().to_owned(),
                app: capabilities.app,
                mode: capabilities.mode,
                fulfilment: capabilities.fulfilment,
                base_url: connection.base_url().to_owned(),
                open_intents: intents.iter().map(|total| total.count).sum(),
                oldest_intent: intents.iter().map(|total| total.since).min(),
                open_tasks: tasks.iter().map(|total| total.count).sum(),
                listed_at: of(Watched::Listing)
                    .iter()
                    .find(|total| total.kind == "user")
                    .map(|total| total.since),
            }
        });
        Ok(states.collect())
    }

    /// Tasks in the order of their ids, which is that of their creation: open ones or all, of one connection or of all.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn tasks(
        &self,
        connection: Option<&str>,
        open_only: bool,
        part: &Part,
    ) -> Result<Portion<Task>> {
        let tasks = self.shared().store.tasks(connection, open_only).await?;
        Ok(portion(tasks, |task| &task.id, part))
    }

    /// Open intents in the order of their ids, which is that of their creation, of one connection or of all.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn open_intents(&self, connection: Option<&str>, part: &Part) -> Result<Portion<Intent>> {
        let which = Intents::AllOpen(connection.map(str::to_owned));
        let intents = self.shared().store.intents(&which).await?;
        Ok(portion(intents, |intent| &intent.id, part))
    }
}

/// The part of a whole list.
fn portion<T>(mut items: Vec<T>, id: impl Fn(&T) -> &String, part: &Part) -> Portion<T> {
    items.retain(|item| part.after.as_ref().is_none_or(|after| id(item) > after));
    items.sort_unstable_by(|one, other| id(one).cmp(id(other)));
    let more = items.len() > part.limit;
    items.truncate(part.limit);
    let next = items.last().filter(|_| more).map(|last| id(last).clone());
    Portion { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(after: Option<&str>, limit: usize) -> Part {
        Part { after: after.map(str::to_owned), limit }
    }

    fn of(items: &[&str], part: &Part) -> (Vec<String>, Option<String>) {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        let Portion { items, next } = portion(items, |item| item, part);
        (items, next)
    }

    #[test]
    fn parts_are_the_whole_in_order_without_gap_or_repetition() {
        let all = ["c", "a", "e", "b", "d"];
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (items, next) = of(&all, &part(after.as_deref(), 2));
            seen.extend(items);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn a_cursor_holds_after_its_item_is_gone_and_the_end_has_none() {
        assert_eq!(of(&["a", "c"], &part(Some("b"), 2)), (vec!["c".to_owned()], None));
        assert_eq!(of(&["a", "b"], &part(None, 2)), (vec!["a".to_owned(), "b".to_owned()], None));
        assert_eq!(of(&[], &part(None, 2)), (Vec::new(), None));
    }
}
