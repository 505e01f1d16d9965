//! Medians and ratios of the measurements.

use super::load::Outcomes;
use super::targets::{Shape, Who};
use crate::bench::machine::median;
use crate::bench::report::Report;
use std::collections::HashMap;

/// One load on one target in one round.
pub(super) struct Measured {
    pub(super) outcomes: Outcomes,
    /// User and system time of the target's process and of its workers.
    pub(super) cpu_s: f64,
}

/// All measurements.
#[derive(Default)]
pub(super) struct Samples(HashMap<(Who, Shape), Vec<Measured>>);

impl Samples {
    pub(super) fn add(&mut self, who: Who, shape: Shape, measured: Measured) {
        self.0.entry((who, shape)).or_default().push(measured);
    }

    /// The median over the rounds; NaN without measurements.
    fn median(&self, who: Who, shape: Shape, figure: fn(&Measured) -> f64) -> f64 {
        let rounds = self.0.get(&(who, shape)).map(Vec::as_slice);
        let mut values: Vec<f64> = rounds.unwrap_or_default().iter().map(figure).collect();
        median(&mut values)
    }

    fn cpu_us(&self, who: Who, shape: Shape) -> f64 {
        self.median(who, shape, |one| one.cpu_s * 1e6 / count(one.outcomes.requests_all))
    }

    fn requests_a_second(&self, who: Who) -> f64 {
        self.requests_in(who, Shape::Wide)
    }

    fn requests_in(&self, who: Who, shape: Shape) -> f64 {
        self.median(who, shape, |one| count(one.outcomes.requests) / one.outcomes.seconds)
    }

    fn events_a_second(&self, who: Who) -> f64 {
        self.median(who, Shape::Streams, |one| count(one.outcomes.events) / one.outcomes.seconds)
    }

    fn p50_us(&self, who: Who, shape: Shape) -> f64 {
        self.median(who, shape, |one| one.outcomes.p50_us)
    }

    fn p99_us(&self, who: Who, shape: Shape) -> f64 {
        self.median(who, shape, |one| one.outcomes.p99_us)
    }

    /// The latency that the proxy adds to the median answer at one connection.
    fn added_us(&self, who: Who) -> f64 {
        self.p50_us(who, Shape::Narrow) - self.p50_us(Who::Direct, Shape::Narrow)
    }
}

/// No run reaches counts that a float cannot represent.
fn count(number: u64) -> f64 {
    number as f64
}

/// Medians of each target, then the ratios with bounds.
pub(super) fn report(samples: &Samples, report: &mut Report) {
    for (who, name) in
        [(Who::Direct, "direct"), (Who::Nginx, "nginx"), (Who::Accepted, "gateway"), (Who::Durable, "gateway_durable")]
    {
        report.heading(format!("{name}: medians"));
        report.figure(format!("{name}_rps_c64"), samples.requests_a_second(who));
        report.figure(format!("{name}_p50_c64_us"), samples.p50_us(who, Shape::Wide));
        report.figure(format!("{name}_p99_c64_us"), samples.p99_us(who, Shape::Wide));
        report.figure(format!("{name}_p50_c1_us"), samples.p50_us(who, Shape::Narrow));
        report.figure(format!("{name}_events_c64"), samples.events_a_second(who));
        report.figure(format!("{name}_cpu_us"), samples.cpu_us(who, Shape::Wide));
        let stream_cpu = samples.cpu_us(who, Shape::Streams);
        report.figure(format!("{name}_stream_cpu_us"), stream_cpu);
    }
    for (who, suffix) in [(Who::Accepted, ""), (Who::Durable, "_durable")] {
        report.heading(match who {
            Who::Durable => "the gateway over nginx, durable acknowledgement",
            _ => "the gateway over nginx, default acknowledgement",
        });
        ratios(samples, who, suffix, report);
    }
    report.heading("a key with commission and every limit, over one without");
    let limited = |figure: &dyn Fn(Who) -> f64| figure(Who::Limited) / figure(Who::Accepted);
    report.at_least("limited_throughput_over_plain_c64", limited(&|who| samples.requests_a_second(who)), 0.95);
    report.figure("limited_cpu_over_plain", limited(&|who| samples.cpu_us(who, Shape::Wide)));
    report.heading("data in PostgreSQL, over data in files");
    let shared = |figure: &dyn Fn(Who) -> f64| figure(Who::Database) / figure(Who::Accepted);
    report.figure("database_cpu_us", samples.cpu_us(Who::Database, Shape::Wide));
    report.at_most("database_cpu_over_files", shared(&|who| samples.cpu_us(who, Shape::Wide)), 1.4);
    report.figure("database_rps_c64", samples.requests_a_second(Who::Database));
    report.figure("database_p50_c1_us", samples.p50_us(Who::Database, Shape::Narrow));
    report.figure("database_p99_c64_us", samples.p99_us(Who::Database, Shape::Wide));
    report.heading("translated from anthropic-messages to openai-chat, over nginx that passes openai-chat through");
    let translated = samples.requests_in(Who::Accepted, Shape::Translated) / samples.requests_a_second(Who::Nginx);
    report.figure("translated_cpu_us", samples.cpu_us(Who::Accepted, Shape::Translated));
    report.at_least("translated_throughput_over_nginx_c64", translated, 0.4);
}

fn ratios(samples: &Samples, who: Who, suffix: &str, report: &mut Report) {
    let of = |figure: &dyn Fn(Who) -> f64| figure(who) / figure(Who::Nginx);
    let cpu = of(&|who| samples.cpu_us(who, Shape::Wide));
    let throughput = of(&|who| samples.requests_a_second(who));
    let added = of(&|who| samples.added_us(who));
    let events = of(&|who| samples.events_a_second(who));
    let stream_cpu = of(&|who| samples.cpu_us(who, Shape::Streams));
    report.at_most(format!("cpu_over_nginx{suffix}"), cpu, 2.0);
    report.at_least(format!("throughput_over_nginx_c64{suffix}"), throughput, 0.5);
    report.at_most(format!("added_p50_over_nginx_c1{suffix}"), added, 3.0);
    report.at_least(format!("stream_events_over_nginx_c64{suffix}"), events, 0.5);
    report.figure(format!("stream_cpu_over_nginx{suffix}"), stream_cpu);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(requests: u64, cpu_s: f64, p50_us: f64) -> Measured {
        let outcomes = Outcomes {
            requests_all: requests,
            requests,
            events: requests * 10,
            seconds: 2.0,
            p50_us,
            p99_us: p50_us * 2.0,
        };
        Measured { outcomes, cpu_s }
    }

    #[test]
    fn ratios_are_those_of_the_medians() {
        let mut samples = Samples::default();
        for (who, requests, p50_us) in
            [(Who::Direct, 4_000, 50.0), (Who::Nginx, 2_000, 70.0), (Who::Accepted, 1_000, 100.0)]
        {
            for shape in crate::bench::gateway::targets::SHAPES {
                samples.add(who, shape, round(requests, 1.0, p50_us));
                samples.add(who, shape, round(requests, 1.0, p50_us));
                samples.add(who, shape, round(1, 9.0, 9_999.0));
            }
        }
        let mut report = Report::new();
        super::report(&samples, &mut report);
        let figures: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(figures["nginx_rps_c64"], 1_000.0);
        assert_eq!(figures["cpu_over_nginx"], 2.0);
        assert_eq!(figures["throughput_over_nginx_c64"], 0.5);
        assert_eq!(figures["added_p50_over_nginx_c1"], 2.5);
        assert_eq!(figures["stream_events_over_nginx_c64"], 0.5);
        assert!(figures["cpu_over_nginx_durable"].is_null());
    }
}
