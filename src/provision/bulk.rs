//! Bulk requests, carried out over the connection's own operations: each plans, journals and answers for itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::connection::Connection;
use super::made::Made;
use super::{Patched, Preconditions, Refusal, Result, Shown, View, refuse};
use crate::base::context::{self, Context};
use crate::base::lane::Lane;
use crate::scim::bulk::{Done, Failure, Job, Step};
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
            let mut made = Vec::new();
            while let Some((place, step)) = job.next_step() {
                let outcome = if Instant::now() < inner.deadline {
                    Box::pin(inner.clone().scope(this.step(step, &mut made))).await
                } else {
                    Err(refuse::not_begun(this.policy.idp))
                };
                job.ended(place, outcome.map_err(failure));
            }
            Ok((job.answer(this.base_url()), made))
        };
        let (answer, made) = Box::pin(self.carry(Lane::Rest, work)).await?;
        // Before the answer: no turn holds back who repeats one of these, as it does after a single create.
        for made in made {
            self.told(made).await;
        }
        Ok(answer)
    }

    /// The context of the request, with a deadline that leaves time to answer.
    fn hurried(&self) -> Context {
        let mut context =
            context::current().unwrap_or_else(|| Context::new(self.shared.ids.next(), self.policy.budget));
        let left = context.deadline.saturating_duration_since(Instant::now());
        context.deadline -= RESERVE.min(left / 10);
        context
    }

    /// Does one operation; what it makes is added to `made`, which nobody has been told of yet.
    async fn step(self: &Arc<Self>, step: Step, made: &mut Vec<Made>) -> Result<Done> {
        // The answer holds no resource: reading its members would be for nothing.
        let view = View { attributes: Some("id".to_owned()), excluded: None };
        match step {
            Step::Create { kind, data } => {
                let (shown, new) = self.make(kind, data, &view, made).await?;
                // Later operations of the same request may need the name.
                made.push(Made { turn: None, ..new });
                Ok(done(&shown, 201))
            }
            Step::Replace { kind, id, data, when } => {
                self.replace(kind, &id, data, &view, &matching(when)).await.map(|shown| done(&shown, 200))
            }
            Step::Patch { kind, id, data, when } => {
                let patched = self.patch(kind, &id, data, &view, &matching(when)).await;
                patched.map(|patched| match patched {
                    Patched::Shown(shown) => done(&shown, 200),
                    Patched::Unshown { etag, .. } => Done { id, version: Some(etag), status: 204 },
                })
            }
            Step::Delete { kind, id, when } => self.delete(kind, &id, &matching(when)).await.map(|()| Done {
                id,
                version: None,
                status: 204,
            }),
        }
    }
}

fn failure(refusal: Refusal) -> Failure {
    let retry_after = refusal.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    Failure { error: refusal.error, retry_after }
}

fn matching(version: Option<String>) -> Preconditions {
    Preconditions { if_match: version, if_none_match: None }
}

fn done(shown: &Shown, status: u16) -> Done {
    let id = shown.resource.get("id").and_then(Value::as_str).unwrap_or_default();
    Done { id: id.to_owned(), version: Some(shown.etag.clone()), status }
}
