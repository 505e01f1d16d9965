//! Payments through the binary, which is killed at any moment.

use crate::fixture::{Fixture, Gateway, bearer};
use opencredits_ledger::Ledger;
use opencredits_service::accounts::{Accounts, NewKey, NewUser, Tables};
use opencredits_service::{Clock, Entropy};
use opencredits_store::{Rates, SqliteStore};
use opencredits_testkit::stripe::{Produced, StripeDouble, sign};
use opencredits_units::{AccountId, UnixMs};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many rounds are made: `TEST_CRASH_ROUNDS`, or a few.
const ROUNDS_VARIABLE: &str = "TEST_CRASH_ROUNDS";
const ROUNDS: u64 = 4;
const SECRET: &str = "whsec_of_these_tests";
/// How often an event is sent until it is heard.
const DELIVERIES_MAX: usize = 20;
const TEN_DOLLARS: i64 = 10_000_000_000;

struct Fixed(AtomicU8);

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        UnixMs::new(1_790_000_000_000)
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// A person in a data folder: the wallet, and a key.
async fn prepare(fixture: &Fixture) -> (AccountId, String) {
    std::fs::create_dir(fixture.data()).unwrap();
    let ledger = Ledger::open(fixture.data().join("ledger.db")).unwrap();
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    let fixed = Arc::new(Fixed(AtomicU8::new(1)));
    let accounts = Accounts::new(ledger, Tables::of(store), fixed.clone(), fixed);
    accounts.ensure_system_accounts().await.unwrap();
    let user = accounts.add_user(NewUser { id: None, label: "Ada".to_owned() }).await.unwrap();
    let (name, rates) = ("laptop".to_owned(), Rates::default());
    let (partner, limit, expires_at, allowed_models) = (None, None, None, None);
    let new = NewKey { user: user.id, partner, name, limit, expires_at, allowed_models, rates };
    let (_, secret) = accounts.add_key(new).await.unwrap();
    (user.wallet, secret.reveal().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the binary signs and checks by the real clock")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn headers(event: &Produced) -> String {
    format!("stripe-signature: {}\r\n", sign(event.snapshot.as_bytes(), SECRET, now_s()))
}

/// Sends an event and does not wait for its answer; the connection must stay open meanwhile.
fn send(gateway: &Gateway, event: &Produced) -> TcpStream {
    let mut stream = TcpStream::connect(&gateway.address).unwrap();
    let body = &event.snapshot;
    let head = format!("POST /webhooks/stripe HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{}", headers(event));
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream
}

/// Sends an event until it is heard, as its sender does.
fn deliver(gateway: &Gateway, event: &Produced) {
    for _ in 0..DELIVERIES_MAX {
        let answer = gateway.send("POST", "/webhooks/stripe", (&headers(event), &event.snapshot));
        if answer.starts_with("HTTP/1.1 200") {
            return;
        }
    }
    panic!("{} is not heard", event.kind);
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long")]
pub(crate) fn rounds() -> u64 {
    std::env::var(ROUNDS_VARIABLE).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn whatever_kills_the_gateway_a_payment_gives_its_credits_once_and_a_refund_takes_them_once() {
    let rounds = rounds();
    let (fixture, stripe) = (Fixture::new(), StripeDouble::start().unwrap());
    let (wallet, key) = tokio::runtime::Runtime::new().unwrap().block_on(prepare(&fixture));
    let config = format!(
        "[payments]\nprocessor = \"stripe\"\nkey = \"rk_test_1\"\nwebhook_secret = \"{SECRET}\"\napi_url = \"{}\"\n\
         open_orders_max = 1000\n[catalog]\nsandbox = true\n",
        stripe.base_url()
    );
    let file = fixture.file("config.toml", &config);
    let mut left = 0;
    for round in 0..rounds {
        stripe.set_now_s(now_s());
        let gateway = fixture.start(&["--config", &file], &[]);
        let body = r#"{"amount": 10, "email": "ada@example.org"}"#;
        let key_header = format!("{}idempotency-key: round-{round}\r\n", bearer(&key));
        let bought = gateway.send("POST", "/v1/credits/checkout", (&key_header, body));
        assert!(bought.starts_with("HTTP/1.1 201"), "{bought}");
        let sessions = stripe.objects("checkout.session");
        let newest = sessions.iter().max_by_key(|session| session["id"].as_str().unwrap().to_owned()).unwrap();
        let payment = stripe.pay(newest["id"].as_str().unwrap());
        let is_refunded = round % 2 == 1;
        if is_refunded {
            stripe.refund(&payment, 1_000, "succeeded");
        }
        left += if is_refunded { 0 } else { TEN_DOLLARS };
        let events = stripe.take_events();
        let open: Vec<TcpStream> = events.iter().map(|event| send(&gateway, event)).collect();
        // Moments from the first byte of the first event to some time after the last.
        std::thread::sleep(Duration::from_millis((round * 7) % 60));
        gateway.signal("-KILL");
        gateway.ended();
        drop(open);
        let again = fixture.start(&["--config", &file], &[]);
        events.iter().for_each(|event| deliver(&again, event));
        again.terminate();
        again.ended();
        let ledger = Ledger::open(fixture.data().join("ledger.db")).unwrap();
        assert_eq!(ledger.balance(wallet).unwrap().posted.get(), left, "after round {round}");
        assert!(ledger.verify().unwrap().is_clean());
    }
}
