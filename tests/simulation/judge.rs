//! What must hold in every life, from what the provider was told and what truly happened in the app.

use std::time::Duration;

use portcullis::provision::ListQuery;
use portcullis::scim::schema::ResourceKind::User;
use serde_json::Value;

use crate::app::groups::place_of;
use crate::app::{GROUPS, Turned};
use crate::life::World;
use crate::provider::{Said, email};

/// How long a create that was lost is watched where a second account of an address may turn up.
const WATCHED: Duration = Duration::from_hours(1);

/// Names what does not hold after so long to heal.
pub async fn judge(world: &World, said: &[Said], healing: Duration) -> Vec<String> {
    let mut found = Vec::new();
    for person in 0..3 {
        let email = email(person);
        let own: Vec<&Said> = said.iter().filter(|said| said.email == email).collect();
        if own.is_empty() {
            continue;
        }
        found.extend(own.iter().filter_map(|said| told_too_early(said, &own)));
        found.extend(came_back(world, &email, &own));
        let working = world.app.working(&email);
        if working > 1 {
            found.push(format!("{email}: {working} accounts work"));
        }
        // Which of several accounts is whose the gateway may not know: a person has to, and nobody was told it is done.
        let is_told = world.app.accounts_of(&email) > 1 && several_are_told(world, &email).await;
        found.extend(
            lost(&own, working)
                .filter(|last| last.done() || !is_told)
                .map(|last| format!("{email}: lost: {last:?}")),
        );
        if !is_told {
            found.extend(disagreement(world, &email, working).await);
        }
    }
    for (person, group) in (0..3).flat_map(|person| GROUPS.map(|group| (person, group))) {
        let place = place_of(&email(person), group);
        let own: Vec<&Said> = said.iter().filter(|said| said.email == place).collect();
        found.extend(own.iter().filter_map(|said| told_too_early(said, &own)));
        found.extend(came_back(world, &place, &own));
        let inside = world.app.inside(&email(person), group);
        found.extend(lost(&own, inside).map(|last| format!("{place}: lost: {last:?}")));
    }
    found.extend(world.app.doubles());
    for intent in world.open_intents().await {
        // What may turn up as a second account is watched, and holds nothing up.
        if intent.operation == "create" && !world.app.is_unique() && healing <= WATCHED {
            continue;
        }
        found.push(format!(
            "open still: {} {:?} after {} attempts: {:?}",
            intent.operation, intent.state, intent.attempts, intent.outcome
        ));
    }
    found
}

/// A leaver who was confirmed and had access, though nobody asked for it meanwhile.
fn told_too_early(said: &Said, own: &[&Said]) -> Option<String> {
    let ended = said.ended.filter(|_| said.confirmed_leaver() && said.working > 0)?;
    let meanwhile = own.iter().any(|other| {
        other.asked.gives() && other.began <= ended && other.ended.is_none_or(|at| at >= said.began)
    });
    (!meanwhile).then(|| format!("told too early: {said:?}"))
}

/// A leaver who has access though nothing was asked for after that.
fn lost<'a>(own: &[&'a Said], working: usize) -> Option<&'a Said> {
    last_word(own).filter(|last| last.asked.leaves() && working > 0)
}

/// Whether a person was told that several accounts have the address, in an app that makes them.
async fn several_are_told(world: &World, email: &str) -> bool {
    let tasks = world.connection().0.tasks(true).await.unwrap_or_default();
    !world.app.is_unique() && tasks.iter().any(|task| task.kind == "ambiguous" && task.person == email)
}

/// Access that came though the last who asked for it was overruled before, and that was confirmed.
fn came_back(world: &World, email: &str, own: &[&Said]) -> Vec<String> {
    let ledger = world.app.ledger();
    let on = ledger.iter().filter(|entry| entry.email == email && entry.turned == Turned::On);
    let unjustified = on.filter(|entry| {
        !own.iter().filter(|giver| giver.asked.gives() && giver.began <= entry.at).any(|giver| {
            let until = giver.ended.unwrap_or(Duration::MAX);
            let overruled = own.iter().any(|leaver| {
                leaver.confirmed_leaver()
                    && leaver.began >= until
                    && leaver.ended.is_some_and(|ended| ended <= entry.at)
            });
            !overruled
        })
    });
    unjustified.map(|entry| format!("came back: {entry:?}")).collect()
}

/// The request that came after all others, where one did and it counts.
fn last_word<'a>(own: &[&'a Said]) -> Option<&'a Said> {
    let last = own.iter().filter(|said| !is_idle(said)).max_by_key(|said| said.began)?;
    let alone = own.iter().all(|other| {
        std::ptr::eq(*other, *last) || is_idle(other) || other.ended.is_some_and(|ended| ended < last.began)
    });
    let counts = last.done() || last.detail.contains("keeps trying");
    (alone && counts).then_some(*last)
}

/// Whether a request asked for nothing that could matter here, or was refused for good.
fn is_idle(said: &Said) -> bool {
    !(said.asked.gives() || said.asked.leaves())
        || said.status.is_some_and(|status| (400..500).contains(&status) && status != 429)
}

/// The resource says another thing than the app.
async fn disagreement(world: &World, email: &str, working: usize) -> Option<String> {
    let query = ListQuery { filter: Some(format!("userName eq \"{email}\"")), ..ListQuery::default() };
    let listed = world.connection().0.list(User, &query).await;
    let Ok(listed) = listed else { return Some(format!("{email}: cannot be listed: {listed:?}")) };
    let shown = listed["Resources"][0]["active"].as_bool().unwrap_or(false);
    (shown != (working > 0)).then(|| {
        let resource = listed["Resources"].get(0).unwrap_or(&Value::Null);
        format!("{email}: {working} work and the resource says {resource}")
    })
}
