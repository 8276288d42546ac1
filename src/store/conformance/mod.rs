//! What every store promises, as claims that any implementation can be put to.

mod chronicle;
mod durability;
mod events;
mod journal;
mod keys;
mod leases;
mod members;
mod records;

use std::sync::Arc;

use super::{Kind, Lifecycle, Record, Store, Write};
use crate::base::clock::Timestamp;
use crate::base::fold;

/// The connection most claims are about.
const HERE: &str = "honeycomb";
/// Another one, whose data must never show.
const THERE: &str = "tines";

/// Puts a store to every claim.
///
/// `make` opens the store with the given name: an empty one the first time, and the same one again when the name
/// comes back after the store was closed.
pub async fn all(make: impl AsyncFn(&'static str) -> Arc<dyn Store>) {
    macro_rules! claims {
        ($($module:ident: $($claim:ident),+ $(,)?;)+) => {$($(
            println!("claim: {}", stringify!($claim));
            let store = make(stringify!($claim)).await;
            $module::$claim(&store).await;
            store.close().await;
        )+)+};
    }
    claims! {
        records:
            a_record_comes_back_as_it_was_written,
            an_unknown_record_is_none,
            a_connection_does_not_see_the_records_of_another,
            a_name_is_taken_whatever_its_spelling,
            a_name_is_free_in_another_kind_and_connection,
            a_deleted_record_is_hidden_and_its_name_free,
            a_deleted_record_comes_back_only_to_a_free_name,
            a_deleted_record_is_found_by_account_and_by_id,
            inserting_an_existing_id_is_stale,
            replacing_another_version_is_stale,
            replacing_an_unknown_record_is_stale,
            of_two_replacements_of_one_version_one_is_stale,
            a_failing_batch_leaves_nothing_behind,
            an_empty_batch_is_nothing_to_do,
            every_key_finds_its_record_and_no_other,
            a_changed_address_moves_in_the_index,
            what_is_found_is_in_id_order,
            a_scan_pages_through_the_live_records_in_id_order,
            a_scan_goes_on_after_an_id_whether_it_is_there_or_not,
            records_are_read_by_their_ids_in_id_order;
        keys:
            a_name_is_found_by_its_beginning,
            a_display_name_is_found_as_asked_for_and_as_told,
            the_active_and_the_inactive_are_told_apart,
            a_change_is_found_by_its_moment,
            the_members_of_a_group_are_found,
            no_key_finds_what_is_deleted_or_of_another_connection_or_kind,
            ids_are_those_of_what_is_found;
        members:
            members_come_back_in_id_order_with_labels_and_kinds,
            a_membership_twice_is_one,
            a_missing_membership_is_removed_without_complaint,
            members_that_are_not_live_are_left_out,
            records_carry_their_live_groups,
            groups_are_found_by_member,
            a_renamed_group_shows_its_new_label,
            a_cleared_group_is_empty,
            a_person_leaves_every_group_of_one_connection,
            a_group_holds_ten_thousand_members,
            members_are_told_from_others;
        journal:
            an_intent_comes_back_as_it_was_written,
            an_intent_id_is_used_once,
            an_intent_is_made_due_unless_it_has_moved_on,
            a_newer_intent_supersedes_open_older_ones_of_its_resource,
            a_change_of_members_takes_the_place_of_no_other_work_on_its_group,
            what_is_confirmed_superseded_or_dead_is_not_opened_again,
            settling_moves_an_intent_on,
            an_attempt_that_was_counted_stays_counted,
            settling_an_unknown_intent_is_nothing_to_do,
            strikes_add_up_and_settling_forgets_none,
            due_intents_of_a_connection_come_in_the_order_they_fell_due,
            open_intents_of_a_resource_are_newest_generation_first,
            all_open_intents_are_of_one_connection_or_of_all,
            open_creates_and_one_open_intent_are_found,
            the_latest_intent_is_found_open_or_not,
            a_task_is_open_once_per_key,
            a_closed_task_lets_its_key_be_used_again,
            closing_a_task_that_is_not_open_is_nothing_to_do,
            tasks_are_listed_oldest_first,
            a_token_comes_back_as_it_was_written,
            a_token_id_may_serve_two_connections,
            a_token_is_revoked_once,
            a_roster_is_the_last_one,
            a_note_is_the_last_one_of_its_name_and_connection;
        events:
            a_task_is_announced_when_it_opens_and_when_it_closes,
            what_changes_nothing_announces_nothing,
            a_dropped_event_does_not_come_back,
            a_postponed_event_is_due_later_and_one_given_up_never,
            events_are_of_one_connection_oldest_first_and_no_more_than_asked_for,
            totals_count_what_is_open_and_since_when;
        leases:
            a_key_belongs_to_one_owner_until_it_is_given_up,
            claiming_again_renews_under_the_same_fence,
            a_key_whose_term_is_over_is_anybodys,
            giving_up_what_is_not_held_is_nothing_to_do,
            of_many_claims_to_a_key_one_is_held,
            a_commit_under_a_lost_lease_leaves_nothing_behind,
            what_is_buried_is_lost,
            what_is_due_is_taken_once,
            what_was_begun_under_a_lease_that_is_gone_is_abandoned;
        chronicle:
            an_entry_comes_back_as_it_was_written_and_is_what_was_hashed,
            entries_follow_each_other_within_and_across_commits,
            a_connection_without_entries_has_no_chain,
            an_entry_of_a_commit_that_fails_is_not_there_and_leaves_no_gap,
            the_last_link_about_an_intent_is_found,
            concurrent_entries_make_one_chain,
            a_trace_comes_back_as_it_was_written_and_twice_is_one,
            traces_are_found_by_request_subject_connection_and_time_newest_first,
            the_oldest_traces_before_a_moment_are_forgotten;
        durability:
            a_commit_is_seen_by_the_next_read,
            a_commit_no_caller_waits_for_is_kept_when_it_returns,
            two_hundred_concurrent_commits_are_all_kept,
            of_many_concurrent_claims_to_a_name_one_wins,
            a_closed_store_is_unavailable;
    }
    println!("claim: a_store_opened_again_has_everything");
    durability::a_store_opened_again_has_everything(&make).await;
}

/// A live user with the SCIM id `id` and that `userName`.
fn user(id: &str, name: &str) -> Record {
    Record {
        connection: HERE.to_owned(),
        kind: Kind::User,
        id: id.to_owned(),
        lifecycle: Lifecycle::Live,
        account: None,
        name_key: fold::key(name),
        label: name.to_owned(),
        external_id: None,
        email_keys: Vec::new(),
        display_key: None,
        told_key: None,
        active: None,
        desired: r#"{"active":true}"#.to_owned(),
        observed: None,
        standing: "{}".to_owned(),
        generation: 1,
        version: 1,
        created_at: Timestamp(1_000),
        modified_at: Timestamp(1_000),
        observed_at: None,
        groups: Vec::new(),
    }
}

/// A live group with the SCIM id `id` and that `displayName`.
fn group(id: &str, name: &str) -> Record {
    Record { kind: Kind::Group, display_key: Some(fold::key(name)), ..user(id, name) }
}

fn insert(record: Record) -> Write {
    Write::Record { record: Box::new(record), expected: None }
}

fn replace(record: Record, expected: i64) -> Write {
    Write::Record { record: Box::new(record), expected: Some(expected) }
}

async fn write(store: &Arc<dyn Store>, writes: impl IntoIterator<Item = Write>) {
    store.commit(writes.into_iter().collect()).await.unwrap();
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}
