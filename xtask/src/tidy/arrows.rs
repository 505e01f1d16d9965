//! Which crate may use which: arrows point down, and none run sideways.

use super::source::{Finding, Source};
use toml::{Table, Value};

/// The floors, lowest first. A crate may use those of the floors below its own, and none of its own.
///
/// The first two are floor 0 of the architecture: its crates use `units` and nothing else, but for the [`CHAIN`].
const FLOORS: [&[&str]; 6] = [
    &["estimate", "postgres", "sqlite", "units"],
    &["billing", "catalog", "dialects", "email", "keys", "ledger", "providers", "sanitizer", "translation", "wire"],
    &["identity", "pages", "store"],
    &["backup", "service"],
    &["api"],
    &["admin", "gateway", "worker", "xtask"],
];
/// The one chain within a floor: each may use those before it.
const CHAIN: [&str; 4] = ["wire", "dialects", "translation", "providers"];
/// The worker is the gateway without what takes requests, so it is made of it.
const WORKER: (&str, &str) = ("worker", "gateway");
/// Helps the tests of all floors, and so stands on none.
const TESTKIT: &str = "testkit";
/// Uses the testkit for what it runs, and ships to nobody.
const TASKS: &str = "xtask";
const PREFIX: &str = "opencredits-";

const REMEDY_FLOOR: &str = "let arrows point down: move what is needed to a lower floor, or put a trait between";
const REMEDY_TESTKIT: &str = "make it a dev-dependency; the testkit is no part of what ships";
const REMEDY_TABLE: &str = "give it a floor in xtask/src/tidy/arrows.rs";
const REMEDY_NAME: &str = "name the package after its folder";
const REMEDY_LINTS: &str = "add [lints] with workspace = true";
const REMEDY_TOML: &str = "make it valid TOML";

const FUZZ: &str = "fuzz/Cargo.toml";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    // The fuzz targets are a workspace of their own.
    let manifests = sources.iter().filter(|source| source.path.ends_with("/Cargo.toml") && source.path != FUZZ);
    manifests.flat_map(check_manifest).collect()
}

fn check_manifest(source: &Source) -> Vec<Finding> {
    let Ok(manifest) = source.text.parse::<Table>() else {
        return vec![source.finding(1, "no TOML", REMEDY_TOML)];
    };
    let mut findings = Vec::new();
    let package = manifest.get("package").and_then(|table| table.get("name"));
    let package = package.and_then(Value::as_str).unwrap_or_default();
    let name = short(package);
    let folder = source.path.rsplit('/').nth(1).unwrap_or_default();
    if name != folder {
        findings.push(source.finding(
            line_of(source, package),
            format!("{package} lies in the folder {folder}"),
            REMEDY_NAME,
        ));
    }
    let linted = manifest.get("lints").and_then(|table| table.get("workspace"));
    if linted.and_then(Value::as_bool) != Some(true) {
        findings.push(source.finding(1, "the workspace's lints do not hold here", REMEDY_LINTS));
    }
    if name != TESTKIT && floor(name).is_none() {
        findings.push(source.finding(1, format!("{name} stands on no floor"), REMEDY_TABLE));
        return findings;
    }
    for (kind, used) in uses(&manifest) {
        let line = line_of(source, &format!("{PREFIX}{used}"));
        findings.extend(check_arrow(name, kind, &used).map(|(what, remedy)| source.finding(line, what, remedy)));
    }
    findings
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shipped,
    Dev,
}

fn check_arrow(name: &str, kind: Kind, used: &str) -> Option<(String, &'static str)> {
    if used == TESTKIT {
        let fine = kind == Kind::Dev || name == TASKS;
        return (!fine).then(|| (format!("{name} ships the testkit"), REMEDY_TESTKIT));
    }
    let Some(below) = floor(used) else {
        return Some((format!("{used} stands on no floor"), REMEDY_TABLE));
    };
    if kind == Kind::Dev && used == name {
        return None;
    }
    if (name, used) == WORKER {
        return None;
    }
    let link = |name: &str| CHAIN.iter().position(|link| *link == name);
    if link(used).zip(link(name)).is_some_and(|(used, name)| used < name) {
        return None;
    }
    // The testkit may stand in for a whole app, but not for a program.
    let above = floor(name).unwrap_or(FLOORS.len() - 1);
    (below >= above).then(|| (format!("{name} uses {used}, which is not below it"), REMEDY_FLOOR))
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// Our own crates among the dependencies, those of one target or another included.
fn uses(manifest: &Table) -> Vec<(Kind, String)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for (section, kind) in
            [("dependencies", Kind::Shipped), ("build-dependencies", Kind::Shipped), ("dev-dependencies", Kind::Dev)]
        {
            let Some(section) = table.get(section).and_then(Value::as_table) else {
                continue;
            };
            for (key, value) in section {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                if package.starts_with(PREFIX) {
                    found.push((kind, short(package).to_owned()));
                }
            }
        }
    }
    found
}

fn short(package: &str) -> &str {
    package.strip_prefix(PREFIX).unwrap_or(package)
}

/// The last line that begins with the dependency's name, else the first that mentions it.
fn line_of(source: &Source, name: &str) -> usize {
    let begins = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let lines: Vec<&str> = source.text.lines().collect();
    let found = lines.iter().rposition(|line| begins(line));
    let found = found.or_else(|| lines.iter().position(|line| line.contains(name)));
    found.unwrap_or(0) + 1
}
