//! Watches a streamed answer: its start, its events, its closing events.

pub(crate) mod call_indices;
pub(crate) mod closing;
pub(crate) mod event_template;
pub(crate) mod start_detector;
pub(crate) mod tap;
pub(crate) mod usage_object;
