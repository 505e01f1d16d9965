//! A record as a line of the log.

use super::record::AccessRecord;

/// The target of the lines.
pub const ACCESS_TARGET: &str = "access";

/// Whether the log takes such lines at all.
pub(super) fn is_heard() -> bool {
    tracing::enabled!(target: ACCESS_TARGET, tracing::Level::INFO)
}

/// Writes a line with the members of a record that are there, under the same names as in its JSON.
pub(super) fn write(record: &AccessRecord) {
    let call = &record.call;
    tracing::info!(
        target: ACCESS_TARGET,
        request_id = %record.request_id,
        began_ms = record.began_ms.get(),
        test = record.test.then_some(true),
        method = &*record.method,
        path = record.path.as_deref(),
        status = record.status,
        outcome = record.outcome.name(),
        error = record.error.as_deref(),
        duration_ms = record.duration_ms,
        api = call.api.as_deref(),
        asked = call.asked.as_deref(),
        model = call.model.as_deref(),
        vendor = call.vendor.as_deref(),
        upstream_model = call.upstream_model.as_deref(),
        attempts = call.attempts,
        key = call.key.map(tracing::field::display),
        user = call.user.map(tracing::field::display),
        partner = call.partner.map(tracing::field::display),
        input_tokens = call.input_tokens,
        cache_read_tokens = call.cache_read_tokens,
        cache_write_tokens = call.cache_write_tokens,
        output_tokens = call.output_tokens,
        reasoning_tokens = call.reasoning_tokens,
        cost_usd = call.cost_usd.map(tracing::field::display),
        charge_usd = call.charge_usd.map(tracing::field::display),
        credits = call.credits.as_deref(),
        queue_ms = call.queue_ms,
        first_byte_ms = call.first_byte_ms,
        streamed = call.streamed,
        estimated = call.estimated,
        "request"
    );
}
