//! `/Users` of an app.

use serde_json::json;

use super::directory::{Directory, User, UserDraft};
use super::list::{self, Filter};
use super::mode::ActiveChange;
use super::patch;
use super::problem::Problem;
use super::{Answer, Visit};

/// `GET /Users`, filtered and page by page.
pub(super) fn list(visit: &Visit<'_>, directory: &dyn Directory) -> Result<Answer, Problem> {
    let (frame, whole) = (visit.frame(), visit.whole());
    let found = match Filter::of(visit.call, &visit.mode, visit.user_schema())? {
        None => directory.user_ids(),
        Some(filter) => {
            if let Some(name) = filter.text_of("userName") {
                directory.user_named(name).into_iter().collect()
            } else {
                let passes =
                    |id: &String| directory.user(id).is_some_and(|user| filter.passes(&whole.user(&user)));
                directory.user_ids().into_iter().filter(passes).collect()
            }
        }
    };
    list::answer(visit.call, &visit.mode, &found, |id| Some(frame.user(&directory.user(id)?)))
}

/// `GET /Users/{id}`.
pub(super) fn read(visit: &Visit<'_>, directory: &dyn Directory, id: &str) -> Result<Answer, Problem> {
    let user = directory.user(id).ok_or_else(|| Problem::missing(id))?;
    Ok(visit.resource(200, &visit.frame().user(&user)))
}

/// `POST /Users`; 409 for a `userName` somebody has, active or not.
pub(super) fn create(visit: &Visit<'_>, directory: &mut dyn Directory) -> Result<Answer, Problem> {
    let resource = visit.user_schema().settled(&visit.body()?)?;
    let draft = UserDraft::read(&resource, None, visit.offer.names_required)?;
    require_free(directory, &draft, None)?;
    let id = directory.add_user(draft)?;
    let user = directory.user(&id).ok_or_else(|| Problem::missing(&id))?;
    Ok(visit.resource(visit.mode.created_status, &visit.frame().user(&user)))
}

/// `PUT` or `PATCH /Users/{id}`. A PUT without `active` leaves it as it is, and clears what else it leaves out.
pub(super) fn change(visit: &Visit<'_>, directory: &mut dyn Directory, id: &str) -> Result<Answer, Problem> {
    let before = directory.user(id).ok_or_else(|| Problem::missing(id))?;
    let body = visit.body()?;
    require_version(visit, &before)?;
    let schema = visit.user_schema();
    let resource = if visit.call.route().0 == "PATCH" {
        patch::applied(schema, before.writable(), &body, visit.mode.absent_value)?
    } else {
        schema.settled(&body)?
    };
    let mut draft = UserDraft::read(&resource, Some(&before), visit.offer.names_required)?;
    require_free(directory, &draft, Some(id))?;
    let wanted = draft.active;
    if visit.mode.active_change != ActiveChange::Honoured {
        draft.active = before.active;
    }
    directory.change_user(id, draft)?;
    let after = directory.user(id).ok_or_else(|| Problem::missing(id))?;
    let mut shown = visit.frame().user(&after);
    if visit.mode.active_change == ActiveChange::Pretended {
        shown["active"] = json!(wanted);
    }
    Ok(visit.changed(&shown))
}

/// `DELETE /Users/{id}`: the record is gone.
pub(super) fn delete(visit: &Visit<'_>, directory: &mut dyn Directory, id: &str) -> Result<Answer, Problem> {
    let user = directory.user(id).ok_or_else(|| Problem::missing(id))?;
    require_version(visit, &user)?;
    directory.remove_user(id);
    Ok(Answer::empty(204))
}

fn require_free(directory: &dyn Directory, draft: &UserDraft, id: Option<&str>) -> Result<(), Problem> {
    match directory.user_named(&draft.user_name) {
        Some(holder) if Some(holder.as_str()) != id => {
            Err(Problem::taken("A user with this userName already exists"))
        }
        _ => Ok(()),
    }
}

fn require_version(visit: &Visit<'_>, user: &User) -> Result<(), Problem> {
    visit.require_version(&visit.whole().user(user))
}
