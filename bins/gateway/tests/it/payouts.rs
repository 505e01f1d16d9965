//! Payouts through the admin socket of the binary, which is killed at any moment.

use crate::fixture::{Fixture, bearer};
use crate::payments::rounds;
use opencredits_api::admin::{AdminRequest, Amount, PartnerRequest, SOCKET_FILE};
use opencredits_ledger::{EntryKind, EntryRow, Ledger};
use opencredits_service::accounts::{Accounts, Grant, NewKey, NewPartner, NewUser, Tables};
use opencredits_service::{Clock, Entropy, books};
use opencredits_store::{Partner, Rates, SqliteStore};
use opencredits_units::{BasisPoints, EntryId, NanoUsd, UnixMs};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How often a payout is sent until it is acknowledged.
const SENDS_MAX: usize = 20;
const CONFIG: &str = "[catalog]\nsandbox = true\n[billing]\ncommission_matures_days = 0\n[ledger]\nack = \"durable\"\n";
const CHAT: &str =
    r#"{"model": "sandbox/gpt", "max_tokens": 200, "messages": [{"role": "user", "content": "sandbox:tokens 150"}]}"#;

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

/// A partner in a data folder, and the key of a person who pays through it.
async fn prepare(fixture: &Fixture) -> (Partner, String) {
    std::fs::create_dir(fixture.data()).unwrap();
    let ledger = Ledger::open(fixture.data().join("ledger.db")).unwrap();
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    let fixed = Arc::new(Fixed(AtomicU8::new(1)));
    let accounts = Accounts::new(ledger, Tables::of(store), fixed.clone(), fixed);
    accounts.ensure_system_accounts().await.unwrap();
    let share = Some(BasisPoints::new(4_000));
    let partner = accounts.add_partner(NewPartner { name: "app".to_owned(), share, markup: None }).await.unwrap();
    let user = accounts.add_user(NewUser { id: None, label: "Ada".to_owned() }).await.unwrap();
    let amount = NanoUsd::new(100_000_000_000);
    accounts.grant_credits(Grant { user: user.id, amount, id: None, reason: "test".to_owned() }).await.unwrap();
    let (name, rates) = ("laptop".to_owned(), Rates::default());
    let (limit, expires_at, allowed_models) = (None, None, None);
    let new = NewKey { user: user.id, partner: Some(partner.id), name, limit, expires_at, allowed_models, rates };
    let (_, secret) = accounts.add_key(new).await.unwrap();
    (partner, secret.reveal().to_owned())
}

/// Sends a payout, and leaves its answer to be read; the connection must stay open meanwhile.
fn send(data: &Path, id: EntryId, nano: i64) -> std::io::Result<UnixStream> {
    let request = AdminRequest::Partners(PartnerRequest::PayOut {
        partner: "app".to_owned(),
        amount: Some(Amount::Usd(NanoUsd::new(nano))),
        id: Some(id),
        reason: "bank transfer".to_owned(),
    });
    let body = serde_json::to_string(&request).unwrap();
    let mut stream = UnixStream::connect(data.join(SOCKET_FILE))?;
    let length = body.len();
    let head = "POST /admin HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n";
    write!(stream, "{head}content-length: {length}\r\n\r\n{body}")?;
    Ok(stream)
}

/// Sends a payout until it is acknowledged, as the operator's tool says one should.
fn pay(data: &Path, id: EntryId, nano: i64) {
    let mut answer = String::new();
    for _ in 0..SENDS_MAX {
        answer.clear();
        if let Ok(mut stream) = send(data, id, nano)
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{id} is not acknowledged: {answer}");
}

#[test]
fn whatever_kills_the_gateway_a_payout_is_made_once_for_its_id() {
    let fixture = Fixture::new();
    let (partner, key) = tokio::runtime::Runtime::new().unwrap().block_on(prepare(&fixture));
    let file = fixture.file("config.toml", CONFIG);
    let mut paid = Vec::new();
    for round in 0..rounds() {
        let gateway = fixture.start(&["--config", &file], &[]);
        let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(&key), CHAT));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // Two payouts at once, each sent twice at once.
        let ids = [0, 1].map(|which| {
            let mut random = [9; 10];
            random[..8].copy_from_slice(&(2 * round + which).to_be_bytes());
            (EntryId::at(UnixMs::new(1_790_000_000_000), random), 100 + i64::try_from(which).unwrap())
        });
        let open: Vec<_> =
            ids.iter().flat_map(|(id, nano)| [0, 1].map(|_| send(&fixture.data(), *id, *nano))).collect();
        // Moments from the first byte of the first request to some time after the last.
        std::thread::sleep(Duration::from_micros((round * 1_700) % 40_000));
        gateway.signal("-KILL");
        gateway.ended();
        drop(open);
        let again = fixture.start(&["--config", &file], &[]);
        for (id, nano) in ids {
            pay(&fixture.data(), id, nano);
            paid.push((id, nano));
        }
        again.terminate();
        again.ended();
        check(&fixture, &partner, &paid);
    }
}

/// Each payout that was acknowledged is in the books once, and nothing else was paid.
fn check(fixture: &Fixture, partner: &Partner, paid: &[(EntryId, i64)]) {
    let ledger = Ledger::open(fixture.data().join("ledger.db")).unwrap();
    assert!(ledger.verify().unwrap().is_clean());
    let entries = ledger.entries(EntryId::default(), 100_000).unwrap();
    let leg = |entry: &EntryRow, account| -> i64 {
        entry.legs.iter().filter(|(of, _)| *of == account).map(|(_, amount)| amount.get()).sum()
    };
    let mut found: Vec<_> = entries.iter().map(|entry| (entry.id, leg(entry, books::PAYOUTS))).collect();
    found.retain(|(_, nano)| *nano != 0);
    let mut expected = paid.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let earned: i64 =
        entries.iter().filter(|one| one.kind == EntryKind::Capture).map(|one| leg(one, partner.earnings)).sum();
    let out: i64 = paid.iter().map(|(_, nano)| nano).sum();
    assert_eq!(ledger.balance(partner.earnings).unwrap().posted.get(), earned - out);
}
