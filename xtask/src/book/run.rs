//! The snippets that no other test runs: each is given to what reads it in earnest.

use super::snippets::row_of;
use crate::process::is_on_path;
use crate::workspace;
use clap::Parser as _;
use clap::error::ErrorKind;
use opencredits_service::config::Config;
use opencredits_testkit::book::{Snippet, pages, snippets};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The snippets whose row names this test.
fn those_of(test: &str) -> Vec<Snippet> {
    let is_of = |snippet: &Snippet| row_of(snippet).is_some_and(|row| row.test.ends_with(test));
    let found: Vec<Snippet> = snippets().into_iter().filter(is_of).collect();
    assert!(!found.is_empty(), "{test}");
    found
}

/// What a program prints, where it says that what it was given is right.
fn accepted(snippet: &Snippet, output: &Output) {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{error}", snippet.place());
}

/// Says that a program is missing; the test then returns.
fn is_missing(program: &str) -> bool {
    let is_missing = !is_on_path(program);
    if is_missing {
        println!("skipped: there is no {program}");
    }
    is_missing
}

#[test]
fn every_config_is_one_that_the_gateway_reads() {
    for snippet in those_of("every_config_is_one_that_the_gateway_reads") {
        if let Err(error) = Config::read(&snippet.text, []) {
            panic!("{}: {error}", snippet.place());
        }
    }
}

#[test]
fn every_snippet_of_a_shell_has_its_syntax() {
    let scripts: Vec<Snippet> = snippets().into_iter().filter(|snippet| snippet.language() == "sh").collect();
    assert!(scripts.len() > 40, "{}", scripts.len());
    for snippet in scripts {
        accepted(&snippet, &Command::new("bash").args(["-n", "-c", &snippet.text]).output().unwrap());
    }
}

#[test]
fn every_snippet_of_json_is_json() {
    for snippet in snippets().iter().filter(|snippet| snippet.language() == "json") {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&snippet.text) {
            panic!("{}: {error}", snippet.place());
        }
    }
}

#[test]
fn every_task_in_the_book_is_one_that_there_is() {
    let mut calls = 0;
    for page in pages() {
        // Tasks are named in the text more often than in snippets.
        let quoted = page.text.split('`').filter_map(|part| part.strip_prefix("cargo xtask "));
        let of_snippets = page.snippets().into_iter().flat_map(|snippet| snippet.calls("xtask"));
        let quoted = quoted.map(|words| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        for words in quoted.chain(of_snippets) {
            let words = words.iter().map(String::as_str).filter(|word| *word != "…");
            let read = crate::Args::try_parse_from(std::iter::once("xtask").chain(words));
            // The text may name a task without what it needs.
            let is_refusal = |kind| !matches!(kind, ErrorKind::DisplayHelp | ErrorKind::MissingRequiredArgument);
            let refusal = read.err().filter(|error| is_refusal(error.kind()));
            assert!(
                refusal.is_none(),
                "{}: {}",
                page.path,
                refusal.map_or_else(String::new, |error| error.to_string())
            );
            calls += 1;
        }
    }
    assert!(calls > 15, "{calls}");
}

/// A key and a certificate in place of those that a page names.
fn certificate(folder: &Path) -> bool {
    if is_missing("openssl") {
        return false;
    }
    let mut make = Command::new("openssl");
    make.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=a",
    ]);
    make.arg("-keyout").arg(folder.join("privkey.pem")).arg("-out").arg(folder.join("fullchain.pem"));
    make.output().unwrap().status.success()
}

#[test]
fn every_server_is_one_that_nginx_takes() {
    if is_missing("nginx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    if !certificate(folder.path()) {
        return;
    }
    let own = folder.path().display();
    for snippet in those_of("every_server_is_one_that_nginx_takes") {
        let servers = snippet.text.replace("/etc/letsencrypt/live/credits.example", &own.to_string());
        assert!(!servers.contains("/etc/"), "{}", snippet.place());
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places: String = places.iter().map(|name| format!("{name}_temp_path {own}/{name};\n")).collect();
        let config = format!("pid {own}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{servers}}}\n");
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let program = if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" };
        let mut test = Command::new(program);
        test.args(["-t", "-q", "-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&file);
        accepted(&snippet, &test.output().unwrap());
    }
}

#[test]
fn what_nginx_is_told_follows_the_settings_of_the_gateway() {
    let config = Config::default();
    let [snippet] = &those_of("every_server_is_one_that_nginx_takes")[..] else {
        panic!("one server is compared with the settings");
    };
    let body = format!("client_max_body_size {}m;", config.server.body_bytes_max >> 20);
    let time = format!("proxy_read_timeout {}s;", config.upstream.total_ms / 1_000);
    let listen = format!("server {};", config.server.listen);
    for line in [body.as_str(), &time, &listen, "proxy_buffering off;"] {
        assert!(snippet.text.contains(line), "{} lacks {line}", snippet.place());
    }
}

#[test]
fn every_scrape_config_is_one_that_prometheus_takes() {
    if is_missing("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for snippet in those_of("every_scrape_config_is_one_that_prometheus_takes") {
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, &snippet.text).unwrap();
        let mut check = Command::new("promtool");
        accepted(&snippet, &check.args(["check", "config", "--syntax-only"]).arg(&file).output().unwrap());
    }
}

/// The first example at the head of a crate, as a reader of its documentation sees it.
fn example_of(name: &str) -> String {
    let head = fs::read_to_string(workspace::root().join("crates").join(name).join("src/lib.rs")).unwrap();
    let lines =
        head.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let lines = lines.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    lines.filter(|line| !line.starts_with("# ") && *line != "#").flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn every_program_on_the_page_of_embedding_is_the_example_of_its_crate() {
    let (mut programs, mut needed) = (0, Vec::new());
    for snippet in those_of("every_program_on_the_page_of_embedding_is_the_example_of_its_crate") {
        if snippet.language() == "toml" {
            let manifest: toml::Table = snippet.text.parse().unwrap();
            needed.extend(manifest["dependencies"].as_table().unwrap().keys().cloned());
            continue;
        }
        let (_, rest) = snippet.text.split_once("use opencredits_").unwrap();
        let name = rest.split(':').next().unwrap();
        assert_eq!(snippet.text.trim(), example_of(name).trim(), "{}", snippet.place());
        programs += 1;
    }
    assert_eq!(programs, 7, "each crate that is useful alone has its program");
    for name in needed {
        let manifest =
            workspace::root().join("crates").join(name.trim_start_matches("opencredits-")).join("Cargo.toml");
        assert!(manifest.is_file(), "there is no crate {name}");
    }
}
