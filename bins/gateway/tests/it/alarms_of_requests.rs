//! Alarms whose causes are vendors and what requests cost.

use crate::alarm_doubles::{Hook, HttpDouble, Manner};
use crate::alarms::{FAST_PACE, PACE, alarms_at, chat, check_end};
use crate::fixture::{Fixture, Gateway, bearer, config_of};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A gateway whose only vendor is this one.
fn start(fixture: &Fixture, (hook, pace): (&Hook, u32), (vendor, more): (&str, &str)) -> Gateway {
    let config = fixture.file("config.toml", &format!("{}{more}{}", alarms_at(pace, hook), config_of(vendor)));
    fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "key-canary")])
}

#[test]
fn a_vendor_that_fails_uses_up_the_error_budget_and_takes_its_model_down_until_it_answers() {
    let (hook, vendor, fixture) = (Hook::start(), HttpDouble::vendor(), Fixture::new());
    let gateway = start(&fixture, (&hook, PACE), (&vendor.url, "[upstream]\nattempts_max = 1\n"));
    let key = gateway.key();
    assert!(chat(&gateway, &key).starts_with("HTTP/1.1 200"));
    vendor.set(Manner::broken());
    let alarms = ["OpenCreditsErrorBudgetFast", "OpenCreditsErrorBudgetSlow", "OpenCreditsModelDown"];
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                chat(&gateway, &key);
            }
        });
        let fired = hook.all(&alarms, "alarm.fired");
        let down = fired.iter().find(|told| told["data"]["alarm"] == "OpenCreditsModelDown").unwrap();
        assert_eq!(down["data"]["labels"], json!({ "model": "house/small" }));
        vendor.set(Manner::vendor());
        hook.all(&alarms, "alarm.resolved");
        is_over.store(true, Ordering::SeqCst);
    });
    check_end(gateway, &hook, &alarms);
}

/// Longer than the objective lets a stream wait. It is what the alarm is about: nothing can shorten it.
const SLOW: Duration = Duration::from_millis(10_050);
/// Streams that begin late, and the time from one to the next: the short windows are not empty until all have begun.
const STREAMS: u32 = 100;
const APART: Duration = Duration::from_millis(25);

#[test]
fn a_vendor_whose_streams_begin_after_more_than_ten_seconds_uses_up_the_latency_budget() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let vendor = HttpDouble::start(Manner::streaming(SLOW));
    let gateway = start(&fixture, (&hook, PACE), (&vendor.url, ""));
    let headers = bearer(&gateway.key());
    let body = r#"{"model":"house/small","max_tokens":20,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let open = (0..STREAMS).map(|_| {
        std::thread::sleep(APART);
        gateway.open("POST", "/v1/chat/completions", (&headers, body))
    });
    let open: Vec<_> = open.collect();
    let alarms = ["OpenCreditsLatencyBudgetFast", "OpenCreditsLatencyBudgetSlow"];
    let fired = hook.all(&alarms, "alarm.fired");
    assert!(fired.iter().all(|told| told["data"]["summary"].as_str().unwrap().starts_with("100.0 % of streams")));
    for stream in open {
        assert!(crate::fixture::rest_of(stream).contains("[DONE]"));
    }
    hook.all(&alarms, "alarm.resolved");
    check_end(gateway, &hook, &alarms);
}

#[test]
fn a_vendor_that_counts_more_tokens_than_there_are_bytes_is_told_once_an_hour() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let vendor = HttpDouble::start(Manner::counting(1_000_000));
    let gateway = start(&fixture, (&hook, FAST_PACE), (&vendor.url, ""));
    assert!(chat(&gateway, &gateway.key()).starts_with("HTTP/1.1 200"));
    let fired = hook.next("OpenCreditsUsageNotBelieved", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "usage_source": "implausible" }));
    hook.next("OpenCreditsUsageNotBelieved", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsUsageNotBelieved"]);
}

#[test]
fn a_charge_beyond_its_hold_and_the_wallet_is_told_as_bad_debt_for_a_day() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    // As many tokens as bytes: a cost of 16 dollars, 20 with the markup, and the sample person has ten. The likely charge is
    // less.
    let vendor = HttpDouble::start(Manner::counting(800));
    let words = "the cat sat on the mat and ".repeat(30);
    let prices = config_of(&vendor.url).replace("input = \"1\"", "input = \"20000\"");
    let config = format!("{}[billing]\nexposure_max_usd = \"1000\"\n{prices}", alarms_at(FAST_PACE, &hook));
    let config = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "key-canary")]);
    let body =
        format!(r#"{{"model":"house/small","max_tokens":20,"messages":[{{"role":"user","content":"{words}"}}]}}"#);
    let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(&gateway.key()), &body));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let fired = hook.next("OpenCreditsBadDebt", "alarm.fired");
    assert_eq!(fired["data"]["summary"], "8.00 dollars of charges could not be collected within a day");
    hook.next("OpenCreditsBadDebt", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsBadDebt"]);
}
