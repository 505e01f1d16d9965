//! The files of `ops` that start a cluster are ones that their programs take.

use super::nginx::{self, Spread};
use super::stage;
use crate::process::is_on_path;
use crate::workspace;
use opencredits_service::config::{Ack, Config};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn ops(path: &str) -> PathBuf {
    workspace::root().join("ops").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(ops(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn both_configs_of_a_cluster_are_ones_that_the_gateway_reads() {
    let tried = stage::config(&workspace::target_dir(), "http://127.0.0.1:1", 2);
    for text in [read("compose/gateway.toml"), tried] {
        let config = Config::read(&text, []).unwrap();
        assert!(config.database.is_on() && config.database.has_test_mode(), "{text}");
        assert_eq!(config.ledger.ack, Ack::Durable, "no failover loses what was acknowledged");
    }
}

#[test]
fn the_servers_of_compose_are_ones_that_nginx_takes_and_follow_the_settings_of_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let text = nginx::config(folder.path(), (&[1, 2], Spread::ByKey), 3);
    assert!(!text.contains("10.87.0") && text.contains("listen 127.0.0.1:3;"), "{text}");
    let config = Config::default();
    let body = format!("client_max_body_size {}m;", config.server.body_bytes_max >> 20);
    let time = format!("proxy_read_timeout {}s;", config.upstream.total_ms / 1_000);
    for line in [&*body, &*time, "proxy_buffering off;", "proxy_next_upstream error timeout;"] {
        assert!(text.contains(line), "{line}");
    }
    is_taken(folder.path(), &text);
}

/// That nginx takes a config, where it is installed.
fn is_taken(folder: &Path, text: &str) {
    if !is_on_path("nginx") {
        println!("skipped: there is no nginx");
        return;
    }
    let file = folder.join("nginx.conf");
    fs::write(&file, text).unwrap();
    let mut test = Command::new(nginx::program());
    let output = test.args(["-t", "-q", "-e", "stderr", "-p"]).arg(folder).arg("-c").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nginx_has_each_gateway_once_and_keeps_a_key_at_one_of_them_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let check = |gateways: &[u16], spread: Spread, is_by_key: bool| {
        let text = nginx::config(folder.path(), (gateways, spread), 18_787);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let servers: Vec<String> =
            gateways.iter().map(|port| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;")).collect();
        let found: Vec<&str> = lines.iter().copied().filter(|line| line.starts_with("server 127.")).collect();
        assert_eq!(found, servers);
        assert_eq!(lines.contains(&"hash $sender consistent;"), is_by_key, "{text}");
        is_taken(folder.path(), &text);
    };
    check(&[1, 2], Spread::ByKey, true);
    check(&[1, 2, 3, 4], Spread::ByKey, true);
    check(&[1, 2, 3, 4], Spread::InTurn, false);
}

#[test]
fn every_file_that_compose_names_is_there_and_every_script_has_its_syntax() {
    let compose = read("compose/compose.yaml");
    let named: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("file: ./")).collect();
    assert!(named.len() > 8, "{named:?}");
    let secrets = read("compose/secrets.sh");
    for file in named {
        match file.strip_prefix("secrets/") {
            Some(secret) => assert!(secrets.contains(secret), "secrets.sh does not make {secret}"),
            None => assert!(ops("compose").join(file).is_file(), "{file}"),
        }
    }
    for script in ["database.sh", "failover.sh", "primary.sh", "rejoin.sh", "secrets.sh"] {
        let output = Command::new("sh").arg("-n").arg(ops("compose").join(script)).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_units_of_a_cluster_may_do_no_more_than_the_unit_of_a_single_gateway() {
    let single = read("systemd/opencredits-gateway.service");
    let (_, restrictions) = single.split_once("AmbientCapabilities=").unwrap();
    for unit in ["opencredits-gateway@.service", "opencredits-worker.service"] {
        let unit = read(&format!("systemd/cluster/{unit}"));
        let (_, found) = unit.split_once("AmbientCapabilities=").unwrap();
        assert_eq!(found, restrictions);
    }
}
