//! What is known of a request while it runs.

use super::log::AccessLog;
use super::record::{AccessOutcome, AccessRecord, CallRecord};
use super::traced::{TraceParent, TracedAttempt, TracedRequest, TracedSteps};
use crate::api_dialects::dialect_of;
use crate::keyring::Spender;
use crate::record::{GenerationRecord, UsageSource};
use opencredits_catalog::{Item, Model};
use opencredits_keys::Mode;
use opencredits_sanitizer::Api;
use opencredits_units::{Bucket, GenerationId, NanoUsd, UnixMs};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::sync::Arc;

/// Statuses from here on say that the fault is not the client's.
const FAULT_OF_SERVER: u16 = 500;

/// Collects what is known of a request. The end of its last owner ends the request for the access log.
pub struct RequestTrace {
    log: Arc<AccessLog>,
    id: GenerationId,
    method: &'static str,
    began: UnixMs,
    known: Mutex<Known>,
}

/// What is known. Nothing here is copied before the record is made.
#[derive(Default)]
struct Known {
    path: Option<Cow<'static, str>>,
    /// Whether it is left out where it is answered well.
    is_probe: bool,
    status: Option<u16>,
    error: Option<&'static str>,
    stream: Stream,
    call: Option<Box<Call>>,
    /// What a trace of it needs, where there is one.
    traced: Option<Box<Traced>>,
}

/// The caller's span, and the parts so far.
struct Traced {
    parent: Option<TraceParent>,
    steps: TracedSteps,
}

/// How far the answer is as a stream.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stream {
    #[default]
    None,
    Begun,
    Ended,
}

/// What is known of a request for inference.
struct Call {
    api: Api,
    spender: Option<Arc<Spender>>,
    asked: Option<Arc<str>>,
    /// The model and the index of its route.
    route: Option<(Arc<Model>, usize)>,
    is_streamed: Option<bool>,
    attempts: u64,
    first_sent: Option<UnixMs>,
    charge: Option<Charge>,
    first_byte_ms: Option<u64>,
}

/// What was charged.
struct Charge {
    tokens: Tokens,
    cost: NanoUsd,
    collected: NanoUsd,
    is_estimated: bool,
}

/// Tokens by disjoint classes, where there are any.
#[derive(Default)]
struct Tokens {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Tokens {
    fn of(record: &GenerationRecord) -> Self {
        let mut tokens = Self::default();
        let lines = record.lines.iter().chain(record.side_bills.iter().flat_map(|bill| &bill.lines));
        for line in lines {
            let Some(Item::Tokens(bucket)) = line.what() else { continue };
            let class = match bucket {
                Bucket::CacheRead | Bucket::InputAudioCached => &mut tokens.cache_read,
                Bucket::CacheWrite5m | Bucket::CacheWrite1h | Bucket::CacheWriteOther => &mut tokens.cache_write,
                Bucket::Reasoning => &mut tokens.reasoning,
                bucket if bucket.is_input() => &mut tokens.input,
                _ => &mut tokens.output,
            };
            *class = Some(class.unwrap_or_default().saturating_add(line.quantity().get()));
        }
        tokens
    }
}

impl RequestTrace {
    /// Begins the trace of a request with this id and method. It began when its id was made.
    #[must_use]
    pub fn begin(log: &Arc<AccessLog>, id: GenerationId, method: &http::Method) -> Arc<Self> {
        log.entered();
        Arc::new(Self {
            log: Arc::clone(log),
            id,
            method: method_name(method),
            began: id.made_at(),
            known: Mutex::default(),
        })
    }

    /// The caller's span, as the header `traceparent` tells it. Called once, where it is not, there is no trace.
    pub fn follows(&self, parent: Option<&str>) {
        let Some(sink) = self.log.traces() else { return };
        let parent = parent.and_then(TraceParent::parse);
        if sink.wants(self.id.cast(), parent.as_ref()) {
            let steps = TracedSteps::default();
            self.known.lock().traced = Some(Box::new(Traced { parent, steps }));
        }
    }

    fn of_steps(&self, note: impl FnOnce(&mut TracedSteps, UnixMs)) {
        if self.log.traces().is_none() {
            return;
        }
        if let Some(traced) = &mut self.known.lock().traced {
            note(&mut traced.steps, self.log.now());
        }
    }

    /// The request is at this route.
    pub fn at(&self, template: impl Into<Cow<'static, str>>) {
        self.known.lock().path = Some(template.into());
    }

    /// The request is for inference.
    pub fn infers(&self, api: Api) {
        self.known.lock().call = Some(Box::new(Call {
            api,
            spender: None,
            asked: None,
            route: None,
            is_streamed: None,
            attempts: 0,
            first_sent: None,
            charge: None,
            first_byte_ms: None,
        }));
    }

    /// The request asks whether the process is well: it gets a line where it is not.
    pub fn probes(&self) {
        self.known.lock().is_probe = true;
    }

    /// Its key is known.
    pub fn identified(&self, spender: &Arc<Spender>) {
        self.of_call(|call| call.spender = Some(Arc::clone(spender)));
    }

    /// The first model that it asks for is known.
    pub(crate) fn asks(&self, model: &Model) {
        self.of_call(|call| call.asked = Some(Arc::clone(&model.id)));
    }

    /// It was admitted.
    pub(crate) fn admitted(&self, is_streamed: bool) {
        self.of_call(|call| call.is_streamed = Some(is_streamed));
        self.of_steps(|steps, now| steps.admitted = Some(now));
    }

    /// It is sent to a provider, by this route of the model.
    pub(crate) fn sent(&self, model: &Arc<Model>, route_index: usize, now: UnixMs) {
        self.of_call(|call| {
            call.route = Some((Arc::clone(model), route_index));
            call.attempts = call.attempts.saturating_add(1);
            call.first_sent.get_or_insert(now);
        });
        self.of_steps(|steps, _| {
            let route = model.route_at(route_index);
            steps.attempts.push(TracedAttempt {
                vendor: route.vendor.to_string(),
                upstream_model: route.upstream_model.to_string(),
                began: now,
                ended: None,
                failure: None,
            });
        });
    }

    /// What it was sent for last has failed.
    pub(crate) fn attempt_failed(&self, reason: &'static str, now: UnixMs) {
        self.of_steps(|steps, _| {
            if let Some(attempt) = steps.attempts.last_mut() {
                (attempt.ended, attempt.failure) = (Some(now), Some(reason));
            }
        });
    }

    /// It was charged, since a moment; its answer began so many ms after it was sent.
    pub(crate) fn charged(
        &self,
        record: &GenerationRecord,
        collected: NanoUsd,
        (first_byte_ms, since): (Option<u64>, UnixMs),
    ) {
        let is_estimated = matches!(record.source, UsageSource::Estimated | UsageSource::Implausible);
        let charge = Charge { tokens: Tokens::of(record), cost: record.cost, collected, is_estimated };
        self.of_call(|call| (call.charge, call.first_byte_ms) = (Some(charge), first_byte_ms));
        self.of_steps(|steps, now| {
            steps.settled = Some((since, now));
            if let Some(attempt) = steps.attempts.last_mut() {
                attempt.ended.get_or_insert(since);
            }
        });
    }

    /// An error of this type was told.
    pub fn failed(&self, error: &'static str) {
        self.known.lock().error = Some(error);
    }

    /// The head of the answer was given out.
    pub fn answered(&self, status: u16) {
        self.known.lock().status = Some(status);
    }

    /// The answer begins as a stream.
    pub fn stream_begun(&self) {
        let before = std::mem::replace(&mut self.known.lock().stream, Stream::Begun);
        if before == Stream::None {
            self.log.stream_begun();
        }
    }

    /// The last of the stream was given out.
    pub fn stream_ended(&self) {
        self.known.lock().stream = Stream::Ended;
    }

    fn of_call(&self, note: impl FnOnce(&mut Call)) {
        if let Some(call) = &mut self.known.lock().call {
            note(call);
        }
    }
}

impl Known {
    fn outcome(&self) -> AccessOutcome {
        let was_sent = self.call.as_ref().is_some_and(|call| call.attempts > 0);
        let is_refusal = |status: u16| status < FAULT_OF_SERVER && !was_sent;
        match (self.status, self.error) {
            (None, _) => AccessOutcome::Abandoned,
            (Some(status), Some(_)) if is_refusal(status) => AccessOutcome::Refused,
            (Some(_), Some(_)) => AccessOutcome::Failed,
            (Some(_), None) if self.stream == Stream::Begun => AccessOutcome::Abandoned,
            (Some(FAULT_OF_SERVER..), None) => AccessOutcome::Failed,
            (Some(400..), None) => AccessOutcome::Refused,
            (Some(_), None) => AccessOutcome::Served,
        }
    }
}

/// Makes the record of the request, once: this is the end of its last owner.
impl Drop for RequestTrace {
    fn drop(&mut self) {
        let Self { log, id, method, began, known } = self;
        let (log, began, mut known) = (&**log, *began, std::mem::take(known.get_mut()));
        let (outcome, is_stream) = (known.outcome(), known.stream != Stream::None);
        if known.is_probe && outcome == AccessOutcome::Served {
            log.left_unseen();
            return;
        }
        let (traced, now) = (known.traced.take(), log.now());
        let record = || AccessRecord {
            request_id: id.cast(),
            began_ms: began,
            test: log.mode == Mode::Test,
            method: Cow::Borrowed(*method),
            path: known.path,
            status: known.status,
            outcome,
            error: known.error.map(Cow::Borrowed),
            duration_ms: now.ms_since(began),
            call: known.call.map(|call| call.record(log, began)).unwrap_or_default(),
        };
        let Some((traced, sink)) = traced.zip(log.traces()) else {
            return log.left(*id, (is_stream, outcome.is_error()), record);
        };
        let record = record();
        log.left(*id, (is_stream, outcome.is_error()), || record.clone());
        let Traced { parent, steps } = *traced;
        sink.take(TracedRequest { parent, record, ended: now, steps });
    }
}

impl Call {
    fn record(self, log: &AccessLog, began: UnixMs) -> CallRecord {
        let route = self.route.as_ref().map(|(model, index)| (model, model.route_at(*index)));
        let spender = self.spender.as_deref();
        let charge = self.charge;
        let collected = charge.as_ref().map(|charge| charge.collected);
        let tokens = charge.as_ref().map(|charge| &charge.tokens);
        CallRecord {
            api: Some(Cow::Borrowed(dialect_of(self.api).name())),
            asked: self.asked.map(|asked| asked.to_string()),
            model: route.map(|(model, _)| model.id.to_string()),
            vendor: route.map(|(_, route)| route.vendor.to_string()),
            upstream_model: route.map(|(_, route)| route.upstream_model.to_string()),
            attempts: Some(self.attempts),
            key: spender.map(|spender| spender.key),
            user: spender.map(|spender| spender.user),
            partner: spender.and_then(|spender| spender.partner),
            input_tokens: tokens.and_then(|tokens| tokens.input),
            cache_read_tokens: tokens.and_then(|tokens| tokens.cache_read),
            cache_write_tokens: tokens.and_then(|tokens| tokens.cache_write),
            output_tokens: tokens.and_then(|tokens| tokens.output),
            reasoning_tokens: tokens.and_then(|tokens| tokens.reasoning),
            cost_usd: charge.as_ref().map(|charge| charge.cost),
            charge_usd: collected,
            credits: collected.map(|collected| log.price().show(collected).to_string()),
            queue_ms: self.first_sent.map(|sent| sent.ms_since(began)),
            first_byte_ms: self.first_byte_ms,
            streamed: self.is_streamed,
            estimated: charge.as_ref().map(|charge| charge.is_estimated),
        }
    }
}

/// The name of a method: a client may send any word.
fn method_name(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "PATCH", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
