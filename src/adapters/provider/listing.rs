//! Listings, page by page. One that does not add up does not count: it is an error, never a shorter listing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Provider;
use super::told::{self, Resource};
use super::wire::Refused;
use crate::adapters::answer;
use crate::contract::{Error, Fault, Kind, Result};
use crate::upstream::{Request, Response};

/// More pages than any listing has.
const MOST_PAGES: u32 = 10_000;

/// A listing on its way.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// `/Users` or `/Groups`.
    pub endpoint: &'static str,
    operation: &'static str,
    total: Option<u64>,
    seen: BTreeSet<String>,
    pages: u32,
    pub ended: bool,
}

/// One answer to a listing.
struct Answer {
    resources: Vec<Resource>,
    total: Option<u64>,
    start: Option<u64>,
    per_page: Option<u64>,
}

impl Walk {
    pub(super) fn new(endpoint: &'static str, operation: &'static str) -> Self {
        Self { endpoint, operation, total: None, seen: BTreeSet::new(), pages: 0, ended: false }
    }

    /// Where the next page begins; the first resource is 1 (RFC 7644 §3.4.2.4).
    fn start(&self) -> u64 {
        length(self.seen.len()) + 1
    }

    fn broken(&self, why: &str) -> Error {
        let what = self.endpoint.trim_start_matches('/').to_lowercase();
        Error::new(Kind::Unexpected, self.operation, format!("the listing of {what} does not count: {why}"))
    }

    /// Takes a page in; `asked` is how many resources were asked for.
    fn take(&mut self, page: &Answer, asked: u32) -> Result<()> {
        self.pages += 1;
        let got = length(page.resources.len());
        if self.pages > MOST_PAGES {
            return Err(self.broken("it does not end"));
        }
        if self.pages > 1 && page.total != self.total {
            return Err(self.broken("`totalResults` changed on the way"));
        }
        let told_start = page.start.map(|start| start.max(1));
        if got > 0 && told_start.is_some_and(|start| start != self.start()) {
            return Err(self.broken("a page begins at another place than the one asked for"));
        }
        self.total = page.total;
        for resource in &page.resources {
            let id =
                told::text_of(resource, "id").ok_or_else(|| self.broken("somebody in it has no `id`"))?;
            if !self.seen.insert(id) {
                return Err(self.broken("its pages overlap"));
            }
        }
        let seen = length(self.seen.len());
        self.ended = match self.total {
            Some(total) if seen > total => return Err(self.broken("it holds more than `totalResults`")),
            Some(total) => seen == total,
            None => got != u64::from(asked),
        };
        if self.ended {
            return Ok(());
        }
        if got == 0 {
            return Err(self.broken("it ends before `totalResults`"));
        }
        if page.per_page.is_some_and(|told| told > got) {
            return Err(self.broken("a page holds fewer than its `itemsPerPage`"));
        }
        Ok(())
    }

    /// Whether a page after the end is no proof that there is more: it is empty, or the server does not page.
    fn is_end(&self, page: &Answer) -> bool {
        let known =
            |resource: &Resource| told::text_of(resource, "id").is_some_and(|id| self.seen.contains(&id));
        page.resources.iter().all(known)
    }
}

impl Provider {
    /// The next page of a listing.
    pub(super) async fn walk(&self, walk: &mut Walk) -> Result<Vec<Resource>> {
        let asked = self.profile.page_size;
        let page = self.page(walk, walk.start(), asked).await?;
        walk.take(&page, asked)?;
        self.note_total(&page);
        let is_sure = walk.total.is_some() && self.learnt.totals_count_all.is_set();
        if walk.ended && !is_sure && page.resources.len() > 1 {
            self.look_behind(walk, asked).await?;
        }
        Ok(page.resources)
    }

    /// Everything at an endpoint.
    pub(super) async fn everything(
        &self,
        endpoint: &'static str,
        operation: &'static str,
    ) -> Result<Vec<Resource>> {
        let mut walk = Walk::new(endpoint, operation);
        let mut all = Vec::new();
        while !walk.ended {
            all.extend(self.walk(&mut walk).await?);
        }
        Ok(all)
    }

    /// How many users there are, where that is told, for one user in the answer.
    pub(super) async fn count_users(&self, operation: &'static str) -> Result<Option<u64>> {
        let page = self.page(&Walk::new("/Users", operation), 1, 1).await?;
        self.note_total(&page);
        Ok(page.total)
    }

    /// The users a filter finds, on the first page.
    pub(super) async fn filtered(
        &self,
        operation: &'static str,
        filter: String,
    ) -> std::result::Result<Vec<Resource>, Refused> {
        let request = Request::get("/Users").query("filter", filter).query("startIndex", "1");
        let request = request.query("count", self.profile.page_size.to_string());
        let response = self.client.send(operation, request).await?;
        let page = read(&response, &Walk::new("/Users", operation));
        page.map(|page| page.resources).map_err(Refused::of_answer)
    }

    /// A `totalResults` that counts only its own page, or none at all, looks like the end at every page: behind the last
    /// one there must be nothing.
    async fn look_behind(&self, walk: &Walk, asked: u32) -> Result<()> {
        match self.page(walk, walk.start(), asked).await {
            Ok(page) => {
                if !walk.is_end(&page) {
                    return Err(walk.broken("it goes on after `totalResults`"));
                }
                self.note_total(&page);
                Ok(())
            }
            // Nothing is there, so it may be said to be invalid.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn note_total(&self, page: &Answer) {
        if page.total.is_some_and(|total| total > length(page.resources.len())) {
            self.learnt.totals_count_all.set();
        }
    }

    async fn page(&self, walk: &Walk, start: u64, count: u32) -> Result<Answer> {
        let request = Request::get(walk.endpoint)
            .query("startIndex", start.to_string())
            .query("count", count.to_string());
        let response = self.client.send(walk.operation, request).await.map_err(|refused| {
            let error = Error::from(refused);
            if error.kind != Kind::NotFound {
                return error;
            }
            let message = format!(
                "`{}` has no `{}` here: check `scim.base_url`, which ends before it",
                self.profile.app, walk.endpoint
            );
            Error { fault: Fault::Operator, ..Error::new(Kind::Unexpected, walk.operation, message) }
        })?;
        read(&response, walk)
    }
}

/// Reads a `ListResponse`; a bare list is one too.
fn read(response: &Response, walk: &Walk) -> Result<Answer> {
    let body: Value = answer::json(walk.operation, response)?;
    let Value::Object(list) = body else {
        let Value::Array(resources) = body else { return Err(walk.broken("the answer is no list")) };
        return Ok(Answer { resources: objects(resources, walk)?, total: None, start: None, per_page: None });
    };
    let number = |name: &str| told::attribute(&list, name).and_then(told::count);
    let total = number("totalResults");
    let resources = match told::attribute(&list, "Resources") {
        Some(_) => told::values(&list, "Resources").into_iter().cloned().collect(),
        // Where there is nothing the list may be left out (RFC 7644 §3.4.2).
        None if total.is_some() => Vec::new(),
        None => return Err(walk.broken("the answer is no list")),
    };
    Ok(Answer {
        resources: objects(resources, walk)?,
        total,
        start: number("startIndex"),
        per_page: number("itemsPerPage"),
    })
}

fn objects(values: Vec<Value>, walk: &Walk) -> Result<Vec<Resource>> {
    let object = |value| match value {
        Value::Object(object) => Ok(object),
        _ => Err(walk.broken("something in it is no resource")),
    };
    values.into_iter().map(object).collect()
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
