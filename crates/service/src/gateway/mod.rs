//! The stages of one request: sanitize, plan, hold, send, stream, settle.
//!
//! One request is one [`OpenRequest`](open_request::OpenRequest). Placing its hold opens it; it is settled or voided
//! once. Its last owner must settle it: the handler or, when the client has disconnected, the [`Reaper`].
//!
//! The files depend in one direction. [`state`] holds what all requests share, `served` what the config says of requests; `request` and `open_request` hold what
//! one request carries from stage to stage. `admit` reads a request (`plan`, `routing`, `attach`) and places its hold
//! (`claims`); `exchange` sends it (`attempts`) and delivers the answer (`stream`), which `settle` charges.

mod admissions;
mod admit;
mod attach;
mod attempts;
mod booking;
mod claims;
mod count;
mod estimate;
mod exact;
mod exchange;
mod exposures;
mod health;
mod hold;
mod large;
mod late;
#[cfg(test)]
mod late_charges;
mod meters;
mod open_request;
mod pending;
mod placing;
mod plan;
mod plausible;
mod prepared_upstream;
mod quote;
mod reading;
mod reaper;
mod reply;
mod reported_cost;
mod request;
mod routing;
mod served;
mod settings;
mod settle;
mod settling;
mod state;
mod stream;
mod test_mode;
mod vendor_keys;

pub(crate) use prepared_upstream::headers_to;

pub use admit::Admitted;
pub use booking::Receipt;
pub use count::Counted;
pub use estimate::InputEstimate;
pub use health::RouteHealth;
pub use large::LargeBodies;
pub use late::charge_of;
pub use pending::Pending;
pub use prepared_upstream::Upstream;
pub use reaper::{DrainLimits, Reaper};
pub use reply::{Reply, WholeAnswer};
pub use request::{InferenceRequest, PathParameters};
pub use served::Offering;
pub use settings::{GatewayError, Retries, Settings};
pub use state::{Gateway, Parts, Ports, PreparedOffering};
pub use stream::{ChargedStream, StreamEnd, StreamItem};
pub use test_mode::{TEST_DIR, TestGateway, TestLedger, TestOffering, TestParts, TestPorts, TestUpstreams};
