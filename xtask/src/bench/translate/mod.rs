//! Requests and streams passed through and translated, next to serde_json reading a value and writing it back.

mod samples;
mod scaling;
mod way;

use super::effort::Effort;
use super::machine::median;
use super::report::Report;
use crate::outcome::Outcome;
use samples::{DIALECTS, SIZES};
use serde_json::Value;
use std::hint::black_box;
use std::time::{Duration, Instant};
use way::{Way, relayed, short, tapped};

/// Translating a request costs at most so many times the yardstick.
const TRANSLATE_MAX: f64 = 2.5;
/// Passing it through, so many times.
const PASS_MAX: f64 = 0.5;
/// A decoder's tap, in ns for each event.
const TAP_NS_MAX: f64 = 150.0;

struct Timing {
    rounds: usize,
    length: Duration,
}

impl From<Effort> for Timing {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { rounds: 5, length: Duration::from_millis(150) },
            Effort::Smoke => Self { rounds: 1, length: Duration::from_millis(5) },
        }
    }
}

/// Measures everything and reports it.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let timing = Timing::from(effort);
    requests(&timing, report)?;
    streams(&timing, report)?;
    scaling::run(effort, report)
}

/// Seconds that one call takes: the best of the rounds' means, in the median of the rounds.
fn seconds(timing: &Timing, mut call: impl FnMut() -> Outcome) -> Outcome<f64> {
    let mut means = Vec::with_capacity(timing.rounds);
    for _ in 0..timing.rounds {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while calls < 3 || start.elapsed() < timing.length {
            call()?;
            calls += 1;
        }
        means.push(start.elapsed().as_secs_f64() / f64::from(calls));
    }
    Ok(median(&mut means))
}

fn requests(timing: &Timing, report: &mut Report) -> Outcome {
    let (mut worst_pass, mut worst_translate) = (0.0_f64, 0.0_f64);
    for (name, bytes) in SIZES {
        report.heading(format!("a request of {name}: MB/s, and the time over that of reading a value and writing it"));
        for from in DIALECTS {
            let body = samples::request(from, bytes)?;
            let megabytes = body.len() as f64 / 1e6;
            let value = seconds(timing, || {
                let value: Value = serde_json::from_slice(black_box(&body))?;
                black_box(serde_json::to_vec(&value)?);
                Ok(())
            })?;
            report.figure(format!("value_mb_per_s_{}_{name}", short(from)), megabytes / value);
            for to in DIALECTS {
                let way = Way::new(from, to)?;
                let taken = seconds(timing, || way.goes(&body))?;
                let kind = if from == to { "pass".to_owned() } else { format!("to_{}", short(to)) };
                let worst = if from == to { &mut worst_pass } else { &mut worst_translate };
                *worst = worst.max(taken / value);
                report.figure(format!("{}_{kind}_mb_per_s_{name}", short(from)), megabytes / taken);
                report.figure(format!("{}_{kind}_over_value_{name}", short(from)), taken / value);
            }
        }
    }
    report.heading("requests: the worst of all");
    report.at_most("pass_over_value_worst", worst_pass, PASS_MAX);
    report.at_most("translate_over_value_worst", worst_translate, TRANSLATE_MAX);
    Ok(())
}

fn streams(timing: &Timing, report: &mut Report) -> Outcome {
    report.heading("a stream of 200 chunks, each an event: events/s, and ns for each event");
    let mut worst_tap = 0.0_f64;
    for from in DIALECTS {
        let chunks = samples::stream(from)?;
        let events = chunks.len() as f64;
        for to in DIALECTS {
            let taken = seconds(timing, || {
                black_box(if from == to { tapped(from, &chunks)? } else { relayed(from, to, &chunks)? });
                Ok(())
            })?;
            let kind = if from == to { "tap".to_owned() } else { format!("stream_to_{}", short(to)) };
            report.figure(format!("{}_{kind}_events_per_s", short(from)), events / taken);
            if from == to {
                worst_tap = worst_tap.max(taken / events * 1e9);
            }
            report.figure(format!("{}_{kind}_ns_per_event", short(from)), taken / events * 1e9);
        }
    }
    report.at_most("tap_ns_per_event_worst", worst_tap, TAP_NS_MAX);
    Ok(())
}
