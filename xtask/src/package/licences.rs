//! The licences of everything that is compiled into the programs.

use crate::outcome::Outcome;
use crate::workspace;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Names of files with licences begin so.
const NAMES: [&str; 5] = ["license", "licence", "copying", "notice", "copyright"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: std::path::PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for what is compiled in.
    kind: Option<String>,
}

/// A text with the name, the version and the licence of each dependency of the programs, then the texts of the licences, each once.
pub(super) fn of_dependencies(programs: &[&str]) -> Outcome<String> {
    let mut command = workspace::cargo();
    command.args(["metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]);
    let told = command.output()?;
    if !told.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&told.stderr)).into());
    }
    text(&serde_json::from_slice(&told.stdout)?, programs)
}

fn text(metadata: &Metadata, programs: &[&str]) -> Outcome<String> {
    let compiled = compiled_in(metadata, programs);
    let mut list = String::from("What is compiled into the programs, and its licences.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let others = metadata.packages.iter().filter(|package| package.source.is_some() && compiled.contains(&*package.id));
    for package in others {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see its text");
        writeln!(list, "{name}: {licence}")?;
        for text in texts_in(package.manifest_path.parent().unwrap_or(Path::new(".")))? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, of) in texts {
        write!(list, "\n\n==== {}\n\n{}\n", of.join(", "), text.trim())?;
    }
    Ok(list)
}

/// The ids of all packages that a program is made of.
fn compiled_in<'a>(metadata: &'a Metadata, programs: &[&str]) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (&*node.id, node)).collect();
    let is_program = |package: &&Package| package.source.is_none() && programs.contains(&&*package.name);
    let mut open: Vec<&str> = metadata.packages.iter().filter(is_program).map(|package| &*package.id).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let used = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        open.extend(used.filter(|used| used.dep_kinds.iter().any(|kind| kind.kind.is_none())).map(|used| &*used.pkg));
    }
    found
}

fn texts_in(folder: &Path) -> Outcome<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            texts.push(fs::read_to_string(&path)?);
        }
    }
    texts.sort();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_compiled_in_is_named() {
        let package = |name: &str, source: Option<&str>| {
            serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source,
                "manifest_path": concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")})
        };
        let needs = |name: &str, kind: Option<&str>| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [package("program", None), package("used", Some("registry")), package("deep", Some("registry")),
                package("for-tests", Some("registry")), package("for-builds", Some("registry"))],
            "resolve": {"nodes": [
                {"id": "program", "deps": [needs("used", None), needs("for-tests", Some("dev")), needs("for-builds", Some("build"))]},
                {"id": "used", "deps": [needs("deep", None)]},
                {"id": "deep", "deps": []}, {"id": "for-tests", "deps": []}, {"id": "for-builds", "deps": []},
            ]},
        });
        let metadata: Metadata = serde_json::from_value(metadata).expect("the form of cargo metadata");
        let text = text(&metadata, &["program"]).expect("a list");
        let named: Vec<&str> = text.lines().filter_map(|line| line.strip_suffix(" 1.0.0: MIT")).collect();
        assert_eq!(named, ["used", "deep"]);
    }
}
