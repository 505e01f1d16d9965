//! A gateway under load is backed up; another one starts from the backup.

use crate::fixture::{Fixture, Gateway, bearer};
use opencredits_backup::{LEDGER_FILE, Restoring};
use opencredits_keys::Mode;
use opencredits_ledger::{EntryKind, Ledger};
use opencredits_units::{EntryId, Progress, UnixMs};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// 2026-09-21T14:13:20Z.
const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CHAT: &str = r#"{"model":"sandbox/gpt","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}"#;

fn chat(gateway: &Gateway, key: &str) {
    let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(key), CHAT));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The body of an answer.
fn body(answer: &str) -> String {
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Asks the gateway that has this folder for a backup, as the admin tool does.
fn back_up(data: &Path, into: &Path, at: UnixMs) -> PathBuf {
    let mut stream = UnixStream::connect(data.join("admin.sock")).unwrap();
    let request = format!(r#"{{"do":"backup","into":"{}","at_ms":{}}}"#, into.display(), at.get());
    let length = request.len();
    let head = "POST /admin HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {length}\r\n\r\n{request}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, after) = answer.split_once(r#""path":""#).unwrap();
    after.split('"').next().unwrap().into()
}

/// Every file of the backup is damaged in turn, and named.
fn check_damage(backup: &Path, to: &Path) {
    for entry in std::fs::read_dir(backup).unwrap() {
        let path = entry.unwrap().path();
        let sound = std::fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 4;
        std::fs::write(&path, damaged).unwrap();
        let error = restore(backup, to).unwrap_err();
        assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        std::fs::write(&path, sound).unwrap();
    }
    assert!(!to.exists());
}

fn restore(from: &Path, to: &Path) -> Result<String, String> {
    let progress = &Progress::default();
    let order = Restoring { from, to, replace: false, mode: Mode::Live, at: NOW, progress };
    let restored = opencredits_backup::restore(order);
    restored.map(|restored| restored.checked.manifest.ledger.head).map_err(|error| error.to_string())
}

fn captures(data: &Path) -> Vec<EntryId> {
    let ledger = Ledger::open(data.join(LEDGER_FILE)).unwrap();
    assert!(ledger.verify().unwrap().is_clean());
    let rows = ledger.entries(EntryId::default(), 100_000).unwrap();
    rows.iter().filter(|row| row.kind == EntryKind::Capture).map(|row| row.id).collect()
}

#[test]
fn a_gateway_starts_from_the_backup_of_a_loaded_one_with_the_same_balances_and_records() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let gateway = fixture.start(&["dev"], &[]);
    let (key, into) = (gateway.key(), fixture.data().with_file_name("backups"));
    let (asked, ends) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (before, loaded) = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    chat(&gateway, &key);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while asked.load(Ordering::Relaxed) < 20 {
            std::thread::yield_now();
        }
        let before = asked.load(Ordering::Relaxed);
        let loaded = back_up(&fixture.data(), &into, NOW);
        ends.store(true, Ordering::Relaxed);
        (before, loaded)
    });
    let idle = back_up(&fixture.data(), &into, NOW.saturating_add_ms(1_000));
    let balance = body(&gateway.get("/v1/credits/balance", &key));
    gateway.terminate();
    assert!(gateway.ended().0.success());

    check_damage(&idle, &other.data());
    restore(&idle, &other.data()).unwrap();
    let again = other.start(&[], &[("OPENCREDITS_CATALOG_SANDBOX", "true")]);
    assert_eq!(body(&again.get("/v1/credits/balance", &key)), balance);
    chat(&again, &key);
    again.terminate();
    assert!(again.ended().0.success());
    let (all, after) = (captures(&fixture.data()), captures(&other.data()));
    assert_eq!(all.len(), asked.load(Ordering::Relaxed));
    assert_eq!((&after[..all.len()], after.len()), (&all[..], all.len() + 1));

    // Of the loaded moment: what was answered before is in it.
    let third = fixture.data().with_file_name("loaded");
    restore(&loaded, &third).unwrap();
    let then = captures(&third);
    assert!(then.len() >= before && then.iter().all(|id| all.contains(id)), "{} of {before}", then.len());
}
