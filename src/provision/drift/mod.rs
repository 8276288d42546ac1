//! Drift: what was changed in the app outside of the gateway, found by comparing a listing with what was asked for.

mod correct;
mod find;
mod listing;
mod report;
mod rounds;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::find::Places;
use self::listing::Judged;
pub use self::report::{Finding, Listing, Report, What};
use super::connection::Connection;
use super::standing::Person;
use super::{Result, STRIDE};
use crate::base::clock::Timestamp;
use crate::contract::Membership;
use crate::scim::error::ScimError;
use crate::store::{Intents, Kind, Write};

/// The name the last report is kept under.
const NOTE: &str = "drift";

/// What is done about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Correction {
    /// It is reported.
    #[default]
    Report,
    /// What can be put back is, within the brake; nobody is invited or activated.
    Correct,
}

/// How drift is looked for on a connection.
#[derive(Debug, Clone)]
pub struct DriftPolicy {
    pub correction: Correction,
    /// How often the app is listed for it; `None` never.
    pub every: Option<Duration>,
    /// Corrections in one run at the most; where more are due none is made.
    pub most: usize,
}

impl Default for DriftPolicy {
    fn default() -> Self {
        Self { correction: Correction::Report, every: Some(Duration::from_hours(1)), most: 5 }
    }
}

/// What a connection looks after on its own account.
#[derive(Debug, Default)]
pub(super) struct Attention {
    /// Held by the run under way.
    run: tokio::sync::Mutex<()>,
    /// No invitation is open; unknown after a start.
    resting: AtomicBool,
}

impl Attention {
    /// An invitation is open.
    pub(super) fn stir(&self) {
        self.resting.store(false, Ordering::SeqCst);
    }

    /// No invitation is open.
    pub(super) fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
    }

    /// Whether an invitation may be open.
    pub(super) fn is_stirred(&self) -> bool {
        !self.resting.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// Whether drift can be found at all: the app is listed, and somebody else can change it.
    pub fn can_drift(&self) -> bool {
        self.capabilities().list && !self.capabilities().accounts.everything
    }

    /// The report of the last run, if there ever was one.
    ///
    /// # Errors
    /// 503 where the store cannot be read.
    pub async fn drift_report(&self) -> Result<Option<Report>> {
        let text = self.store().note(self.name(), NOTE).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Lists the app now, compares it with what was asked for, reports every difference and corrects what the policy
    /// says. With `believe` the listing counts however much it lacks.
    ///
    /// A listing that fails or is not believed counts for nothing: what was found before stands, and the report says
    /// why.
    ///
    /// # Errors
    /// 501 for an app that cannot be listed, 503 where the store fails.
    pub async fn look_for_drift(self: &Arc<Self>, believe: bool) -> Result<Report> {
        if !self.can_drift() {
            let detail = format!("{} cannot drift through this connection", self.capabilities().app);
            return Err(ScimError::new(501, detail).into());
        }
        let _run = self.attention.run.lock().await;
        let last = self.drift_report().await?.unwrap_or_default();
        let began = self.now();
        let judged = self.list_for_drift(&last, believe).await?;
        let accounts = match judged {
            Judged::Counts(accounts) => accounts,
            Judged::Not(listing) => return self.keep_standing(last, listing, began).await,
        };
        let mut report = Report {
            began_at: began,
            ended_at: began,
            listing: Listing::Complete,
            accounts,
            unmanaged: 0,
            // What this listing showed first was there before anybody looked.
            baseline_at: last.baseline_at.or_else(|| Some(self.now())),
            given_up: 0,
            due: 0,
            braked: false,
            findings: Vec::new(),
        };
        let people = self.find_drift(&mut report, &last).await?;
        self.correct(&mut report, people).await;
        report.given_up = self.given_up().await?;
        report.ended_at = self.now();
        let mut writes = self.task_writes(&report, &last);
        writes.push(self.note(&report)?);
        self.store().commit(writes).await?;
        report.log(self.name());
        Ok(report)
    }

    /// How much waits for a person that was promised and cannot be carried out.
    async fn given_up(&self) -> Result<usize> {
        Ok(self.store().open_tasks(self.name(), "attention").await?.len())
    }

    /// Nothing was learnt: what was found before stands.
    async fn keep_standing(&self, last: Report, listing: Listing, began: Timestamp) -> Result<Report> {
        let (ended_at, given_up) = (self.now(), self.given_up().await?);
        let report = Report { listing, began_at: began, ended_at, given_up, due: 0, braked: false, ..last };
        let mut writes = self.listing_task(&report);
        writes.push(self.note(&report)?);
        self.store().commit(writes).await?;
        report.log(self.name());
        Ok(report)
    }

    fn note(&self, report: &Report) -> Result<Write> {
        let text = serde_json::to_string(report)
            .map_err(|_| ScimError::new(500, "the report could not be written down"))?;
        Ok(Write::Note { connection: self.name().to_owned(), name: NOTE.to_owned(), text })
    }

    /// Fills in what differs; answers how many people have an account.
    async fn find_drift(&self, report: &mut Report, last: &Report) -> Result<usize> {
        let places = self.places(report.began_at).await?;
        let mut found = Vec::new();
        let (mut people, mut offset) = (0, 0);
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let read = records.len() as u64;
            for person in records.into_iter().map(Person::read) {
                people += usize::from(person.record.account.is_some());
                if find::is_unmanaged(&person, report.baseline_at) {
                    report.unmanaged += 1;
                }
                let differences = find::differences(
                    &person,
                    self.capabilities(),
                    &self.policy,
                    &places,
                    report.baseline_at,
                );
                found.extend(differences);
            }
            if read < STRIDE {
                break;
            }
            offset += STRIDE;
        }
        if self.capabilities().groups.list {
            let groups = self.store().scan(self.name(), Kind::Group, 0, i64::MAX.unsigned_abs()).await?;
            found.extend(groups.iter().filter_map(find::other_group_name));
        }
        let since: BTreeMap<String, Timestamp> =
            last.findings.iter().map(|finding| (finding.key(), finding.since)).collect();
        for mut finding in found {
            if self.is_ours(&finding, report.began_at).await? {
                continue;
            }
            finding.since = since.get(&finding.key()).copied().unwrap_or(report.began_at);
            report.findings.push(finding);
        }
        Ok(people)
    }

    /// Whether what differs is work of the gateway itself: under way, or done too recently to show.
    async fn is_ours(&self, finding: &Finding, began: Timestamp) -> Result<bool> {
        for resource in std::iter::once(&finding.resource).chain(&finding.group) {
            let which = Intents::Latest { connection: self.name().to_owned(), resource: resource.clone() };
            let latest = self.store().intents(&which).await?;
            let settle = self.capabilities().settle;
            if latest.iter().any(|intent| intent.state.is_open() || intent.updated_at.plus(settle) >= began) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The groups there are, and those whose members are known as of this run.
    async fn places(&self, began: Timestamp) -> Result<Places> {
        if !self.capabilities().groups.list {
            return Ok(Places::default());
        }
        self.ensure_listed_lately(Kind::Group).await?;
        let groups = self.store().scan(self.name(), Kind::Group, 0, i64::MAX.unsigned_abs()).await?;
        let asked = self.asked_groups().await?;
        let mut places = Places::default();
        for group in groups {
            if self.capabilities().groups.membership == Membership::OnGroup {
                if !asked.contains(&group.id) {
                    continue;
                }
                self.refresh_members(&group).await;
                let read = self.group(&group.id).await?;
                let read_at = super::reading::members_read_at(&read);
                if read_at.is_none_or(|at| at.plus(self.policy.freshness) < began) {
                    continue;
                }
            }
            places.insert(group.id, group.label);
        }
        Ok(places)
    }

    /// The groups callers put anybody into or took anybody out of.
    async fn asked_groups(&self) -> Result<BTreeSet<String>> {
        let (mut asked, mut offset) = (BTreeSet::new(), 0);
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let read = records.len() as u64;
            asked.extend(
                records.into_iter().flat_map(|record| Person::read(record).standing.asked_groups.into_keys()),
            );
            if read < STRIDE {
                return Ok(asked);
            }
            offset += STRIDE;
        }
    }
}
