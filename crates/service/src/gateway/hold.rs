//! The hold of a request: how much is held, with which output cap.

use super::exposures::Admitting;
use super::open_request::entry_id;
use super::placing::Placing;
use super::plan::{Plan, PlannedRoute};
use super::quote::{Basis, Quote};
use super::request::InferenceRequest;
use super::served::Served;
use super::state::Gateway;
use crate::fault::{Fault, PaymentNeeded, Short};
use crate::keyring::Spender;
use crate::limits::resets_at;
use opencredits_catalog::{Model, Terms};
use opencredits_ledger::{Balance, LedgerError, PlaceHold, Replay};
use opencredits_units::{AccountId, BasisPoints, NanoUsd, UnixMs};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A request without an output cap may hold one part in so many of the available balance, so that the next request is
/// not refused.
const UNCAPPED_PART: i64 = 4;
/// But at least the price of so many output tokens, where the balance covers it.
const UNCAPPED_TOKENS_MIN: u64 = 4_096;
/// An answer with a smaller cap would be useless: the request is refused instead.
const CAP_TOKENS_MIN: u64 = 16;
/// A lowered cap takes one part in so many of the available balance, where that is enough, so that requests in parallel
/// are served too.
const LOWERED_PART: i64 = 2;
/// A cap is lowered to so many tokens at least,
const LOWERED_TOKENS_MIN: u64 = 1_024;
/// or to one part in so many of the requested cap.
const LOWERED_SHARE: u64 = 8;

/// How often a hold that was not covered is decided anew on what is there now, where other processes spend it, too.
const TRIES_MAX: u32 = 4;

/// Where other processes spend a balance as well, one of this age at most is enough to go on with a request; one that refuses it, or
/// lowers its cap, is read anew. The hold decides in any case.
const RECENT: Duration = Duration::from_secs(1);

/// The balances of a spender's accounts, which are few.
type Balances = SmallVec<[(AccountId, Balance); 4]>;

/// What a hold's amount is decided on.
enum Known {
    /// What is in memory when it is decided.
    InMemory,
    /// Balances of a database that were seen a moment ago.
    Recent(Balances),
    /// Balances that were just read there.
    Read(Balances),
}

/// What was decided of a hold.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and is the large one nearly always")]
enum Decided {
    Sent(Amounts, Placing),
    /// The balance is short by what was estimated, and the input can be counted.
    Count,
    /// The balance is short, but may be old.
    ReadAgain,
}

/// The hold of a request.
pub(super) struct HeldAmount {
    pub(super) amount: NanoUsd,
    /// The amount by which the charge may exceed the hold.
    pub(super) exposure: NanoUsd,
    /// The output cap that it covers, where the client set none, or a higher one than its balance covers.
    pub(super) cap: Option<u64>,
}

/// What a request may cost a spender.
#[derive(Clone, Copy)]
struct Room {
    /// The least that is available on the wallet and the limits: the hold must be covered by it.
    available: NanoUsd,
    /// The highest charge that leaves the exposures of every account within the limit.
    bound: NanoUsd,
    likely: Basis,
    /// The account that has no more than that available.
    short: AccountId,
}

/// The amounts of a hold, and what they were decided on.
struct Amounts {
    held: HeldAmount,
    /// The highest possible charge.
    highest: NanoUsd,
    room: Room,
}

impl Room {
    /// The largest output cap that `part` of the available balance covers; `None` when it does not cover the input.
    fn affordable(self, quote: &Quote<'_>, part: NanoUsd) -> Result<Option<u64>, Fault> {
        let likely = quote.affordable(part, self.likely)?;
        let bound = quote.affordable(self.bound, Basis::Bound)?;
        Ok(likely.and_then(|likely| Some(likely.min(bound?))))
    }

    fn covers(self, quote: &Quote<'_>, cap: u64) -> Result<bool, Fault> {
        Ok(quote.charge(cap, self.likely)? <= self.available && quote.charge(cap, Basis::Bound)? <= self.bound)
    }
}

/// The terms of a hold: which part of it the partner gets does not matter yet.
fn terms(served: &Served, spender: &Spender, model: &Model) -> Terms {
    Terms { markup: served.markup(spender.markup, model), partner_share: BasisPoints::ZERO }
}

impl Gateway {
    /// Refuses a spender who has nothing available, before the request is read, unless a model on sale is free.
    ///
    /// # Errors
    /// When nothing is available, or the ledger fails.
    pub async fn refuse_without_credit(&self, spender: &Spender) -> Result<(), Fault> {
        self.renew_limits_of(spender, self.ports.clock.now()).await?;
        if self.sells_free.load(Ordering::Relaxed) {
            return Ok(());
        }
        let recent: Option<Balances> = self.ledger.recent_balances(spender.accounts(), RECENT)?;
        if recent.is_some_and(|recent| recent.iter().all(|(_, balance)| balance.available > NanoUsd::ZERO)) {
            return Ok(());
        }
        for (account, balance) in self.balances(spender).await? {
            let available = balance.available;
            if available <= NanoUsd::ZERO {
                let (short, resets_at) = self.short_of(spender, account);
                let available = available.max(NanoUsd::ZERO);
                let needed = PaymentNeeded { required: None, available, affordable_max_tokens: None, short, resets_at };
                return Err(Fault::Payment(Box::new(needed)));
            }
        }
        Ok(())
    }

    /// Holds the likely charge of the most expensive route on the balance and the limits. Where that is not covered, drops
    /// that route and tries again; the last refusal says what would be needed.
    /// Where the balance is short, the input is counted exactly before that, for the models whose vocabulary is public.
    pub(super) async fn hold(
        self: &Arc<Self>,
        request: &InferenceRequest,
        plan: &mut Plan<'_>,
    ) -> Result<HeldAmount, Fault> {
        loop {
            match self.hold_for(request, plan).await {
                Ok(None) => plan.count_exactly().await?,
                Err(Fault::Payment(needed)) => {
                    let cap = plan.facts.output_cap.unwrap_or(u64::MAX);
                    let terms = |model: &Model| terms(&plan.served, &request.spender, model);
                    let charge =
                        |planned: &PlannedRoute| planned.charge(cap, terms(&planned.candidate.model), Basis::Bound);
                    let priciest =
                        (0..).zip(&plan.routes).max_by_key(|(_, planned)| charge(planned).unwrap_or(NanoUsd::MAX));
                    match priciest.map(|(at, _)| at).filter(|_| plan.routes.len() > 1) {
                        Some(at) => drop(plan.routes.remove(at)),
                        None => return Err(Fault::Payment(needed)),
                    }
                }
                Ok(Some(held)) => return Ok(held),
                Err(fault) => return Err(fault),
            }
        }
    }

    /// `None` where the balance is short by what was estimated, and the input can be counted.
    async fn hold_for(
        self: &Arc<Self>,
        request: &InferenceRequest,
        plan: &Plan<'_>,
    ) -> Result<Option<HeldAmount>, Fault> {
        // Reading the body may have taken until the next period.
        self.renew_limits_of(&request.spender, self.ports.clock.now()).await?;
        let is_shared = self.ledger.shared().is_some();
        let mut tries = if is_shared { TRIES_MAX } else { 1 };
        let mut recent = match is_shared {
            true => self.ledger.recent_balances::<Balances>(request.spender.accounts(), RECENT)?,
            false => None,
        };
        loop {
            let known = match recent.take() {
                Some(recent) => Known::Recent(recent),
                None if is_shared => Known::Read(self.balances(&request.spender).await?),
                None => Known::InMemory,
            };
            let (amounts, placing) = match self.place(request, plan, known)? {
                Decided::Sent(amounts, placing) => (amounts, placing),
                Decided::Count => return Ok(None),
                Decided::ReadAgain => continue,
            };
            tries = tries.saturating_sub(1);
            match placing.placed().await {
                Ok(held) if held.replay == Replay::First => return Ok(Some(amounts.held)),
                Ok(_) => return Err(Fault::Duplicate { first: request.generation }),
                Err(LedgerError::InsufficientFunds { account, available, .. }) if tries == 0 => {
                    return Err(self.needed((request, plan), &amounts, (available, account))?);
                }
                // Others were faster: what is there now may cover a lower cap.
                Err(LedgerError::InsufficientFunds { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends the hold to the ledger.
    fn place(self: &Arc<Self>, request: &InferenceRequest, plan: &Plan<'_>, known: Known) -> Result<Decided, Fault> {
        let spender = &request.spender;
        let now = self.ports.clock.now();
        let terms = |model: &Model| terms(&plan.served, spender, model);
        let quote = Quote::new(&plan.routes, &terms);
        let mut admitting = self.exposures.lock();
        let settings = &plan.served.settings;
        let (is_shared, is_recent) = (!matches!(known, Known::InMemory), matches!(known, Known::Recent(_)));
        let balances = match known {
            Known::InMemory => self.balances_in_memory(spender)?,
            Known::Recent(balances) | Known::Read(balances) => balances,
        };
        let room = self.room(spender, balances, &admitting, settings.exposure_max);
        let lowers = settings.lower_caps && request.lowers_cap;
        // No provider takes a cap above its model's longest answer, so that nobody loses by a lower one.
        let asked = plan.facts.output_cap.map(|cap| cap.min(quote.longest()));
        let (lowered, output) = match asked {
            Some(cap) if room.covers(&quote, cap)? || !lowers => (None, cap),
            Some(cap) => self.lowered(cap, &quote, room)?.map_or((None, cap), |lowered| (Some(lowered), lowered)),
            None => self.uncapped(&quote, room)?,
        };
        let (likely, highest) = (quote.charge(output, room.likely)?, quote.charge(output, Basis::Bound)?);
        let is_short = lowered.is_some_and(|cap| asked.is_some() || cap < UNCAPPED_TOKENS_MIN) || highest > room.bound;
        if is_recent && (lowered.is_some() || highest > room.bound) {
            return Ok(Decided::ReadAgain);
        }
        if is_short && plan.may_be_counted() {
            return Ok(Decided::Count);
        }
        // Another process may spend what is available, so that only the hold covers what exceeds the exposure.
        let covered = room.bound.checked_sub(room.available).and_then(|spare| highest.checked_sub(spare));
        let amount = if is_shared { likely.max(covered.unwrap_or(highest)) } else { likely };
        let cap = lowered.or(asked.filter(|asked| plan.facts.output_cap != Some(*asked)));
        let exposure = highest.checked_sub(amount).unwrap_or_default();
        let amounts = Amounts { held: HeldAmount { amount, exposure, cap }, highest, room };
        if highest > room.bound {
            drop(admitting);
            return Err(self.needed((request, plan), &amounts, (room.available, room.short))?);
        }
        let hold = PlaceHold {
            id: entry_id(request.generation),
            payer: spender.wallet,
            limits: &spender.limits,
            amount,
            expires_at: now.saturating_add_ms(settings.hold_expiry_ms),
        };
        let sent = self.ledger.place_hold(hold, now).send();
        admitting.add(spender.accounts(), exposure);
        drop(admitting);
        Ok(Decided::Sent(amounts, Placing::new(self, request, exposure, sent)))
    }

    /// The refusal of a request whose hold is not covered: an account has only so much available.
    fn needed(
        &self,
        (request, plan): (&InferenceRequest, &Plan<'_>),
        amounts: &Amounts,
        (available, account): (NanoUsd, AccountId),
    ) -> Result<Fault, Fault> {
        let Amounts { held, highest, room } = amounts;
        let terms = |model: &Model| terms(&plan.served, &request.spender, model);
        let quote = Quote::new(&plan.routes, &terms);
        // The exposure that is left counts as if it were available.
        let more = room.bound.checked_sub(room.available).unwrap_or_default();
        let required = highest.checked_sub(more).unwrap_or(*highest).max(held.amount);
        let (required, affordable_max_tokens) = (Some(required), room.affordable(&quote, room.available)?);
        let (short, resets_at) = self.short_of(&request.spender, account);
        let available = available.max(NanoUsd::ZERO);
        let needed = PaymentNeeded { required, available, affordable_max_tokens, short, resets_at };
        Ok(Fault::Payment(Box::new(needed)))
    }

    /// The balances of the limits and the wallet.
    async fn balances(&self, spender: &Spender) -> Result<Balances, Fault> {
        Ok(self.ledger.balances(spender.accounts()).await?)
    }

    /// The same where they are in memory.
    fn balances_in_memory(&self, spender: &Spender) -> Result<Balances, Fault> {
        let ledger = self.ledger.embedded().ok_or(LedgerError::Away)?;
        Ok(ledger.balances(spender.accounts())?)
    }

    fn room(&self, spender: &Spender, balances: Balances, admitting: &Admitting<'_>, exposure_max: NanoUsd) -> Room {
        let percent = self.overruns.get(&spender.wallet).unwrap_or(100);
        // Without exposure the hold is the bound.
        let likely = if exposure_max > NanoUsd::ZERO { Basis::Likely(percent) } else { Basis::Bound };
        let exposure_max = self.exposures.share_of(exposure_max);
        let mut room = Room { available: NanoUsd::MAX, bound: NanoUsd::MAX, likely, short: spender.wallet };
        let mut spare = exposure_max;
        for (account, balance) in balances {
            let available = balance.available;
            let bound = available.checked_add(exposure_max).unwrap_or(NanoUsd::MAX);
            if available < room.available {
                (room.available, room.short) = (available, account);
            }
            room.bound = room.bound.min(bound.checked_sub(admitting.of(account)).unwrap_or_default());
            spare = spare.min(exposure_max.checked_sub(admitting.of(account)).unwrap_or_default());
        }
        if self.ledger.shared().is_some() {
            // Another process may spend what is available: an account that has more of it gives no more room.
            room.bound = room.available.checked_add(spare.max(NanoUsd::ZERO)).unwrap_or(NanoUsd::MAX);
        }
        room
    }

    /// What an account of a spender is, and when it begins anew.
    fn short_of(&self, spender: &Spender, account: AccountId) -> (Short, Option<UnixMs>) {
        match spender.limit_terms.iter().find(|terms| terms.limit.account == account) {
            Some(terms) => (Short::Limit(terms.kind), resets_at(&terms.limit, self.ports.clock.now())),
            None => (Short::Balance, None),
        }
    }

    /// The cap that a client's cap is lowered to, where the balance does not cover that one: what half of the balance covers
    /// or, where that is too little, all of it. `None` where that is too little as well.
    fn lowered(&self, cap: u64, quote: &Quote<'_>, room: Room) -> Result<Option<u64>, Fault> {
        let enough = LOWERED_TOKENS_MIN.min(cap.div_ceil(LOWERED_SHARE)).max(CAP_TOKENS_MIN);
        for part in [LOWERED_PART, 1] {
            let part = NanoUsd::new(room.available.get().div_euclid(part));
            let lowered = room.affordable(quote, part)?.unwrap_or(0).min(quote.output_max());
            if lowered >= enough && lowered < cap {
                return Ok(Some(lowered));
            }
        }
        Ok(None)
    }

    /// The cap and the output to hold for where the client set no cap: none where the model's longest output costs a fair part
    /// of the available balance, else the cap that this part covers.
    fn uncapped(&self, quote: &Quote<'_>, room: Room) -> Result<(Option<u64>, u64), Fault> {
        let output_max = quote.output_max();
        let part = NanoUsd::new(room.available.get().div_euclid(UNCAPPED_PART));
        if quote.charge(output_max, room.likely)? <= part && quote.charge(output_max, Basis::Bound)? <= room.bound {
            return Ok((None, output_max));
        }
        let fair = room.affordable(quote, part)?.unwrap_or(0).max(UNCAPPED_TOKENS_MIN);
        let cap = fair.min(room.affordable(quote, room.available)?.unwrap_or(0)).min(output_max);
        Ok(if cap < CAP_TOKENS_MIN { (None, output_max) } else { (Some(cap), cap) })
    }
}
