//! Whether the time of an answer tells who has an account.

use super::{Signing, accept, settings};
use opencredits_service::sign_in::{ActionLimits, SignInLimits, SignInSettings};
use opencredits_store::PrivacyStates;
use opencredits_testkit::Comparison;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KNOWN: &str = "ada@example.org";
/// As long as the known one.
const UNKNOWN: &str = "eve@example.org";
/// Samples of each of the two.
const SAMPLES: usize = 240;
/// A difference counts when it is found so often, one time after the other: what else runs on the machine does not do that.
const TRIES: usize = 3;
/// What the comparison is shown to find here, on this machine, at this moment.
const LEAK: Duration = Duration::from_micros(500);

async fn site() -> Signing {
    let many = ActionLimits { address: 100_000, network: 100_000, overall: 1_000_000 };
    let site =
        Signing::with(SignInSettings { limits: SignInLimits { mails: many, answers: many }, ..settings() }).await;
    site.enter(KNOWN).await;
    site
}

/// The time of a request, in ns.
#[expect(clippy::disallowed_methods, reason = "the time that passes is what is compared")]
async fn timed(site: &Signing, path: &str, body: Value, extra: Duration) -> u64 {
    let start = Instant::now();
    let answer = site.post(path, "", body).await;
    let answered = Instant::now();
    while answered.elapsed() < extra {}
    let taken = start.elapsed();
    assert!(answer.status.as_u16() < 429, "{path}: {}", answer.text);
    u64::try_from(taken.as_nanos()).unwrap()
}

/// Compares a request for the known address, which takes `leak` longer, with the same one for the unknown address.
async fn compared(site: &Signing, path: &str, body: &dyn Fn(&str) -> Value, leak: Duration) -> Comparison {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for turn in 0..SAMPLES {
        // Each comes first as often as the other.
        if turn % 2 == 0 {
            known.push(timed(site, path, body(KNOWN), leak).await);
            unknown.push(timed(site, path, body(UNKNOWN), Duration::ZERO).await);
        } else {
            unknown.push(timed(site, path, body(UNKNOWN), Duration::ZERO).await);
            known.push(timed(site, path, body(KNOWN), leak).await);
        }
        site.post.0.lock().unwrap().clear();
    }
    Comparison::of(&known, &unknown)
}

async fn check(path: &str, body: &dyn Fn(&str) -> Value) {
    let site = site().await;
    let mut found = Vec::new();
    for _ in 0..TRIES {
        let comparison = compared(&site, path, body, Duration::ZERO).await;
        found.push(comparison);
        if !comparison.differs() {
            return;
        }
    }
    // By chance the sign is not the same each time.
    let first = found[0].deviations.signum();
    assert!(found.iter().any(|one| one.deviations.signum() != first), "{path} tells who has an account: {found:?}");
}

#[tokio::test]
async fn the_time_to_ask_for_a_code_does_not_tell_whether_there_is_an_account() {
    check("/v1/auth/code", &|email| json!({ "email": email })).await;
}

#[tokio::test]
async fn the_time_to_ask_for_a_link_does_not_tell_whether_there_is_an_account() {
    check("/v1/auth/link", &|email| json!({ "email": email })).await;
}

#[tokio::test]
async fn the_time_of_a_wrong_code_does_not_tell_whether_there_is_an_account() {
    let site = site().await;
    let mut found = Vec::new();
    for _ in 0..TRIES {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for turn in 0..SAMPLES {
            let pair = if turn % 2 == 0 { [KNOWN, UNKNOWN] } else { [UNKNOWN, KNOWN] };
            for email in pair {
                let challenge =
                    site.post("/v1/auth/code", "", json!({ "email": email })).await.json()["challenge"].clone();
                // Whether it is the right one is told in the same time to both.
                let body = json!({ "challenge": challenge, "code": "000000", "accept": accept() });
                let taken = timed(&site, "/v1/auth/session", body, Duration::ZERO).await;
                if email == KNOWN { known.push(taken) } else { unknown.push(taken) }
            }
            site.post.0.lock().unwrap().clear();
        }
        let comparison = Comparison::of(&known, &unknown);
        found.push(comparison);
        if !comparison.differs() {
            return;
        }
    }
    let first = found[0].deviations.signum();
    assert!(found.iter().any(|one| one.deviations.signum() != first), "a wrong code tells it: {found:?}");
}

#[tokio::test]
async fn the_comparison_finds_a_leak_that_is_planted_in_these_requests() {
    let site = site().await;
    let mut found = Vec::new();
    for _ in 0..TRIES {
        let comparison = compared(&site, "/v1/auth/code", &|email| json!({ "email": email }), LEAK).await;
        found.push(comparison);
        if comparison.differs() && comparison.median_ns > 0 {
            return;
        }
    }
    panic!("a leak of {LEAK:?} is not found: {found:?}");
}

async fn rows(site: &Signing) -> u64 {
    site.app.store.holdings().await.unwrap().iter().map(|kind| kind.rows).sum()
}

#[tokio::test]
async fn the_same_is_done_for_every_address() {
    let site = site().await;
    let count = async |email: &str| {
        let before = rows(&site).await;
        site.post("/v1/auth/code", "", json!({ "email": email })).await;
        site.post("/v1/auth/link", "", json!({ "email": email })).await;
        let mails = [site.mail(email).await, site.mail(email).await].len();
        let after = rows(&site).await;
        (mails, after - before)
    };
    // The first time makes the buckets of the address.
    count(KNOWN).await;
    count(UNKNOWN).await;
    assert_eq!(count(KNOWN).await, count(UNKNOWN).await, "mails and rows");
    let options = site.post("/v1/auth/passkey/options", "", Value::Null).await;
    assert!(options.status == 200 || options.status == 404, "{}", options.text);
    assert!(!options.text.contains("allowCredentials\":[{"), "the options name nobody's passkeys: {}", options.text);
    let named = site.post("/v1/auth/passkey/options", "", json!({ "email": KNOWN })).await;
    let other = site.post("/v1/auth/passkey/options", "", json!({ "email": UNKNOWN })).await;
    assert_eq!(named.status, other.status, "and no address is looked at");
}
