//! The rules here, those for Prometheus, the page and the runbooks say the same.

use crate::alarms::RULES;
use std::collections::BTreeMap;

const PROMETHEUS: &str = include_str!("../../../../../ops/prometheus/rules.yml");
const PAGE: &str = include_str!("../../../../../docs/alarms.md");
/// A process that does not answer cannot say so.
const OF_PROMETHEUS_ALONE: &str = "OpenCreditsDown";

/// An alarm as both sides have it: severity, how long its condition holds, page.
type Terms = (String, u64, String);

/// A time of Prometheus, such as `10m`, in ms.
fn ms(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => panic!("an unknown unit {other}"),
    };
    number.parse::<u64>().unwrap() * unit_ms
}

fn of_prometheus() -> BTreeMap<&'static str, Terms> {
    let blocks = PROMETHEUS.split("- alert: ").skip(1);
    let terms = |block: &'static str| {
        let name = block.lines().next().unwrap().trim();
        let field = |field: &str| block.lines().find_map(|line| line.trim().strip_prefix(field)).map(str::trim);
        let runbook = field("runbook_url:").unwrap().rsplit('/').next().unwrap();
        (name, (field("severity:").unwrap().to_owned(), field("for:").map_or(0, ms), runbook.to_owned()))
    };
    blocks.map(terms).collect()
}

#[test]
fn a_process_has_the_alarms_of_prometheus_but_the_one_that_it_cannot_raise() {
    let mut expect = of_prometheus();
    assert!(expect.remove(OF_PROMETHEUS_ALONE).is_some());
    let terms =
        RULES.iter().map(|rule| (rule.name, (rule.severity.name().to_owned(), rule.held_ms, rule.runbook.to_owned())));
    let found: BTreeMap<&str, Terms> = terms.collect();
    assert_eq!(found.len(), RULES.len(), "an alarm stands twice");
    assert_eq!(found, expect);
}

#[test]
fn the_page_lists_each_alarm_with_its_severity_its_wait_and_its_runbook() {
    let wait = |held_ms: u64| match held_ms {
        0 => "at once".to_owned(),
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms => format!("{} s", ms / 1_000),
    };
    let row = |rule: &crate::alarms::Rule| {
        let (name, runbook) = (rule.name, rule.runbook);
        format!("| [`{name}`](runbooks/{runbook}) | {} | {} | ", rule.severity.name(), wait(rule.held_ms))
    };
    let (_, rows) = PAGE.split_once("| alarm | severity | after |").unwrap();
    let shown: Vec<&str> = rows.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(shown.len(), RULES.len());
    for (rule, line) in RULES.iter().zip(shown) {
        assert!(line.starts_with(&row(rule)), "{line} is not {}", row(rule));
    }
}
