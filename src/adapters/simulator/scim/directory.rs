//! What an app shows of itself over SCIM, and what it lets SCIM do.

use super::problem::Problem;
use crate::base::clock::Timestamp;

/// A person as SCIM shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// The e-mail address, which is the only one.
    pub user_name: String,
    pub external_id: Option<String>,
    /// Empty where the app has none.
    pub given_name: String,
    pub family_name: String,
    pub display_name: String,
    pub active: bool,
    /// When they were created and last changed; `None` where the app prints no time.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// What somebody is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDraft {
    pub user_name: String,
    pub external_id: Option<String>,
    /// Empty where nothing was said.
    pub given_name: String,
    pub family_name: String,
    /// `None` where nothing was said, and always where the app makes it from the names.
    pub display_name: Option<String>,
    pub active: bool,
}

/// A group as SCIM shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub display_name: String,
    pub external_id: Option<String>,
    /// Users' ids.
    pub members: Vec<String>,
}

/// What a group is to be; members are known to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDraft {
    pub display_name: String,
    pub external_id: Option<String>,
    pub members: Vec<String>,
}

/// The app's state, seen as SCIM resources.
///
/// Whoever calls has seen to it that names are free, members exist and what is changed or removed is there.
pub trait Directory {
    /// Ids in the order of a listing.
    fn user_ids(&self) -> Vec<String>;

    fn user(&self, id: &str) -> Option<User>;

    /// Who has a `userName`, whatever its case.
    fn user_named(&self, user_name: &str) -> Option<String>;

    /// Adds a user and answers their id; fails where no seat is left.
    fn add_user(&mut self, draft: UserDraft) -> Result<String, Problem>;

    /// Changes all that differs; fails where no seat is left for somebody who becomes active again.
    fn change_user(&mut self, id: &str, draft: UserDraft) -> Result<(), Problem>;

    /// Removes a user for good.
    fn remove_user(&mut self, id: &str);

    /// Ids in the order of a listing.
    fn group_ids(&self) -> Vec<String>;

    fn group(&self, id: &str) -> Option<Group>;

    /// Adds a group and answers its id.
    fn add_group(&mut self, draft: GroupDraft) -> String;

    /// Changes all that differs.
    fn change_group(&mut self, id: &str, draft: GroupDraft);

    /// Removes a group; its members stay users.
    fn remove_group(&mut self, id: &str);
}
