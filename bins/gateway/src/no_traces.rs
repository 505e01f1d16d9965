//! The place of [traces](../traces.rs) in a program without the feature `otel`.

use crate::error::StartError;
use opencredits_service::access::TraceSink;
use opencredits_service::config::Traces;
use std::convert::Infallible;
use std::sync::Arc;

/// Refuses a config that wants traces.
pub(crate) const fn start(traces: &Traces) -> Result<Option<(Arc<dyn TraceSink>, Infallible)>, StartError> {
    if traces.endpoint.is_some() { Err(StartError::NoTraces) } else { Ok(None) }
}
