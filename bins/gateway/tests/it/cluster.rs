//! Several gateways on one PostgreSQL database are one service.

use crate::cluster_fixture::{Answer, CHARGE, Chat, Cluster, Key, WHOLE, now, within, worker_command};
use crate::fixture::{Fixture, failed};
use opencredits_testkit::Postgres;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Barrier;
use std::time::Duration;

/// What is changed through one gateway holds at the others after so long.
const NOTICED: Duration = Duration::from_secs(1);

/// A price book with one model.
fn book(output: &str) -> String {
    let line = json!({
        "id": "book/one", "vendor": "house", "upstream_model": "small", "context_window": 8_000,
        "max_output_tokens": 1_000, "prices": {"input": "0", "output": output},
    });
    format!("{line}\n")
}

/// How many answers have each status.
fn statuses<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status()).or_default() += 1;
    }
    counts
}

#[test]
fn what_an_operator_changes_through_one_gateway_holds_at_the_other_within_a_second() {
    let Some(cluster) = Cluster::of(2, 0) else { return };
    let check = |what: &str, order: &Value, probe: &dyn Fn() -> String, (before, after): (&str, &str)| {
        assert_eq!(probe(), before, "before {what}");
        cluster.admin(0, order);
        let since = now();
        // A request that is sent later than that must meet the change.
        let took = loop {
            let sent = since.elapsed();
            let found = probe();
            if found == after {
                break sent;
            }
            assert_eq!(found, before, "{what}");
            assert!(sent < NOTICED, "{what}: not noticed after {sent:?}");
        };
        eprintln!("{what}: held at the other gateway after {took:?}");
        assert!(took < NOTICED, "{what}: noticed after {took:?}");
    };
    let status = |key: &Key| cluster.chat(1, key, WHOLE).status().to_string();
    let charged = |key: &Key, model: &str| {
        let answer = cluster.chat(1, key, Chat { model, ..WHOLE });
        answer.header("x-credits-charged").map_or_else(|| answer.0.clone(), str::to_owned)
    };

    let one = cluster.person("one", 1_000 * CHARGE);
    check("a key is revoked", &json!({"do": "revoke_key", "id": one.id}), &|| status(&one), ("200", "401"));

    let two = cluster.person("two", 1_000 * CHARGE);
    let suspend = json!({"do": "suspend_user", "user": "two", "reason": "a test"});
    check("a person is suspended", &suspend, &|| status(&two), ("200", "403"));
    let resume = json!({"do": "resume_user", "user": "two", "reason": "a test"});
    check("a suspension is lifted", &resume, &|| status(&two), ("403", "200"));

    let limit = json!({
        "do": "edit_key", "id": two.id, "name": null, "disabled": null, "limit": {"to": {"usd": "0.0000001"}},
        "limit_reset": null, "expires_at_ms": null, "models": null,
    });
    check("a key gets a limit", &limit, &|| status(&two), ("200", "402"));

    cluster.admin(0, &json!({"do": "add_partner", "name": "app", "share_bps": null}));
    let of_partner = cluster.key("two", Some("app"), &json!({}));
    let markup = json!({
        "do": "partners", "partner_do": "edit", "partner": "app", "name": null, "share_bps": null, "owner": null,
        "markup_bps": {"to": 5_000},
    });
    check("a partner's markup is changed", &markup, &|| charged(&of_partner, "house/small"), ("0.164", "0.246"));

    let plain = cluster.person("four", 1_000 * CHARGE);
    cluster.add_to_config("\n[[markup]]\nmodels = [\"house/*\"]\nbps = 5000\n");
    let reload = json!({"do": "reload", "apply": true});
    check("a model's markup is changed", &reload, &|| charged(&plain, "house/small"), ("0.164", "0.246"));

    let of_book = cluster.person("three", 1_000 * CHARGE);
    let is_sold = || cluster.gateways[1].get("/v1/models", &of_book.secret).contains("book/one").to_string();
    let put = |output: &str| {
        let from = cluster.file(&format!("book-{output}.jsonl"), &book(output));
        json!({"do": "prices", "prices_do": "refresh", "from": from, "accept": ["*"], "apply": true})
    };
    check("a price book is put into force", &put("10"), &is_sold, ("false", "true"));
    check("a price is changed", &put("20"), &|| charged(&of_book, "book/one"), ("0.164", "0.328"));
    cluster.audit();
}

#[test]
fn a_config_is_read_again_after_a_reload_of_another_gateway_and_after_no_other_change() {
    let Some(cluster) = Cluster::of(2, 0) else { return };
    let key = cluster.person("one", 1_000 * CHARGE);
    let charged = || cluster.chat(1, &key, WHOLE).header("x-credits-charged").map(str::to_owned);
    cluster.add_to_config("\n[[markup]]\nmodels = [\"house/*\"]\nbps = 5000\n");
    let other = cluster.person("two", CHARGE);
    cluster.admin(0, &json!({"do": "revoke_key", "id": other.id}));
    let is_told = || cluster.chat(1, &other, WHOLE).status() == 401;
    within(2 * NOTICED, "the other gateway hears of changed data", is_told);
    std::thread::sleep(2 * NOTICED);
    assert_eq!(charged().as_deref(), Some("0.164"), "which is no reason to read the config");
    cluster.admin(0, &json!({"do": "reload", "apply": true}));
    within(2 * NOTICED, "the other gateway hears of the config", || charged().as_deref() == Some("0.246"));
    assert_eq!(cluster.gateways[1].log().matches("the config was read again").count(), 1);
}

#[test]
fn what_a_gateway_has_changed_is_told_to_the_others_before_its_end() {
    /// How long the announcement has to wait.
    const LOCKED_S: u64 = 3;
    let Some(mut cluster) = Cluster::of(2, 0) else { return };
    let key = cluster.person("one", 1_000 * CHARGE);
    assert_eq!(cluster.chat(1, &key, WHOLE).status(), 200, "the other gateway remembers the key");
    // What was announced so far is over.
    std::thread::sleep(2 * NOTICED);
    let lock = format!("BEGIN; UPDATE change_version SET version = version; SELECT pg_sleep({LOCKED_S}); COMMIT");
    let are = |which: &str| {
        let of_this = "pg_stat_activity WHERE datname = current_database()";
        cluster.number(&format!("SELECT count(*) FROM {of_this} AND {which}"))
    };
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.sql(&lock));
        within(Duration::from_secs(2), "the announcement is hindered", || are("wait_event = 'PgSleep'") == 1);
        cluster.admin(0, &json!({"do": "revoke_key", "id": key.id}));
        within(Duration::from_secs(1), "the announcement waits", || are("wait_event_type = 'Lock'") == 1);
        cluster.gateways[0].terminate();
    });
    let (status, log) = cluster.gateways.remove(0).ended();
    assert!(status.success() && !log.contains("not told"), "{log}");
    // It is the first gateway now.
    let is_told = || cluster.chat(0, &key, WHOLE).status() == 401;
    within(2 * NOTICED, "the other gateway hears of it", is_told);
}

#[test]
fn five_hundred_at_once_through_four_gateways_are_served_as_far_as_the_money_goes() {
    const SERVED: usize = 100;
    const ASKED: usize = 500;
    let Some(cluster) = Cluster::of(4, 0) else { return };
    let key = cluster.person("one", 100 * CHARGE);
    let barrier = Barrier::new(ASKED);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = |at: usize| {
            barrier.wait();
            cluster.chat(at % 4, &key, WHOLE)
        };
        let asking: Vec<_> = (0..ASKED).map(|at| scope.spawn(move || ask(at))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses(&answers), BTreeMap::from([(200, SERVED), (402, ASKED - SERVED)]));
    let refused = answers.iter().find(|answer| answer.status() == 402).unwrap();
    assert!(refused.0.contains("\"type\":\"payment_required\""), "{}", refused.0);
    assert_eq!(cluster.check_charges(&answers), SERVED);
    assert_eq!((cluster.upstream.answered(), cluster.holds()), (SERVED, 0), "the vendor is asked for what is paid");
}

#[test]
fn an_idempotency_key_that_is_sent_to_four_gateways_at_once_is_charged_once() {
    const KEYS: usize = 8;
    let Some(cluster) = Cluster::of(4, 0) else { return };
    let key = cluster.person("one", 1_000 * CHARGE);
    // Each is still running when the others arrive.
    cluster.upstream.delay(200);
    let mut all = Vec::new();
    for at in 0..KEYS {
        let headers = format!("idempotency-key: key {at}\r\n");
        let (barrier, chat) = (Barrier::new(4), Chat { headers: &headers, ..WHOLE });
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let ask = |gateway: usize| {
                barrier.wait();
                cluster.chat(gateway, &key, chat)
            };
            let asking: Vec<_> = (0..4).map(|gateway| scope.spawn(move || ask(gateway))).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses(&answers), BTreeMap::from([(200, 1), (409, 3)]), "{headers}");
        let again: Vec<Answer> = (0..4).map(|gateway| cluster.chat(gateway, &key, chat)).collect();
        assert_eq!(statuses(&again), BTreeMap::from([(409, 4)]), "after its charge: {headers}");
        all.extend(answers);
    }
    assert_eq!((cluster.check_charges(&all), cluster.upstream.answered()), (KEYS, KEYS));
    assert_eq!(cluster.charges_and_releases().0, i64::try_from(KEYS).unwrap());
}

#[test]
fn a_request_that_failed_before_it_was_held_frees_its_idempotency_key_for_another_gateway() {
    let Some(cluster) = Cluster::of(2, 0) else { return };
    let key = cluster.person("one", CHARGE / 2);
    let chat = Chat { headers: "idempotency-key: one\r\n", ..WHOLE };
    assert_eq!(cluster.chat(0, &key, chat).status(), 402);
    cluster.grant("one", CHARGE);
    let answer = cluster.chat(1, &key, chat);
    assert_eq!(answer.status(), 200, "{}", answer.0);
    assert_eq!(cluster.chat(0, &key, chat).status(), 409);
    assert_eq!(cluster.check_charges(&[answer]), 1);
}

/// The second of the minute and the minute, by the database's clock.
fn minute(cluster: &Cluster) -> (i64, i64) {
    let seconds = cluster.number("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint");
    (seconds % 60, seconds / 60)
}

#[test]
fn requests_a_minute_of_one_key_are_bounded_for_four_gateways_together() {
    const MAX: usize = 120;
    /// A gateway that refuses so often in a row has nothing left.
    const REFUSALS: usize = 20;
    let Some(cluster) = Cluster::of(4, 0) else { return };
    cluster.person("one", 10_000 * CHARGE);
    let key = cluster.key("one", None, &json!({"requests_per_minute": MAX}));
    // A window begins with a minute, and all of this has to be in one.
    let (second, _) = minute(&cluster);
    if second > 30 {
        std::thread::sleep(Duration::from_secs(u64::try_from(61 - second).unwrap()));
    }
    let (second, window) = minute(&cluster);
    let left = Duration::from_secs(u64::try_from(58 - second).unwrap());
    let since = now();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let press = |gateway: usize| {
            let (mut answers, mut refusals) = (Vec::new(), 0);
            while refusals < REFUSALS && since.elapsed() < left {
                let answer = cluster.chat(gateway, &key, WHOLE);
                refusals = if answer.status() == 429 { refusals + 1 } else { 0 };
                if refusals > 0 {
                    std::thread::sleep(Duration::from_millis(50));
                }
                answers.push(answer);
            }
            answers
        };
        let pressing: Vec<_> = (0..8).map(|at| scope.spawn(move || press(at % 4))).collect();
        pressing.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let counts = statuses(&answers);
    eprintln!("{counts:?} of {MAX} requests a minute in {:?}", since.elapsed());
    assert_eq!(minute(&cluster).1, window, "the minute ended before the limit was reached");
    let served = counts.get(&200).copied().unwrap_or_default();
    assert!((MAX * 9 / 10..=MAX).contains(&served), "{counts:?}");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [200_u16, 429]);
    let refused = answers.iter().find(|answer| answer.status() == 429).unwrap();
    assert!(refused.header("retry-after").is_some(), "{}", refused.0);
    assert_eq!(cluster.check_charges(&answers), served);
}

#[test]
fn a_program_that_cannot_use_its_database_ends_with_the_setting_and_the_remedy_and_without_the_password() {
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", "");
    let check = |mut command: Command, (setting, url): (&str, &str), expect: &[&str]| {
        let output = command.env(format!("OPENCREDITS_DATABASE_{}", setting.to_uppercase()), url).output().unwrap();
        let (_, error) = failed(output);
        assert!(
            error.contains(&format!("database.{setting} ")) || error.contains(&format!("database.{setting}:")),
            "{error}"
        );
        assert!(expect.iter().all(|words| error.contains(words)) && !error.contains("canary"), "{error}");
    };
    let gateway = || fixture.command(&["--config", &config], &[]);
    let worker = || {
        let mut command = worker_command();
        command.args(["--config", &config, "--data"]).arg(fixture.data().with_file_name("data of a worker"));
        command
    };
    let (_, error) = failed(worker().output().unwrap());
    assert!(error.contains("database.url is not set"), "{error}");
    let remedy = "see that its server runs";
    for url in ["postgres://app:canary@127.0.0.1:port/app", "canary"] {
        check(gateway(), ("url", url), &["cannot be used", "connection string"]);
        check(worker(), ("url", url), &["cannot be used", "connection string"]);
    }
    for url in ["postgres://app:canary@127.0.0.1:1/app", "host=/nowhere user=app password=canary dbname=app"] {
        check(gateway(), ("url", url), &["cannot use the database of database.url: ", remedy]);
        check(worker(), ("url", url), &["cannot use the database of database.url: ", remedy]);
    }
    let Some(server) = Postgres::shared() else { return };
    let (live, nowhere) = (server.database(), format!("{} password=canary", server.url("nowhere")));
    check(gateway(), ("url", &nowhere), &["\"nowhere\" does not exist", remedy]);
    let mut of_test_mode = gateway();
    of_test_mode.env("OPENCREDITS_DATABASE_URL", live);
    check(of_test_mode, ("test_url", &nowhere), &["cannot use the database of database.test_url: ", remedy]);
}
