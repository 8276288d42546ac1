//! What an operator is asked to do about drift: one task a finding, closed by itself when it is gone.

use std::collections::BTreeSet;

use super::super::connection::Connection;
use super::report::{Finding, Listing, Report, What};
use crate::contract::Request;
use crate::store::{Task, TaskState, Write};

/// New tasks of one run at the most; one more says how many findings have none.
const MOST_TASKS: usize = 50;

const LISTING: &str = "drift:listing";
const BRAKE: &str = "drift:brake";
const MANY: &str = "drift:many";

impl Connection {
    /// Opens a task for each finding that is new, and closes those of findings that are gone.
    ///
    /// A task that somebody closed is not opened again while its finding stands.
    pub(super) fn task_writes(&self, report: &Report, last: &Report) -> Vec<Write> {
        let standing = |report: &Report| -> BTreeSet<String> {
            report.findings.iter().filter(|finding| finding.stands()).map(Finding::key).collect()
        };
        let (before, now) = (standing(last), standing(report));
        let mut writes: Vec<Write> = before.difference(&now).map(|key| self.done(key)).collect();
        let new: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.stands() && !before.contains(&finding.key()))
            .collect();
        let urgent_first = new
            .iter()
            .filter(|finding| finding.what.is_urgent())
            .chain(new.iter().filter(|finding| !finding.what.is_urgent()));
        writes.extend(urgent_first.take(MOST_TASKS).map(|finding| self.finding_task(finding)));
        if new.len() > MOST_TASKS {
            let instruction = format!(
                "look at the drift report: {} new findings have no task of their own",
                new.len() - MOST_TASKS
            );
            writes.push(self.drift_task(MANY, "", String::new(), instruction, true));
        } else if now.len() <= MOST_TASKS {
            writes.push(self.done(MANY));
        }
        if report.braked {
            let instruction = format!(
                "{} corrections are due, more than one run may make, so none was made: look at the drift report, \
                 mend the cause, or raise drift.most",
                report.due
            );
            writes.push(self.drift_task(BRAKE, "", String::new(), instruction, true));
        } else {
            writes.push(self.done(BRAKE));
        }
        writes.extend(self.listing_task(report));
        writes
    }

    /// Says that the listing is not believed, or that it is again. One that failed says nothing about the last one.
    pub(super) fn listing_task(&self, report: &Report) -> Vec<Write> {
        match &report.listing {
            Listing::Complete => vec![self.done(LISTING)],
            Listing::Failed(_) => Vec::new(),
            Listing::Doubtful(reason) => {
                let app = self.capabilities().app;
                let instruction = format!(
                    "look at the members of {app}: its listing is not believed ({reason}). Is the credential's owner \
                     still an administrator? If the listing is right, run `portcullis drift --now --believe`"
                );
                vec![self.drift_task(LISTING, "", String::new(), instruction, true)]
            }
        }
    }

    fn finding_task(&self, finding: &Finding) -> Write {
        let app = self.capabilities().app;
        let told = finding.note.as_ref().map(|note| format!(" (not corrected: {note})"));
        let instruction =
            format!("{}: {}{}", advice(finding.what, app), finding.detail, told.unwrap_or_default());
        let urgent = finding.what.is_urgent();
        self.drift_task(&finding.key(), &finding.resource, finding.person.clone(), instruction, urgent)
    }

    fn drift_task(
        &self,
        dedupe: &str,
        resource: &str,
        person: String,
        instruction: String,
        urgent: bool,
    ) -> Write {
        let task = self.new_task("drift", resource, person, Request::new(instruction));
        Write::Task(Task { dedupe: dedupe.to_owned(), urgent, ..task })
    }

    fn done(&self, dedupe: &str) -> Write {
        Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe: dedupe.to_owned(),
            state: TaskState::Done,
            at: self.now(),
            by: "portcullis".to_owned(),
            note: Some("it is not so any more".to_owned()),
            evidence: None,
        }
    }
}

/// What to do about it, in one imperative line.
fn advice(what: What, app: &str) -> String {
    match what {
        What::Reactivated => {
            format!("deactivate the person in {app} again, or activate them in the identity provider")
        }
        What::Returned => {
            format!("remove the person from {app} again, or assign them in the identity provider")
        }
        What::Removed => {
            format!(
                "assign the person anew in the identity provider, or deactivate them there: {app} lost them"
            )
        }
        What::Deactivated => {
            format!("enable the person in {app}, or deactivate them in the identity provider")
        }
        What::Added => format!("assign the person in the identity provider, or remove them from {app}"),
        What::RoleChanged => format!("set the role in {app} back, or change it in the identity provider"),
        What::Renamed => format!("change the name in {app} back, or change it in the identity provider"),
        What::GroupRenamed => {
            format!("give the group in {app} its name back, or rename it in the identity provider")
        }
        What::MembershipRemoved | What::MembershipAdded => {
            format!("change the membership in {app} back, or change it in the identity provider")
        }
    }
}
