//! The claims, by what they are about; each decides by capabilities alone whether it has something to say of an app.

mod access;
mod accounts;
mod changes;
mod declared;
mod failures;
mod groups;
mod listing;
mod refusals;

use std::pin::Pin;
use std::sync::Arc;

use crate::stage::Stage;

/// How a claim that was not broken ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Kept,
    /// The app declares nothing that the claim is about.
    Moot,
}

type Trial = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One claim, tried on a stage of its own.
pub struct Claim {
    pub name: &'static str,
    pub run: fn(Arc<Stage>) -> Trial,
}

macro_rules! claims {
    ($($about:ident { $($name:ident)+ })+) => {
        &[$($(Claim { name: stringify!($name), run: |stage| Box::pin($about::$name(stage)) }),+),+]
    };
}

pub static CLAIMS: &[Claim] = claims! {
    declared {
        the_connection_is_one_that_the_registry_offers
        a_check_tells_how_it_stands_and_changes_nothing
        who_does_the_work_follows_from_how_access_ends
        what_stays_behind_names_what_to_do
        the_named_roles_are_roles_an_account_can_have
    }
    accounts {
        what_is_created_reads_back_as_far_as_it_is_held
        an_invitation_is_pending_until_it_is_accepted
        what_people_create_waits_for_them
        a_taken_address_is_a_conflict
        an_address_is_asked_for_where_one_is_needed
        names_are_asked_for_where_they_are_needed
        an_account_without_access_is_created_or_refused
        one_role_or_many_as_declared
        a_role_the_app_does_not_know_is_refused
        an_account_is_found_by_its_id
        an_account_is_found_by_its_address_in_any_case
        who_is_not_there_is_none
    }
    changes {
        an_empty_change_makes_no_call
        a_held_attribute_changes_and_the_others_stay
        an_attribute_that_is_not_held_is_refused_before_any_call
        a_role_that_is_held_already_is_not_written_again
        a_brief_answer_takes_nothing_away
        changing_nobody_is_not_found
    }
    access {
        deactivating_takes_the_access_and_twice_is_already
        deactivating_nobody_is_already
        reactivating_gives_the_access_back_and_twice_is_already
        who_was_removed_can_be_invited_again
        reactivating_nobody_is_not_found
        deleting_is_for_good_and_twice_is_already
    }
    listing {
        a_listing_is_complete_and_the_same_in_two_passes
        a_change_shows_in_the_listing_when_it_has_settled
        what_cannot_be_listed_is_refused_before_any_call
    }
    groups {
        groups_are_listed_under_their_noun
        several_come_and_go_by_one_call_as_declared
        joining_and_leaving_a_group_shows_and_twice_is_already
        joining_and_leaving_a_role_sets_the_role
        what_people_do_with_members_waits_for_them
        joining_by_invitation_needs_an_address
        a_group_nobody_has_is_not_found
        groups_are_created_renamed_and_deleted_as_declared
    }
    refusals {
        a_credential_of_the_wrong_kind_is_told
        no_free_seat_is_told
        a_429_is_waited_out_and_sent_again
        a_429_that_lasts_is_rate_limited_with_the_apps_word
    }
    failures {
        a_create_answered_500_is_unknown_and_sent_once
        a_create_whose_answer_is_lost_is_unknown_and_sent_once
        a_create_answered_with_something_else_is_unknown_and_sent_once
        a_read_answered_500_is_unavailable
        a_read_answered_with_something_else_is_never_an_absence
        a_404_of_something_else_is_never_an_absence
    }
};
