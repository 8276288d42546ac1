//! Bulk requests, carried out over the connection's own operations: each plans, journals and answers for itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::connection::Connection;
use super::{Preconditions, Result, Shown, View};
use crate::base::context::{self, Context};
use crate::scim::bulk::{Done, Job, Step};
use crate::scim::error::ScimError;

/// How long before its caller stops waiting an operation's time is over, so that the others' ends can still be told.
const RESERVE: Duration = Duration::from_secs(1);

impl Connection {
    /// Carries out a BulkRequest and answers with a BulkResponse.
    ///
    /// An operation whose turn does not come before the caller stops waiting is not begun, and its result says so.
    ///
    /// # Errors
    /// 501 where bulk is switched off for the connection; what is wrong with the request as a whole.
    pub async fn bulk(self: &Arc<Self>, body: &Value) -> Result<Value> {
        if !self.policy.bulk {
            let detail = "`Bulk` is switched off for this connection: send the operations one by one";
            return Err(ScimError::new(501, detail).into());
        }
        let mut job = Job::parse(body)?;
        let this = Arc::clone(self);
        let work = async move {
            let inner = this.hurried();
            while let Some((place, step)) = job.next_step() {
                let outcome = if Instant::now() < inner.deadline {
                    Box::pin(inner.clone().scope(this.step(step))).await
                } else {
                    let detail =
                        "the time of the request was over before this operation began: send it again";
                    Err(ScimError::new(503, detail))
                };
                job.ended(place, outcome);
            }
            Ok(job.answer(this.base_url()))
        };
        Box::pin(self.carry(work)).await
    }

    /// The context of the request, with a deadline that leaves time to answer.
    fn hurried(&self) -> Context {
        let mut context =
            context::current().unwrap_or_else(|| Context::new(self.shared.ids.next(), self.policy.budget));
        let left = context.deadline.saturating_duration_since(Instant::now());
        context.deadline -= RESERVE.min(left / 10);
        context
    }

    async fn step(self: &Arc<Self>, step: Step) -> std::result::Result<Done, ScimError> {
        // The answer holds no resource: reading its members would be for nothing.
        let view = View { attributes: Some("id".to_owned()), excluded: None };
        let outcome = match step {
            Step::Create { kind, data } => {
                self.create(kind, data, &view).await.map(|shown| done(&shown, 201))
            }
            Step::Replace { kind, id, data, when } => {
                self.replace(kind, &id, data, &view, &matching(when)).await.map(|shown| done(&shown, 200))
            }
            Step::Patch { kind, id, data, when } => {
                let shown = self.patch(kind, &id, data, &view, &matching(when)).await;
                shown.map(|shown| match shown {
                    Some(shown) => done(&shown, 200),
                    None => Done { id, version: None, status: 204 },
                })
            }
            Step::Delete { kind, id, when } => self.delete(kind, &id, &matching(when)).await.map(|()| Done {
                id,
                version: None,
                status: 204,
            }),
        };
        outcome.map_err(|refusal| refusal.error)
    }
}

fn matching(version: Option<String>) -> Preconditions {
    Preconditions { if_match: version, if_none_match: None }
}

fn done(shown: &Shown, status: u16) -> Done {
    let id = shown.resource.get("id").and_then(Value::as_str).unwrap_or_default();
    Done { id: id.to_owned(), version: Some(shown.etag.clone()), status }
}
