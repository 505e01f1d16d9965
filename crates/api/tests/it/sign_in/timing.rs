//! Whether the time of an answer tells who has an account.
//!
//! To find an account costs a millisecond here, so that a request that looks for one before anything is proven takes longer
//! where there is one.

use super::costly::Costly;
use super::{Signing, accept, identity_on, settings};
use crate::engine::OnlyOnFiles;
use opencredits_service::sign_in::{ActionLimits, SignInLimits, SignInSettings, SignInTables};
use opencredits_testkit::Comparison;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const KNOWN: &str = "ada@example.org";
/// As long as the known one.
const UNKNOWN: &str = "eve@example.org";
/// Samples of each of the two.
const SAMPLES: usize = 240;
/// A difference counts when it is found so often, one time after the other: what else runs on the machine does not do that.
const TRIES: usize = 3;
/// What the comparison is shown to find here, on this machine, at this moment.
const LEAK: Duration = Duration::from_millis(2);

/// A site where one person has an account, and how often accounts were looked for.
async fn site() -> (Signing, Arc<AtomicUsize>) {
    let many = ActionLimits { address: 100_000, network: 100_000, overall: 1_000_000 };
    let settings = SignInSettings { limits: SignInLimits { mails: many, answers: many }, ..settings() };
    let Signing { app, post } = Signing::with(settings.clone()).await;
    let looked = Arc::<AtomicUsize>::default();
    let costly = Costly { store: app.store.clone(), looked: looked.clone() };
    let tables = SignInTables { emails: Arc::new(costly), ..SignInTables::of(app.store.clone()) };
    let identity = identity_on(&app, &post, settings, tables);
    let site = Signing { app: app.with_identity(identity), post };
    site.enter(KNOWN).await;
    (site, looked)
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

/// Compares a request about the known address, which takes `leak` longer, with the same one about the unknown address.
/// `body` makes ready what the request answers, outside of the time.
async fn compared(
    site: &Signing,
    path: &str,
    body: &impl AsyncFn(&Signing, &'static str) -> Value,
    leak: Duration,
) -> Comparison {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for turn in 0..SAMPLES {
        // Each comes first as often as the other.
        let pair = if turn % 2 == 0 { [KNOWN, UNKNOWN] } else { [UNKNOWN, KNOWN] };
        for email in pair {
            let sent = body(site, email).await;
            let (times, extra) = if email == KNOWN { (&mut known, leak) } else { (&mut unknown, Duration::ZERO) };
            times.push(timed(site, path, sent, extra).await);
        }
        site.post.0.lock().unwrap().clear();
    }
    Comparison::of(&known, &unknown)
}

async fn check(path: &str, body: impl AsyncFn(&Signing, &'static str) -> Value) {
    if OnlyOnFiles::Times.leaves_out() {
        return;
    }
    let (site, looked) = site().await;
    looked.store(0, Ordering::Relaxed);
    let mut found = Vec::new();
    for _ in 0..TRIES {
        let comparison = compared(&site, path, &body, Duration::ZERO).await;
        assert_eq!(looked.load(Ordering::Relaxed), 0, "{path} looks for accounts before anything is proven");
        found.push(comparison);
        if !comparison.differs() {
            return;
        }
    }
    // By chance the sign is not the same each time.
    let first = found[0].deviations.signum();
    assert!(found.iter().any(|one| one.deviations.signum() != first), "{path} tells who has an account: {found:?}");
}

async fn named(_: &Signing, email: &'static str) -> Value {
    json!({ "email": email })
}

#[tokio::test]
async fn the_time_to_ask_for_a_code_does_not_tell_whether_there_is_an_account() {
    check("/v1/auth/code", named).await;
}

#[tokio::test]
async fn the_time_to_ask_for_a_link_does_not_tell_whether_there_is_an_account() {
    check("/v1/auth/link", named).await;
}

#[tokio::test]
async fn the_time_to_ask_for_a_passkey_challenge_does_not_tell_whether_there_is_an_account() {
    check("/v1/auth/passkey/options", named).await;
}

#[tokio::test]
async fn the_time_of_a_wrong_code_does_not_tell_whether_there_is_an_account() {
    let wrong = async |site: &Signing, email: &'static str| {
        let sent = site.post("/v1/auth/code", "", json!({ "email": email })).await;
        json!({ "challenge": sent.json()["challenge"], "code": "000000", "accept": accept() })
    };
    check("/v1/auth/session", wrong).await;
}

#[tokio::test]
async fn the_time_of_a_wrong_link_does_not_tell_whether_there_is_an_account() {
    let wrong = async |site: &Signing, email: &'static str| {
        site.post("/v1/auth/link", "", json!({ "email": email })).await;
        let text = site.mail(email).await.text;
        let link = text.split("/sign-in/link#").nth(1).unwrap().split_whitespace().next().unwrap();
        // The signature is another one by its first byte.
        let (before, signature) = link.split_at(link.len() - 40);
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        json!({ "link": format!("{before}{first}{}", &signature[1..]), "accept": accept() })
    };
    check("/v1/auth/session", wrong).await;
}

/// Whether the difference between the two is found, after some tries.
async fn is_found(path: &str, body: impl AsyncFn(&Signing, &'static str) -> Value, leak: Duration) -> bool {
    let (site, _) = site().await;
    for _ in 0..TRIES {
        let comparison = compared(&site, path, &body, leak).await;
        if comparison.differs() && comparison.median_ns > 0 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn the_comparison_finds_a_leak_that_is_planted_in_these_requests() {
    if OnlyOnFiles::Times.leaves_out() {
        return;
    }
    // What a machine hides that does much else is found once it is longer.
    for times in [1, 8, 64] {
        if is_found("/v1/auth/code", named, LEAK * times).await {
            return;
        }
    }
    panic!("a leak of {:?} is not found", LEAK * 64);
}

#[tokio::test]
async fn the_comparison_finds_that_an_account_was_looked_for() {
    if OnlyOnFiles::Times.leaves_out() {
        return;
    }
    // A right code leads to the account: without the terms the person is let in, and the stranger is not.
    let right = async |site: &Signing, email: &'static str| {
        let (challenge, code) = site.ask(email).await;
        json!({ "challenge": challenge, "code": code })
    };
    assert!(is_found("/v1/auth/session", right, Duration::ZERO).await, "the look-up is not found");
}

async fn rows(site: &Signing) -> u64 {
    site.app.store.holdings().await.unwrap().iter().map(|kind| kind.rows).sum()
}

#[tokio::test]
async fn the_same_is_done_for_every_address() {
    let (site, _) = site().await;
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
