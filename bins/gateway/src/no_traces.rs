//! The place of [traces](../traces.rs) in a program without the feature `otel`.

use crate::error::StartError;
use opencredits_service::access::TraceSink;
use opencredits_service::config::Traces;
use std::convert::Infallible;
use std::sync::Arc;

/// There is none.
pub(crate) type Started = (Arc<dyn TraceSink>, Infallible);

/// Refuses a config that wants traces.
pub(crate) const fn start(traces: &Traces) -> Result<Option<Started>, StartError> {
    if traces.endpoint.is_some() { Err(StartError::NoTraces) } else { Ok(None) }
}
