//! From a request to the work it asks for; needs no connection and touches nothing.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, Method};

use super::body;
use super::error::Refused;
use super::query::Parameters;
use super::route::Endpoint;
use super::router::RouterSettings;
use super::work::Work;
use crate::provision::{ListQuery, Preconditions, View};
use crate::scim::project::exclude_each_other;
use crate::scim::schema::ResourceKind;
use crate::scim::search::SearchRequest;

/// What the request wants of `endpoint`. `None` for `OPTIONS`, which only wants to know the methods.
pub(crate) async fn intake(
    endpoint: Endpoint,
    request: Request,
    settings: &RouterSettings,
) -> Result<Option<Work>, Refused> {
    if endpoint == Endpoint::Unknown {
        return Err(Refused::UnknownEndpoint);
    }
    let (head, content) = request.into_parts();
    let method = match head.method {
        Method::HEAD => Method::GET,
        other => other,
    };
    if !endpoint.methods().contains(&method) {
        return Err(Refused::Method(endpoint.methods()));
    }
    if method == Method::OPTIONS {
        return Ok(None);
    }
    let asked =
        Asked { method, parameters: Parameters::of(head.uri.query()), headers: head.headers, content };
    Ok(Some(match endpoint {
        Endpoint::Root => Work::Search(asked.query()?),
        Endpoint::ServiceProviderConfig => asked.unfiltered(Work::ServiceProviderConfig)?,
        Endpoint::ResourceTypes => asked.unfiltered(Work::ResourceTypes(None))?,
        Endpoint::ResourceType(name) => asked.unfiltered(Work::ResourceTypes(Some(name)))?,
        Endpoint::Schemas => asked.unfiltered(Work::Schemas(None))?,
        Endpoint::Schema(urn) => asked.unfiltered(Work::Schemas(Some(urn)))?,
        Endpoint::Collection(kind) => asked.of_collection(kind, settings).await?,
        Endpoint::Single(kind, id) => asked.of_single(kind, id, settings).await?,
        Endpoint::Search(kind) => asked.of_search(kind, settings).await?,
        Endpoint::Bulk => Work::Bulk(body::object(&asked.headers, asked.content, settings.bulk_bytes).await?),
        Endpoint::Me => {
            return Err(Refused::NotOffered(
                "`/Me` is not offered: the token belongs to a connection, not to a person",
            ));
        }
        Endpoint::Unknown => return Err(Refused::UnknownEndpoint),
    }))
}

struct Asked {
    method: Method,
    parameters: Parameters,
    headers: HeaderMap,
    content: Body,
}

impl Asked {
    /// Discovery does not filter, and must not look as if it had (RFC 7644 §4).
    fn unfiltered(&self, work: Work) -> Result<Work, Refused> {
        if self.parameters.get("filter").is_some() { Err(Refused::FilteredDiscovery) } else { Ok(work) }
    }

    async fn of_collection(self, kind: ResourceKind, settings: &RouterSettings) -> Result<Work, Refused> {
        if self.method != Method::POST {
            return Ok(Work::List { kind, query: self.query()? });
        }
        let view = self.view()?;
        Ok(Work::Create { kind, body: self.object(kind, settings).await?, view })
    }

    fn query(&self) -> Result<ListQuery, Refused> {
        Ok(ListQuery {
            filter: self.parameters.get("filter"),
            start_index: self.parameters.get("startIndex"),
            count: self.parameters.get("count"),
            sort_by: self.parameters.get("sortBy"),
            sort_order: self.parameters.get("sortOrder"),
            cursor: self.parameters.get("cursor"),
            view: self.view()?,
        })
    }

    /// The parameters stand in the body alone (RFC 7644 §3.4.3).
    async fn of_search(self, kind: Option<ResourceKind>, settings: &RouterSettings) -> Result<Work, Refused> {
        let body = body::object(&self.headers, self.content, settings.user_bytes).await?;
        let asked = SearchRequest::parse(&body).map_err(Refused::Content)?;
        let query = ListQuery {
            filter: asked.filter,
            start_index: asked.start_index,
            count: asked.count,
            sort_by: asked.sort_by,
            sort_order: asked.sort_order,
            cursor: asked.cursor,
            view: View { attributes: asked.attributes, excluded: asked.excluded },
        };
        Ok(match kind {
            Some(kind) => Work::List { kind, query },
            None => Work::Search(query),
        })
    }

    async fn of_single(
        self,
        kind: ResourceKind,
        id: String,
        settings: &RouterSettings,
    ) -> Result<Work, Refused> {
        let (view, when) = (self.view()?, self.preconditions());
        Ok(if self.method == Method::PUT {
            Work::Replace { kind, id, body: self.object(kind, settings).await?, view, when }
        } else if self.method == Method::PATCH {
            Work::Patch { kind, id, body: self.object(kind, settings).await?, view, when }
        } else if self.method == Method::DELETE {
            Work::Delete { kind, id, when }
        } else {
            Work::Read { kind, id, view, when }
        })
    }

    async fn object(
        self,
        kind: ResourceKind,
        settings: &RouterSettings,
    ) -> Result<serde_json::Value, Refused> {
        let most = match kind {
            ResourceKind::User => settings.user_bytes,
            ResourceKind::Group => settings.group_bytes,
        };
        body::object(&self.headers, self.content, most).await
    }

    /// Refused before any work: nobody is told 400 of what was done all the same.
    fn view(&self) -> Result<View, Refused> {
        let view = View {
            attributes: self.parameters.all("attributes"),
            excluded: self.parameters.all("excludedAttributes"),
        };
        exclude_each_other(view.attributes.as_deref(), view.excluded.as_deref()).map_err(Refused::Content)?;
        Ok(view)
    }

    fn preconditions(&self) -> Preconditions {
        Preconditions {
            if_match: text(&self.headers, &IF_MATCH),
            if_none_match: text(&self.headers, &IF_NONE_MATCH),
        }
    }
}

/// All values of a list header as one list (RFC 9110 §5.3). Bytes beyond ASCII are replaced: they match no tag of
/// ours, and a precondition must not vanish because it cannot be read.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
