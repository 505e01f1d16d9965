//! What requests record, by handles that are resolved once: a request pays for a few atomic operations.

use crate::record::UsageSource;
use crate::telemetry::families::{
    CANCELLED, ERRORS, FIRST_TOKEN, PER_OUTPUT_TOKEN, REQUEST_DURATION, REQUESTS, SETTLED, STREAMS_OPEN, TOKEN_USAGE,
    VENDOR_FAILURES,
};
use crate::telemetry::{Tally, float, seconds};
use metrics::{Counter, Gauge, Histogram};
use opencredits_keys::Mode;
use opencredits_providers::{Dialect, Vendor};
use opencredits_units::{Bucket, Tokens, UnixMs, Usage};
use std::sync::OnceLock;

/// The dialects that clients speak, in the order of their places.
const APIS: [Dialect; 5] = [
    Dialect::OpenaiChat,
    Dialect::AnthropicMessages,
    Dialect::OpenaiResponses,
    Dialect::OpenaiEmbeddings,
    Dialect::GeminiGenerate,
];
/// Where usage is from, in the order of the places.
const SOURCES: [(UsageSource, &str); 5] = [
    (UsageSource::Reported, "reported"),
    (UsageSource::Estimated, "estimated"),
    (UsageSource::Quarantined, "quarantined"),
    (UsageSource::NothingProduced, "nothing_produced"),
    (UsageSource::Implausible, "implausible"),
];
/// Sources of a usage that was not believed.
const NOT_BELIEVED: [UsageSource; 2] = [UsageSource::Quarantined, UsageSource::Implausible];
/// The reason of a failure that is a refusal of our own account.
pub(super) const OWN_ACCOUNT: &str = "own_account";
/// The reason of a failure to resolve the name of a vendor's host.
pub(super) const UNRESOLVED: &str = "unresolved_name";
/// The types of tokens, in the order of the places.
const TOKEN_TYPES: [&str; 5] = ["input", "output", "cached_input", "cache_creation_input", "reasoning"];

/// The handles that all requests of a gateway share.
pub(super) struct Meters {
    mode: Mode,
    requests: [Counter; APIS.len()],
    settled: [Counter; SOURCES.len()],
    cancelled: Counter,
    pub(super) streams_open: Gauge,
    /// What the process counts for its own alarms, of the live mode.
    pub(super) tally: Tally,
}

impl Meters {
    pub(super) fn of(mode: Mode) -> Self {
        let name = mode.name();
        Self {
            mode,
            requests: APIS.map(|api| REQUESTS.counter_of(&[name, api.name()])),
            settled: SOURCES.map(|(_, source)| SETTLED.counter_of(&[name, source])),
            cancelled: CANCELLED.counter_of(&[name]),
            streams_open: STREAMS_OPEN.gauge_of(&[]),
            tally: Tally::default(),
        }
    }

    /// A request has come.
    pub(super) fn came(&self, api: Dialect) {
        if let Some(counter) = place(api).and_then(|place| self.requests.get(place)) {
            counter.increment(1);
        }
        if self.mode == Mode::Live {
            self.tally.request();
        }
    }

    /// A request has failed. Errors are not worth a table: a handle is looked up for each.
    pub(super) fn failed(&self, api: Dialect, (error_type, status): (&str, &str)) {
        ERRORS.counter_of(&[self.mode.name(), api.name(), error_type, status]).increment(1);
        if self.mode == Mode::Live {
            self.tally.error(status);
        }
    }

    /// A request was settled.
    pub(super) fn settled(&self, source: UsageSource, cancelled: bool) {
        let place = SOURCES.iter().position(|(known, _)| *known == source);
        if let Some(counter) = place.and_then(|place| self.settled.get(place)) {
            counter.increment(1);
        }
        if cancelled {
            self.cancelled.increment(1);
        }
        if self.mode == Mode::Live && NOT_BELIEVED.contains(&source) {
            let name = SOURCES.iter().find(|(known, _)| *known == source).map_or("", |(_, name)| name);
            self.tally.not_believed(name);
        }
    }

    /// An exchange with a vendor has failed. Test mode reaches none.
    pub(super) fn vendor_failed(&self, vendor: &str, reason: &str) {
        if self.mode != Mode::Live {
            return;
        }
        VENDOR_FAILURES.counter_of(&[vendor, reason]).increment(1);
        match reason {
            OWN_ACCOUNT => self.tally.refused_account(vendor),
            UNRESOLVED => self.tally.unresolved_name(vendor),
            _ => {}
        }
    }

    /// Whether requests are recorded by model and vendor: those of test mode reach no vendor.
    pub(super) fn tells_models(&self) -> bool {
        self.mode == Mode::Live
    }
}

fn place(api: Dialect) -> Option<usize> {
    APIS.iter().position(|known| *known == api)
}

/// A request, as it is measured at its end.
pub(super) struct Measured {
    pub(super) started: UnixMs,
    pub(super) ended: UnixMs,
    /// The first byte of a streamed answer.
    pub(super) first_byte: Option<UnixMs>,
    /// What was charged for.
    pub(super) usage: Usage,
    /// The type of its error; `None` for a complete answer, or where the client has left.
    pub(super) error: Option<&'static str>,
}

/// The handles of a route, for each API that has used it.
#[derive(Default)]
pub(super) struct RouteMeters([OnceLock<ModelMeters>; APIS.len()]);

impl RouteMeters {
    /// The handles for an API; `None` where clients do not speak it.
    pub(super) fn of(&self, api: Dialect, labels: impl FnOnce() -> ModelLabels) -> Option<&ModelMeters> {
        let handles = place(api).and_then(|place| self.0.get(place))?;
        Some(handles.get_or_init(|| ModelMeters::new(labels())))
    }
}

/// What the series of a model, a vendor and an API are told apart by: operation, provider, and the model as it was asked
/// for, as it is served, and by the vendor's name.
pub(super) struct ModelLabels([String; 5]);

impl ModelLabels {
    pub(super) fn new(api: Dialect, vendor: &Vendor, [asked, served, upstream]: [&str; 3]) -> Self {
        let provider = vendor.gen_ai_provider.as_deref().unwrap_or(&vendor.id);
        Self([operation(api), provider, asked, served, upstream].map(str::to_owned))
    }

    /// The labels, and one more.
    fn with<'a>(&'a self, last: &'a str) -> [&'a str; 6] {
        let [operation, provider, asked, served, upstream] = &self.0;
        [operation, provider, asked, served, upstream, last]
    }
}

/// The value of `gen_ai_operation_name`.
const fn operation(api: Dialect) -> &'static str {
    match api {
        Dialect::AnthropicMessages => "messages",
        Dialect::OpenaiResponses => "responses",
        Dialect::OpenaiEmbeddings => "embeddings",
        Dialect::GeminiGenerate => "generate_content",
        _ => "chat",
    }
}

/// The handles of a model, a vendor and an API. Each is made when it is needed first, so that nothing is told of streams
/// where there are none.
pub(super) struct ModelMeters {
    labels: ModelLabels,
    duration: Histogram,
    first_token: OnceLock<Histogram>,
    per_output_token: OnceLock<Histogram>,
    tokens: [OnceLock<Histogram>; TOKEN_TYPES.len()],
}

impl ModelMeters {
    pub(super) fn new(labels: ModelLabels) -> Self {
        let duration = REQUEST_DURATION.histogram_of(&labels.with(""));
        let (first_token, per_output_token) = (OnceLock::new(), OnceLock::new());
        Self { labels, duration, first_token, per_output_token, tokens: Default::default() }
    }

    /// Records a request at its end.
    pub(super) fn record(&self, measured: &Measured) {
        let Measured { started, ended, first_byte, usage, error } = measured;
        let duration = seconds(ended.ms_since(*started));
        match error {
            None => self.duration.record(duration),
            Some(error) => REQUEST_DURATION.histogram_of(&self.labels.with(error)).record(duration),
        }
        let counts = token_counts(usage);
        for ((handle, name), count) in self.tokens.iter().zip(TOKEN_TYPES).zip(counts) {
            if count > 0 {
                let make = || TOKEN_USAGE.histogram_of(&self.labels.with(name));
                handle.get_or_init(make).record(float(count));
            }
        }
        let Some(first_byte) = first_byte else { return };
        let make = || FIRST_TOKEN.histogram_of(&self.labels.with(""));
        self.first_token.get_or_init(make).record(seconds(first_byte.ms_since(*started)));
        let [_, output, ..] = counts;
        if error.is_none() && output > 1 {
            let make = || PER_OUTPUT_TOKEN.histogram_of(&self.labels.with(""));
            let each = seconds(ended.ms_since(*first_byte)) / float(output.saturating_sub(1));
            self.per_output_token.get_or_init(make).record(each);
        }
    }
}

/// The tokens of each type, in the order of [`TOKEN_TYPES`].
fn token_counts(usage: &Usage) -> [u64; TOKEN_TYPES.len()] {
    let total = |tokens: Option<Tokens>| tokens.map_or(0, Tokens::get);
    let sum =
        |buckets: &[Bucket]| buckets.iter().fold(0_u64, |sum, bucket| sum.saturating_add(usage.count(*bucket).get()));
    [
        total(usage.input_total()),
        total(usage.output_total()),
        sum(&[Bucket::CacheRead, Bucket::InputAudioCached]),
        sum(&[Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther]),
        sum(&[Bucket::Reasoning]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use opencredits_providers::Vendors;

    /// What a request records, a line for each series.
    fn check(measured: &Measured, expect: &[&str]) {
        let recorder = DebuggingRecorder::new();
        let vendors = Vendors::builtin().unwrap();
        let vendor = vendors.get("sandbox-chat").unwrap();
        metrics::with_local_recorder(&recorder, || {
            let labels = ModelLabels::new(Dialect::OpenaiChat, vendor, ["asked", "served", "upstream"]);
            ModelMeters::new(labels).record(measured);
        });
        let mut lines = Vec::new();
        for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
            let last = key.key().labels().find(|label| matches!(label.key(), "error_type" | "gen_ai_token_type"));
            let last = last.map_or(String::new(), |label| format!(" {}", label.value()));
            let DebugValue::Histogram(values) = value else { panic!("{key:?}") };
            lines.extend(values.iter().map(|value| format!("{}{last} {value}", key.key().name())));
        }
        lines.sort();
        assert_eq!(lines, expect);
    }

    fn usage(counts: &[(Bucket, u64)]) -> Usage {
        let mut usage = Usage::default();
        counts.iter().for_each(|(bucket, count)| usage.set(*bucket, Tokens::new(*count)));
        usage
    }

    #[test]
    fn a_request_records_its_times_and_tokens_and_parts_of_them_where_there_are_any() {
        let [started, first, ended] = [1_000, 1_250, 2_250].map(UnixMs::new);
        let plain = usage(&[(Bucket::InputUncached, 30), (Bucket::Output, 11)]);
        let whole = Measured { started, ended, first_byte: None, usage: plain, error: None };
        let common =
            ["gen_ai_client_token_usage input 30", "gen_ai_client_token_usage output 11"].map(str::to_owned).to_vec();
        let with = |more: &[&str]| [common.clone(), more.iter().map(|&line| line.to_owned()).collect()].concat();
        let expect = |measured: &Measured, more: &[&str]| {
            let lines = with(more);
            check(measured, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        };
        expect(&whole, &["gen_ai_server_request_duration_seconds 1.25"]);
        let streamed = Measured { first_byte: Some(first), ..whole };
        expect(
            &streamed,
            &[
                "gen_ai_server_request_duration_seconds 1.25",
                "gen_ai_server_time_per_output_token_seconds 0.1",
                "gen_ai_server_time_to_first_token_seconds 0.25",
            ],
        );
        let broken = Measured { error: Some("provider_unavailable"), ..streamed };
        expect(
            &broken,
            &[
                "gen_ai_server_request_duration_seconds provider_unavailable 1.25",
                "gen_ai_server_time_to_first_token_seconds 0.25",
            ],
        );
    }

    #[test]
    fn parts_of_the_input_and_of_the_output_count_in_the_whole_as_well() {
        let counts = [
            (Bucket::InputUncached, 1),
            (Bucket::CacheRead, 20),
            (Bucket::CacheWrite5m, 300),
            (Bucket::CacheWrite1h, 4_000),
            (Bucket::Output, 50_000),
            (Bucket::Reasoning, 600_000),
        ];
        assert_eq!(token_counts(&usage(&counts)), [4_321, 650_000, 20, 4_300, 600_000]);
    }
}
