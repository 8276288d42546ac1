//! Whole lifecycles in `tests/fixtures/stories`, call by call, each on a gateway of its own.

use crate::support::cases::{Line, Title};
use crate::support::fixtures::all_stories;
use crate::support::gateway::Gateway;
use crate::support::template::World;

/// Stories that need something one demo connection cannot give, and what.
const SKIPPED: [(&str, &str); 1] =
    [("three_clients_one_directory", "three clients on one connection: a demo connection has one")];

#[test]
fn lifecycles_run_through() {
    let stories = all_stories();
    for (skipped, _) in SKIPPED {
        assert!(stories.iter().any(|(title, _)| title.story == skipped), "`{skipped}` is no story");
    }
    let mut failures = Vec::new();
    for (title, lines) in stories.iter().filter(|(title, _)| !is_skipped(title)) {
        let unmet = Gateway::start(&title.idp).and_then(|mut gateway| tell(&mut gateway, title, lines));
        failures.extend(
            unmet
                .unwrap_or_else(|broken| vec![broken])
                .iter()
                .map(|claim| format!("{}: {claim}", title.story)),
        );
    }
    assert!(failures.is_empty(), "{} claims fail\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn several_clients_are_what_a_skipped_story_needs() {
    for (title, lines) in all_stories() {
        let other = |who: &str| who != "auditor" && who != title.idp;
        let several = lines
            .iter()
            .any(|line| matches!(line, Line::Step(step) if step.who.as_deref().is_some_and(other)));
        assert_eq!(several, is_skipped(&title), "{}", title.story);
    }
}

fn is_skipped(title: &Title) -> bool {
    SKIPPED.iter().any(|(story, _)| *story == title.story)
}

/// Plays a story to its end. Calls during an outage of the gateway's own store are passed over, because nothing
/// outside the process can cause one.
fn tell(gateway: &mut Gateway, title: &Title, lines: &[Line]) -> Result<Vec<String>, String> {
    gateway.clear()?;
    let mut world = World::default();
    let mut unmet = Vec::new();
    let mut outage = false;
    for line in lines {
        match line {
            Line::Meanwhile { store: Some(store), .. } => outage = store == "down",
            Line::Step(step) if !outage => {
                let found = step.play(gateway, &mut world, &title.idp)?;
                unmet.extend(found.into_iter().map(|claim| format!("{}: {claim}", step.happens)));
            }
            Line::Step(_) | Line::Meanwhile { .. } | Line::Title(_) => {}
        }
    }
    Ok(unmet)
}
