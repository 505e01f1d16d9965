//! The hold of a request: how much is held, with which output cap.

use super::exposures::Admitting;
use super::open_request::entry_id;
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
use std::sync::atomic::Ordering;

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

/// The balances of a spender's accounts, which are few.
type Balances = SmallVec<[(AccountId, Balance); 4]>;

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
    pub fn refuse_without_credit(&self, spender: &Spender) -> Result<(), Fault> {
        self.renew_limits_of(spender, self.ports.clock.now())?;
        if self.sells_free.load(Ordering::Relaxed) {
            return Ok(());
        }
        for (account, balance) in self.balances(spender)? {
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
    pub(super) async fn hold(&self, request: &InferenceRequest, plan: &mut Plan<'_>) -> Result<HeldAmount, Fault> {
        loop {
            match self.hold_for(request, plan) {
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
    fn hold_for(&self, request: &InferenceRequest, plan: &Plan<'_>) -> Result<Option<HeldAmount>, Fault> {
        let spender = &request.spender;
        // Reading the body may have taken until the next period.
        let now = self.ports.clock.now();
        self.renew_limits_of(spender, now)?;
        let terms = |model: &Model| terms(&plan.served, spender, model);
        let quote = Quote::new(&plan.routes, &terms);
        let mut admitting = self.exposures.lock();
        let settings = &plan.served.settings;
        let room = self.room(spender, settings.exposure_max, &admitting)?;
        let lowers = settings.lower_caps && request.lowers_cap;
        // No provider takes a cap above its model's longest answer, so that nobody loses by a lower one.
        let asked = plan.facts.output_cap.map(|cap| cap.min(quote.longest()));
        let (lowered, output) = match asked {
            Some(cap) if room.covers(&quote, cap)? || !lowers => (None, cap),
            Some(cap) => self.lowered(cap, &quote, room)?.map_or((None, cap), |lowered| (Some(lowered), lowered)),
            None => self.uncapped(&quote, room)?,
        };
        let (amount, highest) = (quote.charge(output, room.likely)?, quote.charge(output, Basis::Bound)?);
        let is_short = lowered.is_some_and(|cap| asked.is_some() || cap < UNCAPPED_TOKENS_MIN) || highest > room.bound;
        if is_short && plan.may_be_counted() {
            return Ok(None);
        }
        let cap = lowered.or(asked.filter(|asked| plan.facts.output_cap != Some(*asked)));
        let needed = |available: NanoUsd, account: AccountId| -> Result<Fault, Fault> {
            // The exposure that is left counts as if it were available.
            let more = room.bound.checked_sub(room.available).unwrap_or_default();
            let required = highest.checked_sub(more).unwrap_or(highest).max(amount);
            let (required, affordable_max_tokens) = (Some(required), room.affordable(&quote, room.available)?);
            let (short, resets_at) = self.short_of(spender, account);
            let available = available.max(NanoUsd::ZERO);
            let needed = PaymentNeeded { required, available, affordable_max_tokens, short, resets_at };
            Ok(Fault::Payment(Box::new(needed)))
        };
        if highest > room.bound {
            return Err(needed(room.available, self.short(spender, room.available)?)?);
        }
        let hold = PlaceHold {
            id: entry_id(request.generation),
            payer: spender.wallet,
            limits: &spender.limits,
            amount,
            expires_at: now.saturating_add_ms(settings.hold_expiry_ms),
        };
        match self.ledger.place_hold(hold, now).map(opencredits_ledger::Accepted::accepted) {
            Ok(held) if held.replay == Replay::First => {}
            Ok(_) => return Err(Fault::Duplicate { first: request.generation }),
            Err(LedgerError::InsufficientFunds { account, available, .. }) => {
                return Err(needed(available, account)?);
            }
            Err(error) => return Err(error.into()),
        }
        let exposure = highest.checked_sub(amount).unwrap_or_default();
        admitting.add(spender.accounts(), exposure);
        Ok(Some(HeldAmount { amount, exposure, cap }))
    }

    /// The balances of the limits and the wallet.
    fn balances(&self, spender: &Spender) -> Result<Balances, Fault> {
        Ok(self.ledger.balances(spender.accounts())?)
    }

    fn room(&self, spender: &Spender, exposure_max: NanoUsd, admitting: &Admitting<'_>) -> Result<Room, Fault> {
        let percent = self.overruns.get(&spender.wallet).unwrap_or(100);
        // Without exposure the hold is the bound.
        let likely = if exposure_max > NanoUsd::ZERO { Basis::Likely(percent) } else { Basis::Bound };
        let mut room = Room { available: NanoUsd::MAX, bound: NanoUsd::MAX, likely };
        for (account, balance) in self.balances(spender)? {
            let available = balance.available;
            let bound = available.checked_add(exposure_max).unwrap_or(NanoUsd::MAX);
            room.available = room.available.min(available);
            room.bound = room.bound.min(bound.checked_sub(admitting.of(account)).unwrap_or_default());
        }
        Ok(room)
    }

    /// The account that has no more than `available`.
    fn short(&self, spender: &Spender, available: NanoUsd) -> Result<AccountId, Fault> {
        let accounts = [spender.wallet].into_iter().chain(spender.limits.iter().copied());
        let balances: Balances = self.ledger.balances(accounts)?;
        let short = balances.iter().find(|(_, balance)| balance.available <= available);
        Ok(short.map_or(spender.wallet, |(account, _)| *account))
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
