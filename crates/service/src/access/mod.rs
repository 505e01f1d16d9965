//! The access log: a line for each finished request, to the log and to those who follow it.
//!
//! A [`RequestTrace`] is begun with a request and shared by everything that works for it: the handler, the open request,
//! a stream, the reaper. Each notes what it knows. When the last of them is done, the trace makes one [`AccessRecord`]
//! and gives it to the [`AccessLog`]. So a request has one line, however it ends.
//!
//! A record has ids, names of the catalogue, counts and amounts. No field takes a text of a client or of a provider: a
//! model that is not in the catalogue, a path that is no route and an unknown method are left out.

mod follow;
mod line;
mod log;
mod record;
mod trace;
mod traced;

pub use follow::{AccessFilter, Followed, Follower};
pub use line::ACCESS_TARGET;
pub use log::{AccessLines, AccessLog, AccessSettings, OpenCounts};
pub use record::{AccessOutcome, AccessRecord, CallRecord};
pub use trace::RequestTrace;
pub use traced::{TraceParent, TraceSink, TracedAttempt, TracedRequest, TracedSteps};
