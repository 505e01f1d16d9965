//! Traces of requests: spans for the collector that `traces.endpoint` names, sent by OTLP over HTTP.
//!
//! Spans are made once a request has ended, from the times that it noted; the path of a request pays for these alone.

use crate::error::StartError;
use opencredits_service::access::{TraceParent, TraceSink, TracedAttempt, TracedRequest};
use opencredits_service::config::Traces;
use opencredits_units::{RequestId, UnixMs};
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use rustls::crypto::ring;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the collector knows this program by.
const SERVICE: &str = env!("CARGO_PKG_NAME");
/// Where a collector takes spans, below its endpoint (OTLP, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";
/// How long a collector may take for an answer.
const EXPORT_MAX: Duration = Duration::from_secs(5);
/// A share is counted in millionths.
const SHARE_WHOLE: u32 = 1_000_000;

/// The traces of a process. Spans that wait are sent when it is dropped.
pub(crate) struct Exporting(SdkTracerProvider);

impl Drop for Exporting {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans are not sent");
        }
    }
}

/// What makes spans of requests, and what sends them.
pub(crate) type Started = (Arc<dyn TraceSink>, Exporting);

/// Makes the exporter; `None` where the config names no collector.
pub(crate) fn start(traces: &Traces) -> Result<Option<Started>, StartError> {
    let Some(endpoint) = &traces.endpoint else { return Ok(None) };
    // The exporter makes its own client, which takes the provider of the process; another one that is there serves as well.
    let _another_is_there = ring::default_provider().install_default();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_MAX)
        .build()?;
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", SERVICE),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let spans = Spans { tracer: provider.tracer(SERVICE), share: traces.share_of(SHARE_WHOLE) };
    Ok(Some((Arc::new(spans), Exporting(provider))))
}

/// Makes spans of requests.
struct Spans {
    tracer: SdkTracer,
    /// The share of requests, in millionths.
    share: u32,
}

impl TraceSink for Spans {
    fn wants(&self, id: RequestId, parent: Option<&TraceParent>) -> bool {
        // A caller that does not record its trace would see none of ours.
        let is_recorded = parent.is_none_or(|parent| parent.is_sampled);
        is_recorded && id.bits().rem_euclid(u128::from(SHARE_WHOLE)) < u128::from(self.share)
    }

    fn take(&self, request: TracedRequest) {
        let caller = request.parent.as_ref().map_or_else(Context::new, remote);
        let record = &request.record;
        let path = record.path.as_deref().unwrap_or_default();
        let span = self.span(format!("{} {path}", record.method), SpanKind::Server, record.began_ms);
        let whole =
            caller.with_span(self.tracer.build_with_context(span.with_attributes(attributes(&request)), &caller));
        if let Some(admitted) = request.steps.admitted {
            self.part("admission", (record.began_ms, admitted), &whole);
        }
        for attempt in &request.steps.attempts {
            self.attempt(attempt, &request, &whole);
        }
        if let Some(times) = request.steps.settled {
            self.part("settle", times, &whole);
        }
        if record.outcome.is_error() {
            whole.span().set_status(Status::error(record.error.clone().unwrap_or_default()));
        }
        whole.span().end_with_timestamp(time(request.ended));
    }
}

impl Spans {
    fn span(&self, name: String, kind: SpanKind, began: UnixMs) -> SpanBuilder {
        self.tracer.span_builder(name).with_kind(kind).with_start_time(time(began))
    }

    fn part(&self, name: &'static str, (began, ended): (UnixMs, UnixMs), whole: &Context) {
        let span = self.span(name.to_owned(), SpanKind::Internal, began);
        let part = whole.with_span(self.tracer.build_with_context(span, whole));
        part.span().end_with_timestamp(time(ended));
    }

    fn attempt(&self, attempt: &TracedAttempt, request: &TracedRequest, whole: &Context) {
        let TracedAttempt { vendor, upstream_model, began, ended, failure } = attempt;
        let attributes = [
            KeyValue::new("gen_ai.provider.name", vendor.clone()),
            KeyValue::new("gen_ai.request.model", upstream_model.clone()),
        ];
        let failed = failure.map(|failure| KeyValue::new("error.type", failure));
        let span = self.span("attempt".to_owned(), SpanKind::Client, *began);
        let span = span.with_attributes(attributes.into_iter().chain(failed));
        let part = whole.with_span(self.tracer.build_with_context(span, whole));
        if let Some(failure) = failure {
            part.span().set_status(Status::error(*failure));
        }
        part.span().end_with_timestamp(time(ended.unwrap_or(request.ended)));
    }
}

/// The span of a caller.
fn remote(parent: &TraceParent) -> Context {
    let (trace, span) = (TraceId::from(parent.trace), SpanId::from(parent.span));
    let flags = TraceFlags::default().with_sampled(parent.is_sampled);
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::default()))
}

fn time(at: UnixMs) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.get())
}

/// What is said of a request, by the names of OpenTelemetry's conventions where there are such. It is a part of what the access
/// log says: neither the key nor the person.
fn attributes(request: &TracedRequest) -> Vec<KeyValue> {
    let (record, call) = (&request.record, &request.record.call);
    let text = |name: &'static str, value: Option<String>| value.map(|value| KeyValue::new(name, value));
    let count = |name: &'static str, value: Option<u64>| {
        value.map(|value| KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX)))
    };
    let all = [
        text("opencredits.request_id", Some(record.request_id.to_string())),
        text("http.request.method", Some(record.method.to_string())),
        text("http.route", record.path.as_deref().map(str::to_owned)),
        count("http.response.status_code", record.status.map(u64::from)),
        text("error.type", record.error.as_deref().map(str::to_owned)),
        text("opencredits.outcome", Some(record.outcome.name().to_owned())),
        text("gen_ai.request.model", call.asked.clone()),
        text("gen_ai.response.model", call.model.clone()),
        text("gen_ai.provider.name", call.vendor.clone()),
        count("gen_ai.usage.input_tokens", input_of(request)),
        count("gen_ai.usage.output_tokens", sum([call.output_tokens, call.reasoning_tokens])),
        text("opencredits.charge_usd", call.charge_usd.map(|charge| charge.to_string())),
        text("opencredits.partner", call.partner.map(|partner| partner.to_string())),
    ];
    all.into_iter().flatten().collect()
}

fn input_of(request: &TracedRequest) -> Option<u64> {
    let call = &request.record.call;
    sum([call.input_tokens, call.cache_read_tokens, call.cache_write_tokens])
}

/// The sum of those that are there.
fn sum<const COUNT: usize>(counts: [Option<u64>; COUNT]) -> Option<u64> {
    counts.into_iter().flatten().reduce(u64::saturating_add)
}
