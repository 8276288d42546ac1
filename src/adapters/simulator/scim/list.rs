//! `GET` of a whole resource type: filter, pages, totals.

use serde_json::{Value, json};

use super::media;
use super::mode::{Filtering, Mode, Paging, TotalResults};
use super::path::{Path, equal, equality};
use super::problem::Problem;
use super::schema::{Attribute, Schema};
use crate::adapters::simulator::{Answer, Call};

/// A filter of the one form that is understood.
#[derive(Debug)]
pub(super) struct Filter {
    path: Path,
    value: Value,
}

impl Filter {
    /// The filter of a request, as far as the switch lets it count.
    pub(super) fn of(call: &Call, mode: &Mode, schema: &Schema) -> Result<Option<Self>, Problem> {
        let Some(text) = call.parameter("filter") else { return Ok(None) };
        match mode.filter {
            Filtering::Honoured => {}
            Filtering::Ignored => return Ok(None),
            Filtering::Invalid => return Err(Problem::invalid("invalidFilter", "filter is not supported")),
            Filtering::NotImplemented => return Err(Problem::new(501, "filter is not implemented")),
        }
        let (name, value) = equality(&text)?;
        let path = Path::parse(name, schema)
            .map_err(|problem| Problem { scim_type: Some("invalidFilter"), ..problem })?;
        Ok(Some(Self { path, value }))
    }

    /// The value an attribute must have, when this filter is about that attribute alone.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let plain = self.path.attribute.name == name && self.path.part.is_none();
        if plain { self.value.as_str() } else { None }
    }

    /// Whether a resource as it is shown passes.
    pub(super) fn passes(&self, resource: &Value) -> bool {
        let Some(held) = resource.get(self.path.attribute.name) else { return false };
        let leaf = self.path.part.unwrap_or(self.path.attribute);
        values(held, self.path.part).into_iter().any(|held| equal(leaf, held, &self.value))
    }
}

/// The values at an attribute or below it; a list that is compared as a whole stands for its `value`s.
fn values<'a>(held: &'a Value, part: Option<&Attribute>) -> Vec<&'a Value> {
    let name = part.map_or("value", |part| part.name);
    match (held, part) {
        (Value::Array(items), _) => items.iter().filter_map(|item| item.get(name)).collect(),
        (held, Some(_)) => held.get(name).into_iter().collect(),
        (held, None) => vec![held],
    }
}

/// Answers `found` page by page; only what the page holds is shown by `show`.
pub(super) fn answer(
    call: &Call,
    mode: &Mode,
    found: &[String],
    show: impl Fn(&str) -> Option<Value>,
) -> Result<Answer, Problem> {
    let number = |name: &str| match call.parameter(name).map(|text| text.trim().parse::<i64>()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(usize::try_from(number).unwrap_or(0))),
        Some(Err(_)) => Err(Problem::value(format!("{name} must be a number"))),
    };
    let start = number("startIndex")?.unwrap_or(1).max(1);
    let count = number("count")?.unwrap_or(mode.page_size).min(mode.page_size);
    let (start, count) = match mode.pages {
        Paging::Honoured => (start, count),
        Paging::CountIgnored => (start, mode.page_size),
        Paging::Ignored => (1, usize::MAX),
    };
    let resources: Vec<Value> = found.iter().skip(start - 1).take(count).filter_map(|id| show(id)).collect();
    let total = match mode.total_results {
        TotalResults::Exact => found.len(),
        TotalResults::OfPage => resources.len(),
        TotalResults::OneMore => found.len() + 1,
    };
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    Ok(media(200, &body))
}
