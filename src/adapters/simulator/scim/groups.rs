//! `/Groups` of an app.

use super::directory::{Directory, Group, GroupDraft};
use super::list::{self, Filter};
use super::patch;
use super::problem::Problem;
use super::schema::GROUP;
use super::{Answer, Visit};
use crate::base::fold;

/// `GET /Groups`, filtered and page by page, with members.
pub(super) fn list(visit: &Visit<'_>, directory: &dyn Directory) -> Result<Answer, Problem> {
    let (frame, whole) = (visit.frame(), visit.whole());
    let mut found = directory.group_ids();
    if let Some(filter) = Filter::of(visit.call, &visit.mode, &GROUP)? {
        found.retain(|id| directory.group(id).is_some_and(|group| filter.passes(&whole.group(&group))));
    }
    list::answer(visit.call, &visit.mode, &found, |id| Some(frame.group(&directory.group(id)?)))
}

/// `GET /Groups/{id}`.
pub(super) fn read(visit: &Visit<'_>, directory: &dyn Directory, id: &str) -> Result<Answer, Problem> {
    let group = directory.group(id).ok_or_else(|| Problem::missing(id))?;
    Ok(visit.resource(200, &visit.frame().group(&group)))
}

/// `POST /Groups`; 409 for a name another group has.
pub(super) fn create(visit: &Visit<'_>, directory: &mut dyn Directory) -> Result<Answer, Problem> {
    let draft = GroupDraft::read(&GROUP.settled(&visit.body()?)?)?;
    require_free(directory, &draft, None)?;
    require_members(visit, directory, &draft)?;
    let id = directory.add_group(draft);
    let group = directory.group(&id).ok_or_else(|| Problem::missing(&id))?;
    Ok(visit.resource(visit.mode.created_status, &visit.frame().group(&group)))
}

/// `PUT` or `PATCH /Groups/{id}`; 400 `mutability` on another name where the app has no renaming.
pub(super) fn change(visit: &Visit<'_>, directory: &mut dyn Directory, id: &str) -> Result<Answer, Problem> {
    let before = directory.group(id).ok_or_else(|| Problem::missing(id))?;
    let body = visit.body()?;
    require_version(visit, &before)?;
    let resource = if visit.call.route().0 == "PATCH" {
        patch::applied(&GROUP, before.writable(), &body, visit.mode.absent_value)?
    } else {
        GROUP.settled(&body)?
    };
    let draft = GroupDraft::read(&resource)?;
    if draft.display_name != before.display_name {
        if !visit.offer.group_rename && !visit.mode.unclaimed_routes {
            return Err(Problem::mutability("displayName"));
        }
        require_free(directory, &draft, Some(id))?;
    }
    require_members(visit, directory, &draft)?;
    directory.change_group(id, draft);
    let after = directory.group(id).ok_or_else(|| Problem::missing(id))?;
    Ok(visit.changed(&visit.frame().group(&after)))
}

/// `DELETE /Groups/{id}`; its members stay.
pub(super) fn delete(visit: &Visit<'_>, directory: &mut dyn Directory, id: &str) -> Result<Answer, Problem> {
    let group = directory.group(id).ok_or_else(|| Problem::missing(id))?;
    require_version(visit, &group)?;
    directory.remove_group(id);
    Ok(Answer::empty(204))
}

fn require_free(directory: &dyn Directory, draft: &GroupDraft, id: Option<&str>) -> Result<(), Problem> {
    let wanted = fold::key(&draft.display_name);
    let others = directory.group_ids().into_iter().filter(|other| Some(other.as_str()) != id);
    let mut names = others.filter_map(|other| directory.group(&other)).map(|group| group.display_name);
    if names.any(|name| fold::key(&name) == wanted) {
        return Err(Problem::taken("A group with this displayName already exists"));
    }
    Ok(())
}

fn require_members(visit: &Visit<'_>, directory: &dyn Directory, draft: &GroupDraft) -> Result<(), Problem> {
    let Some(unknown) = draft.members.iter().find(|id| directory.user(id).is_none()) else { return Ok(()) };
    let problem = Problem::value(format!("{unknown} is not a user"));
    Err(match visit.mode.unknown_member_status {
        400 => problem,
        status => Problem::new(status, problem.detail),
    })
}

fn require_version(visit: &Visit<'_>, group: &Group) -> Result<(), Problem> {
    visit.require_version(&visit.whole().group(group))
}
