//! Books as an installation has them, and a request as the gateway books it.

use crate::outcome::Outcome;
use opencredits_catalog::{Catalog, Item};
use opencredits_ledger::{
    Accepted, Capture, Captured, Floor, Ledger, LedgerError, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer,
    UNFLUSHED_MAX,
};
use opencredits_providers::Dialect;
use opencredits_service::{GenerationRecord, Line, UsageSource};
use opencredits_units::{AccountId, BasisPoints, Bucket, EntryId, KeyId, NanoUsd, Rate, Tokens, UnixMs};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// People, each with a wallet and a key that has a limit.
pub(in crate::bench) const PEOPLE: u64 = 1_000;
/// When the run begins, as the ledger is told.
const START: UnixMs = UnixMs::new(1_790_000_000_000);
/// Requests of one millisecond, as the ledger is told.
const REQUESTS_A_MS: u64 = 16;
/// How long a hold stands.
const EXPIRY_MS: u64 = 600_000;
/// What a thousand wallets or limits begin with each; with more people each has less, so that the sum stays an amount.
const FUNDS: NanoUsd = NanoUsd::new(1_000_000_000_000_000);
/// What is held for a request.
const HELD: NanoUsd = NanoUsd::new(50_000_000);
/// What it costs in the end: provider, platform, partner.
const LEGS: [i64; 3] = [39_375_000, 4_921_875, 4_921_875];

const CLEARING: AccountId = AccountId::from_bits(1);
const PROVIDERS: AccountId = AccountId::from_bits(2);
const REVENUE: AccountId = AccountId::from_bits(3);
const EARNINGS: AccountId = AccountId::from_bits(4);
const BAD_DEBT: AccountId = AccountId::from_bits(5);
const LIMITS: AccountId = AccountId::from_bits(6);

/// A ledger with people in it.
pub(in crate::bench) struct Books {
    pub(in crate::bench) ledger: Ledger,
    memo: Vec<u8>,
    people: u64,
    next: AtomicU64,
}

/// A request that is going to be booked.
#[derive(Clone, Copy)]
pub(in crate::bench) struct Request {
    pub(super) id: EntryId,
    pub(super) person: u64,
    pub(super) now: UnixMs,
}

impl Books {
    pub(super) fn open(path: &Path) -> Outcome<Self> {
        Self::open_for(path, PEOPLE)
    }

    /// With so many people.
    pub(in crate::bench) fn open_for(path: &Path, people: u64) -> Outcome<Self> {
        let ledger = Ledger::open(path)?;
        let open = |id, floor, contra| ledger.open_account(OpenAccount { id, floor, contra }, START).map(|_| ());
        for id in [CLEARING, PROVIDERS, REVENUE, EARNINGS, BAD_DEBT, LIMITS] {
            open(id, Floor::None, None)?;
        }
        let funds = FUNDS.get().div_euclid(i64::try_from(people.div_ceil(PEOPLE))?);
        for person in 0..people {
            open(wallet(person), Floor::Zero, None)?;
            open(limit(person), Floor::Zero, Some(LIMITS))?;
            for (place, from, to) in [(0, CLEARING, wallet(person)), (1, LIMITS, limit(person))] {
                let id = EntryId::from_bits((1 << 64) + u128::from(person * 2 + place));
                ledger.transfer(Transfer { id, from, to, amount: NanoUsd::new(funds), memo: b"" }, START)?.accepted();
            }
            make_room(&ledger)?;
        }
        ledger.flush()?;
        Ok(Self { ledger, memo: memo()?, people, next: AtomicU64::new(0) })
    }

    /// The next request, of a person who is not the one before.
    pub(in crate::bench) fn request(&self) -> Request {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        request(number, self.people)
    }

    /// Continues after so many requests, which are booked already.
    pub(in crate::bench) fn skip(&self, requests: u64) {
        self.next.fetch_add(requests, Ordering::Relaxed);
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The worst case on wallet and limit.
    pub(in crate::bench) fn hold(&self, request: Request) -> Result<(), LedgerError> {
        let Request { id, person, now } = request;
        let expires_at = now.saturating_add_ms(EXPIRY_MS);
        let hold = PlaceHold { id, payer: wallet(person), limits: &[limit(person)], amount: HELD, expires_at };
        self.ledger.place_hold(hold, now)?.accepted();
        Ok(())
    }

    /// Waits for the disk when so much waits for it that the ledger would soon refuse holds.
    pub(in crate::bench) fn make_room(&self) -> Result<(), LedgerError> {
        make_room(&self.ledger)
    }

    /// The request goes out.
    pub(in crate::bench) fn send(&self, request: Request) -> Result<Accepted<()>, LedgerError> {
        self.ledger.mark_in_flight(request.id, request.now)
    }

    /// The charge, with its record.
    pub(in crate::bench) fn capture(&self, request: Request) -> Result<Accepted<Captured>, LedgerError> {
        let shares = [OnShortfall::Full, OnShortfall::Proportional, OnShortfall::Proportional];
        let to = [PROVIDERS, REVENUE, EARNINGS];
        let legs: [Leg; 3] =
            std::array::from_fn(|at| Leg { to: to[at], amount: NanoUsd::new(LEGS[at]), on_shortfall: shares[at] });
        let capture = Capture { hold: request.id, legs: &legs, bad_debt: BAD_DEBT, memo: &self.memo };
        self.ledger.capture(capture, request.now)
    }

    /// One request from first to last, each step on disk before the next.
    pub(super) async fn pair(&self) -> Result<(), LedgerError> {
        let request = self.request();
        self.hold(request)?;
        self.send(request)?.durable().await?;
        self.capture(request)?.durable().await
    }
}

fn make_room(ledger: &Ledger) -> Result<(), LedgerError> {
    if ledger.stats().unflushed > UNFLUSHED_MAX / 2 { ledger.flush() } else { Ok(()) }
}

/// The request of this number: its id is as time-ordered as a gateway's are, and as random below the millisecond.
pub(super) fn request(number: u64, people: u64) -> Request {
    let now = START.saturating_add_ms(number / REQUESTS_A_MS);
    let mixed = u128::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let bytes = mixed.to_be_bytes();
    let random = std::array::from_fn(|at| bytes[at]);
    Request { id: EntryId::at(now, random), person: number % people, now }
}

pub(super) fn wallet(person: u64) -> AccountId {
    AccountId::from_bits((1 << 32) + u128::from(person))
}

pub(super) fn limit(person: u64) -> AccountId {
    AccountId::from_bits((2 << 32) + u128::from(person))
}

/// The record of a usual request with cache reads, as the gateway writes it.
pub(super) fn memo() -> Outcome<Vec<u8>> {
    let line = |bucket, tokens, rate| Line::new(Item::Tokens(bucket), Tokens::new(tokens), Rate::new(rate));
    let record = GenerationRecord {
        key: KeyId::at(START, [9; 10]),
        api: Dialect::OpenaiChat,
        model: "author/some-model-5-mini".to_owned(),
        vendor: "vendor".to_owned(),
        upstream_id: "chatcmpl-BxYzAbCdEfGhIjKlMnOpQrStUvWx1".to_owned(),
        native_finish: "stop".to_owned(),
        tier: "default".to_owned(),
        price_book: Catalog::builtin()?.version(),
        streamed: true,
        cancelled: false,
        source: UsageSource::Reported,
        latency_ms: 412,
        duration_ms: 2_950,
        lines: vec![
            line(Bucket::InputUncached, 2_500, 1_750_000),
            line(Bucket::CacheRead, 12_800, 175_000),
            line(Bucket::Output, 2_500, 14_000_000),
        ],
        side_bills: vec![],
        markup: BasisPoints::new(2_500),
        partner_share: BasisPoints::new(5_000),
        cost: NanoUsd::new(LEGS[0]),
        total: NanoUsd::new(LEGS.iter().sum()),
        failed_attempts: vec![],
        reported: None,
    };
    Ok(record.to_memo()?)
}

/// What is held for each request, for whoever books it in another way.
pub(super) const fn held_nano() -> i64 {
    HELD.get()
}

/// The parts of each charge, for whoever books it in another way.
pub(super) const fn legs_nano() -> [i64; 3] {
    LEGS
}
