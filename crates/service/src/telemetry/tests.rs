//! The families, their page, the alarms, the dashboard and the runbooks say the same.

use super::families::ALL;
use super::{Family, Kind, Samples, families};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use opencredits_units::NanoUsd;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../../docs/metrics.md");
const RULES: &str = include_str!("../../../../ops/prometheus/rules.yml");
const RULE_TESTS: &str = include_str!("../../../../ops/prometheus/tests.yml");
const DASHBOARD: &str = include_str!("../../../../ops/grafana/opencredits.json");
/// The labels that the four families of generative AI share, as the page abbreviates them.
const FIVE: &str = "the five below";

fn runbooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks")
}

/// A row of the page's table: name, type, labels, help.
fn row(family: &Family) -> [String; 4] {
    let (labels, five): (Vec<&str>, bool) = match family.labels {
        ["gen_ai_operation_name", _, _, _, _, rest @ ..] => (rest.to_vec(), true),
        labels => (labels.to_vec(), false),
    };
    let labels = labels.iter().map(|label| format!("`{label}`"));
    let labels: Vec<String> = five.then(|| FIVE.to_owned()).into_iter().chain(labels).collect();
    let labels = if labels.is_empty() { "-".to_owned() } else { labels.join(", ") };
    [format!("`{}`", family.name), family.kind.name().to_owned(), labels, family.help.to_owned()]
}

#[test]
fn the_page_has_every_family_with_its_type_its_labels_and_its_help() {
    let (_, rows) = PAGE.split_once("| family | type |").unwrap();
    let rows = rows.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let shown: Vec<[String; 4]> = rows
        .map(|line| {
            let [name, kind, labels, _when, help] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
            [name, kind, labels, help].map(str::to_owned)
        })
        .collect();
    let expect: Vec<[String; 4]> = ALL.iter().map(|family| row(family)).collect();
    assert_eq!(shown, expect);
}

#[test]
fn names_are_unique_and_end_as_their_type_asks() {
    let names: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
    assert_eq!(names.len(), ALL.len());
    for family in ALL {
        assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
        let is_ours = family.name.starts_with("opencredits_") || family.name.starts_with("gen_ai_");
        assert!(is_ours && !family.help.is_empty(), "{}", family.name);
    }
}

/// The names of ours in an expression: families without the endings of their series, and labels.
fn names_in(text: &str) -> BTreeSet<&str> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    let words = text.split(|letter| !is_name(letter));
    let ours = words.filter(|word| word.starts_with("opencredits_") || word.starts_with("gen_ai_"));
    let ending = |word| ["_bucket", "_sum", "_count"].iter().find_map(|ending| str::strip_suffix(word, ending));
    ours.map(|word| ending(word).unwrap_or(word)).collect()
}

/// Checks that an expression names families and labels that exist, and at least one of the families or a recorded series.
fn check_expression(expression: &str) {
    let is_family = |name: &&str| ALL.iter().any(|family| family.name == *name);
    let is_label = |name: &&str| ALL.iter().any(|family| family.labels.contains(name));
    let names = names_in(expression);
    let unknown: Vec<_> = names.iter().filter(|name| !is_family(name) && !is_label(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {expression}");
    let is_other = expression.contains("opencredits:") || expression.starts_with("up{");
    assert!(is_other || names.iter().any(is_family), "{expression}");
}

/// The expressions of the rules, each on one line.
fn expressions() -> Vec<String> {
    let parts = RULES.split("expr: |\n").skip(1);
    let lines = |part: &str| {
        let lines = part.lines().take_while(|line| line.starts_with("          "));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    parts.map(lines).collect()
}

#[test]
fn rules_ask_for_families_that_exist_and_for_series_that_are_recorded() {
    let found = expressions();
    assert!(found.len() > 20, "{found:?}");
    found.iter().for_each(|expression| check_expression(expression));
    let recorded: BTreeSet<&str> = RULES.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let used = found.iter().flat_map(|expression| expression.split_whitespace());
    let used: BTreeSet<&str> = used.filter(|word| word.starts_with("opencredits:")).collect();
    assert_eq!(used, recorded);
}

#[test]
fn the_dashboard_asks_for_families_that_exist() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let found: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(found.len() > 30, "{found:?}");
    found.into_iter().for_each(check_expression);
}

#[test]
fn each_alarm_has_a_test_and_a_page_and_each_page_an_alarm() {
    let alarms: Vec<&str> = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let urls: Vec<&str> = RULES.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert_eq!(alarms.len(), urls.len());
    let mut linked = BTreeSet::new();
    for (alarm, url) in alarms.iter().zip(urls) {
        let (_, name) = url.rsplit_once("/docs/runbooks/").unwrap();
        let page = std::fs::read_to_string(runbooks().join(name)).unwrap_or_else(|_| panic!("{alarm} has no page"));
        assert!(page.contains(&format!("`{alarm}`")), "{name} does not name {alarm}");
        assert!(PAGE.contains(&format!("[`{alarm}`](runbooks/{name})")), "the page of metrics lacks {alarm}");
        assert!(RULE_TESTS.contains(&format!("alertname: {alarm}\n")), "{alarm} has no test in which it fires");
        linked.insert(name.to_owned());
    }
    let pages = std::fs::read_dir(runbooks()).unwrap();
    let pages: BTreeSet<String> = pages.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(pages, linked);
}

#[test]
fn samples_are_recorded_in_the_units_of_their_families() {
    let recorder = DebuggingRecorder::new();
    let mut samples = Samples::default();
    samples.amount(&families::HELD, &["live"], NanoUsd::new(-1_250_000_000));
    samples.ms(&families::OUTBOX_OLDEST, &[], 1_500);
    samples.count(&families::LEDGER_COMMITS, &["live"], 7_u64);
    metrics::with_local_recorder(&recorder, || samples.record());
    let mut found: Vec<String> = Vec::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(_) => "a histogram".to_owned(),
        };
        found.push(format!("{} {value}", key.key().name()));
    }
    found.sort();
    let expect =
        ["opencredits_held_usd -1.25", "opencredits_ledger_commits_total 7", "opencredits_outbox_oldest_seconds 1.5"];
    assert_eq!(found, expect);
}
