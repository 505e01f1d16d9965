//! `tail`: shows finished requests as they end.

use crate::client::Place;
use crate::error::AdminError;
use crate::follow::Lines;
use crate::output::{Reading, print_line, report_note};
use clap::{Args, ValueEnum};
use opencredits_api::admin::{FollowLine, FollowRequest};
use opencredits_service::access::{AccessOutcome, AccessRecord};
use opencredits_units::UnixMs;
use std::fmt::Write;

/// Which requests to show. Each that is given must hold.
#[derive(Args, Clone, Default)]
pub(crate) struct TailArguments {
    /// Requests that asked for this model or were served by it, by the id that the catalogue gives it.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Requests that went to this vendor.
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<String>,
    /// Requests with keys that this partner issued, by id or by name.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// Requests that ended so.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<OutcomeArgument>,
    /// Requests that took at least so many ms.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    min_ms: u64,
    /// What was refused or failed.
    #[arg(long)]
    errors: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum OutcomeArgument {
    Served,
    Refused,
    Failed,
    Abandoned,
}

impl From<OutcomeArgument> for AccessOutcome {
    fn from(outcome: OutcomeArgument) -> Self {
        match outcome {
            OutcomeArgument::Served => Self::Served,
            OutcomeArgument::Refused => Self::Refused,
            OutcomeArgument::Failed => Self::Failed,
            OutcomeArgument::Abandoned => Self::Abandoned,
        }
    }
}

impl TailArguments {
    /// What the gateway is asked for.
    pub(crate) fn order(&self) -> FollowRequest {
        FollowRequest {
            model: self.model.clone(),
            vendor: self.vendor.clone(),
            partner: self.partner.clone(),
            outcome: self.outcome.map(Into::into),
            min_ms: self.min_ms,
            errors: self.errors,
            open: false,
        }
    }
}

/// Shows requests until the gateway ends, ctrl-C is pressed or nobody reads any more.
pub(crate) async fn tail(place: &Place, arguments: &TailArguments, is_json: bool) -> Result<(), AdminError> {
    let mut lines = Lines::open(place, &arguments.order()).await?;
    loop {
        let line = tokio::select! {
            biased;
            _pressed = tokio::signal::ctrl_c() => return Ok(()),
            line = lines.next() => line,
        };
        let text = match line.transpose()? {
            None => {
                report_note("the gateway has ended");
                return Ok(());
            }
            Some(FollowLine::Request(record)) if is_json => serde_json::to_string(&record)?,
            Some(FollowLine::Request(record)) => shown(&record),
            Some(FollowLine::Missed(lines)) if is_json => serde_json::json!({ "missed": lines }).to_string(),
            Some(FollowLine::Missed(lines)) => format!("… {lines} lines came faster than they were read, and are lost"),
            Some(FollowLine::Open(_)) => continue,
        };
        if print_line(&text)? == Reading::Ended {
            return Ok(());
        }
    }
}

/// A record as a line for people.
fn shown(record: &AccessRecord) -> String {
    let ended = UnixMs::new(record.began_ms.get().saturating_add(record.duration_ms));
    let status = record.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let (outcome, ms) = (record.outcome.name(), record.duration_ms);
    let mut line = format!("{} {status:>3} {outcome:<9} {ms:>7} ms  ", time_of_day(ended));
    let call = &record.call;
    let mut add = |part: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _ok = line.write_fmt(part);
    };
    match &call.api {
        None => add(format_args!("{} {}", record.method, record.path.as_deref().unwrap_or("(no such route)"))),
        Some(api) => {
            add(format_args!("{}", call.model.as_ref().or(call.asked.as_ref()).map_or(&**api, |model| model.as_str())))
        }
    }
    if let Some(vendor) = &call.vendor {
        add(format_args!(" by {vendor}"));
    }
    if let Some(attempts @ 2..) = call.attempts {
        add(format_args!(", {attempts} attempts"));
    }
    let sum = |parts: &[Option<u64>]| parts.iter().flatten().fold(0_u64, |sum, part| sum.saturating_add(*part));
    if let Some(charge) = call.charge_usd {
        let input = sum(&[call.input_tokens, call.cache_read_tokens, call.cache_write_tokens]);
        let output = sum(&[call.output_tokens, call.reasoning_tokens]);
        let about = if call.estimated == Some(true) { "~" } else { "" };
        add(format_args!("  {input}→{output} tokens  ${about}{charge}"));
    }
    if let Some(error) = &record.error {
        add(format_args!("  {error}"));
    }
    add(format_args!("  {}", record.request_id));
    line
}

/// The time of a day, UTC.
fn time_of_day(at: UnixMs) -> String {
    let ms = at.get().rem_euclid(86_400_000);
    let part = |unit: u64, of: u64| ms.div_euclid(unit).rem_euclid(of);
    format!("{:02}:{:02}:{:02}.{:03}", part(3_600_000, 24), part(60_000, 60), part(1_000, 60), part(1, 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(record: serde_json::Value, expect: &str) {
        let mut whole = json!({"request_id": "req_00000000000000000000000001", "began_ms": 1_790_000_000_000_u64,
            "method": "POST", "outcome": "served", "duration_ms": 1_234, "status": 200});
        whole.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        let line = shown(&serde_json::from_value(whole).unwrap());
        assert_eq!(line, format!("{expect}  req_00000000000000000000000001"));
    }

    #[test]
    fn a_line_tells_the_outcome_the_model_the_tokens_and_the_charge() {
        check(
            json!({"api": "openai-chat", "model": "a/m", "vendor": "v", "attempts": 2, "input_tokens": 15,
                "cache_read_tokens": 5, "output_tokens": 7, "charge_usd": "0.000106875", "estimated": true}),
            "14:13:21.234 200 served       1234 ms  a/m by v, 2 attempts  20→7 tokens  $~0.000106875",
        );
        check(
            json!({"api": "openai-chat", "asked": "a/m", "status": 402, "outcome": "refused", "error": "payment_required"}),
            "14:13:21.234 402 refused      1234 ms  a/m  payment_required",
        );
        check(json!({"path": "/v1/key"}), "14:13:21.234 200 served       1234 ms  POST /v1/key");
        check(
            json!({"api": "openai-chat", "status": null, "outcome": "abandoned"}),
            "14:13:21.234   - abandoned    1234 ms  openai-chat",
        );
    }
}
