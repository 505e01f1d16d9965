//! Follows the access log over the admin socket: `POST /follow` takes a [`FollowRequest`] and answers lines of JSON, each a
//! [`FollowLine`], until the client or the gateway ends.

use super::answer::Admin;
use super::reply::Refusal;
use axum::body::{Body, Bytes};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use opencredits_service::access::{
    AccessFilter, AccessLog, AccessOutcome, AccessRecord, Followed, Follower, OpenCounts,
};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The path of the endpoint.
pub const FOLLOW_PATH: &str = "/follow";
/// How often the requests that run are counted for a follower that wants that.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What to follow. Each member that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FollowRequest {
    /// The model that was served or asked for.
    pub model: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The partner, by id or by name.
    pub partner: Option<String>,
    /// The outcome.
    pub outcome: Option<AccessOutcome>,
    /// The least duration, in ms.
    pub min_ms: u64,
    /// Only what was refused or failed.
    pub errors: bool,
    /// Whether the requests that run are counted each second.
    pub open: bool,
}

/// A line for a follower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowLine {
    /// A finished request.
    Request(Box<AccessRecord>),
    /// So many lines came faster than they were read, and are lost.
    Missed(u64),
    /// The requests that run.
    Open(OpenCounts),
}

/// What a stream of lines is made of.
struct Following {
    follower: Follower,
    filter: AccessFilter,
    log: Arc<AccessLog>,
    counts: Option<Interval>,
}

impl Admin {
    /// Lets the access log of this gateway be followed.
    #[must_use]
    pub fn of_access(mut self, log: Arc<AccessLog>) -> Self {
        self.access = Some(log);
        self
    }

    /// The stream of lines that a follower asked for.
    pub(super) async fn follow(&self, request: FollowRequest) -> Result<Response<Body>, Refusal> {
        let Some(log) = &self.access else {
            return Err(Refusal::invalid("no gateway runs here, so there are no requests to follow; start it"));
        };
        let FollowRequest { model, vendor, partner, outcome, min_ms, errors, open } = request;
        let partner = match partner {
            Some(name) => Some(self.accounts.find_partner(&name).await?.id),
            None => None,
        };
        let counts = open.then(|| {
            let mut counts = interval(COUNT_EVERY);
            counts.set_missed_tick_behavior(MissedTickBehavior::Skip);
            counts
        });
        let filter = AccessFilter { model, vendor, partner, outcome, min_ms, errors };
        let following = Following { follower: log.follow(), filter, log: Arc::clone(log), counts };
        let lines = futures_util::stream::unfold(following, |mut following| async move {
            let line = following.next().await?;
            let mut text = serde_json::to_vec(&line).ok()?;
            text.push(b'\n');
            Some((Ok::<_, Infallible>(Bytes::from(text)), following))
        });
        let mut response = Response::new(Body::from_stream(lines));
        let fixed = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")];
        for (name, value) in fixed {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }
}

impl Following {
    /// The next line; `None` once the gateway ends.
    async fn next(&mut self) -> Option<FollowLine> {
        loop {
            let followed = tokio::select! {
                followed = self.follower.next() => followed?,
                () = tick(self.counts.as_mut()) => return Some(FollowLine::Open(self.log.open())),
            };
            match followed {
                Followed::Missed(lines) => return Some(FollowLine::Missed(lines)),
                Followed::Record(record) if self.filter.passes(&record) => {
                    return Some(FollowLine::Request(Box::new((*record).clone())));
                }
                Followed::Record(_) => {}
            }
        }
    }
}

async fn tick(counts: Option<&mut Interval>) {
    match counts {
        Some(counts) => {
            counts.tick().await;
        }
        None => std::future::pending().await,
    }
}
