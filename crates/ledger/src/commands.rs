//! The commands: their effects, and when they are refused.

use crate::codec::{AccountParts, EntryParts, Hold, Limits, Number, write_entry};
use crate::error::LedgerError;
use crate::fingerprint::Fingerprint;
use crate::state::{Command, Effect, Effects, State};
use crate::types::{
    Capture, Captured, EntryKind, Expired, Floor, Held, Leg, OnShortfall, OpenAccount, Phase, PlaceHold, Replay,
    Transfer, Transferred, Voided,
};
use opencredits_units::{EntryId, NanoUsd, UnixMs};

/// The largest number of limits that a hold may have besides its payer.
pub const LIMITS_MAX: usize = 8;
/// The largest number of legs of a charge.
pub const LEGS_MAX: usize = 16;
/// The largest number of linked transfers.
pub const LINKED_MAX: usize = 64;
/// The longest memo, in bytes.
pub const MEMO_BYTES_MAX: usize = 4_096;
/// The largest number of open holds.
pub const HOLDS_MAX: usize = 1_000_000;

/// Changes that may wait for the disk before new holds are refused: the most that a power failure can undo while the
/// disk stalls. Commands that end a hold are accepted beyond.
pub const UNFLUSHED_MAX: usize = 131_072;

/// Sets the expiry of a hold.
#[derive(Clone, Copy)]
pub(crate) struct Extend {
    pub(crate) id: EntryId,
    pub(crate) expires_at: UnixMs,
}

/// Marks a hold in flight: its request was sent.
#[derive(Clone, Copy)]
pub(crate) struct MarkInFlight(pub(crate) EntryId);

/// Voids a hold.
#[derive(Clone, Copy)]
pub(crate) struct Void(pub(crate) EntryId);

/// Voids expired holds.
#[derive(Clone, Copy)]
pub(crate) struct ExpireDue {
    pub(crate) max: usize,
}

impl Command for OpenAccount {
    type Outcome = ();

    fn decide(self, state: &mut State, _now: UnixMs, effects: &mut Effects) -> Result<(), LedgerError> {
        let contra = self.contra.map(|contra| state.number(contra)).transpose()?;
        let parts = AccountParts { id: self.id, floor: self.floor, contra };
        if let Ok(number) = state.number(self.id) {
            let same = state.account(number).is_some_and(|account| account.parts == parts);
            return if same { Ok(()) } else { Err(LedgerError::IdempotencyMismatch { id: self.id.cast() }) };
        }
        let max = usize::try_from(Number::MAX).unwrap_or(usize::MAX);
        let number = state.add_account(parts, NanoUsd::ZERO).ok_or(LedgerError::Limit { what: "accounts", max })?;
        effects.push(Effect::Opened(number, parts));
        Ok(())
    }
}

impl Command for PlaceHold<'_> {
    type Outcome = Held;
    const UNFLUSHED_MAX: usize = UNFLUSHED_MAX;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.id)
    }

    fn decide(self, state: &mut State, _now: UnixMs, effects: &mut Effects) -> Result<Held, LedgerError> {
        at_most("limits of a hold", self.limits.len(), LIMITS_MAX)?;
        not_negative(self.amount)?;
        let fingerprint = self.fingerprint();
        let payer = state.number(self.payer)?;
        if let Some(replay) = replay_of(state, self.id, fingerprint)? {
            return Ok(Held { available: state.balance(payer).available, replay });
        }
        at_most("open holds", state.holds.len().saturating_add(1), HOLDS_MAX)?;
        let limits = self.limits.iter().map(|limit| state.number(*limit)).collect::<Result<Limits, _>>()?;
        let twice =
            limits.iter().enumerate().any(|(at, limit)| *limit == payer || limits.iter().take(at).any(|l| l == limit));
        at_most("mentions of one account in a hold", if twice { 2 } else { 1 }, 1)?;
        let (amount, expires_at) = (self.amount, self.expires_at);
        let hold = Hold { payer, limits, amount, expires_at, phase: Phase::Reserved, fingerprint };
        for number in hold.accounts() {
            if let Some(account) = state.account(number) {
                account.must_cover(amount)?;
            }
        }
        state.add_hold(self.id, hold.clone()).ok_or(LedgerError::Amount)?;
        effects.push(Effect::Hold(self.id, Some(hold)));
        Ok(Held { available: state.balance(payer).available, replay: Replay::First })
    }
}

impl PlaceHold<'_> {
    fn fingerprint(&self) -> u64 {
        let start = Fingerprint::new().with(&self.payer.bits().to_le_bytes()).with(&self.amount.get().to_le_bytes());
        self.limits.iter().fold(start, |print, limit| print.with(&limit.bits().to_le_bytes())).value()
    }
}

impl Command for Extend {
    type Outcome = ();

    fn decide(self, state: &mut State, _now: UnixMs, effects: &mut Effects) -> Result<(), LedgerError> {
        let hold = state.holds.get_mut(&self.id).ok_or(LedgerError::UnknownHold { id: self.id })?;
        let before = std::mem::replace(&mut hold.expires_at, self.expires_at);
        let after = hold.clone();
        state.expiries.remove(&(before, self.id));
        state.expiries.insert((self.expires_at, self.id));
        effects.push(Effect::Hold(self.id, Some(after)));
        Ok(())
    }
}

impl Command for MarkInFlight {
    type Outcome = ();

    fn decide(self, state: &mut State, _now: UnixMs, effects: &mut Effects) -> Result<(), LedgerError> {
        let hold = state.holds.get_mut(&self.0).ok_or(LedgerError::UnknownHold { id: self.0 })?;
        hold.phase = Phase::InFlight;
        effects.push(Effect::Hold(self.0, Some(hold.clone())));
        Ok(())
    }
}

impl Command for Capture<'_> {
    type Outcome = Captured;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.hold)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Captured, LedgerError> {
        at_most("legs of a charge", self.legs.len(), LEGS_MAX)?;
        at_most("bytes of a memo", self.memo.len(), MEMO_BYTES_MAX)?;
        let Some(hold) = state.holds.get(&self.hold) else {
            return self.replay(state);
        };
        let split = self.split(state, hold)?;
        must_bear(state, hold, &split.legs)?;
        let (payer, fingerprint) = (hold.payer, hold.fingerprint);
        state.remove_hold(self.hold);
        for (number, amount) in &split.legs {
            state.post(*number, *amount, effects);
        }
        effects.push(Effect::Hold(self.hold, None));
        let body = write_entry(&EntryParts {
            id: self.hold,
            kind: EntryKind::Capture,
            at: now,
            fingerprint,
            charged: split.charged,
            legs: &split.legs,
            memo: self.memo,
        });
        state.finish(self.hold, body, effects);
        let available = state.balance(payer).available;
        Ok(Captured { charged: split.charged, collected: split.collected, available, replay: Replay::First })
    }
}

/// Divides a charge among its legs.
struct Split {
    charged: NanoUsd,
    collected: NanoUsd,
    legs: Vec<(Number, NanoUsd)>,
}

impl Capture<'_> {
    /// The outcome of the first capture.
    fn replay(&self, state: &State) -> Result<Captured, LedgerError> {
        let entry = state.finished_entry(self.hold).ok_or(LedgerError::UnknownHold { id: self.hold })?;
        if entry.kind != EntryKind::Capture {
            return Err(LedgerError::HoldFinished { id: self.hold, how: "voided" });
        }
        let payer = entry.legs.first().map(|(number, _)| state.balance(*number).available).unwrap_or_default();
        let (charged, collected) = (entry.charged, entry.collected);
        Ok(Captured { charged, collected, available: payer, replay: Replay::Finished })
    }

    /// The payer pays from its hold first, then from its available balance. Bad debt covers the part that is owed and
    /// missing.
    fn split(&self, state: &State, hold: &Hold) -> Result<Split, LedgerError> {
        let mut charged = NanoUsd::ZERO;
        for leg in self.legs {
            not_negative(leg.amount)?;
            charged = charged.checked_add(leg.amount).ok_or(LedgerError::Amount)?;
        }
        // No limit pays more than it has: what it does not cover is bad debt, like what the payer does not have.
        let accounts = hold.limits.iter().chain([&hold.payer]);
        let collected =
            accounts.fold(charged, |least, account| least.min(reach(state, *account, hold.amount, charged)));
        // The payer's, bad debt's, and two for each limit.
        let own = hold.limits.len().saturating_add(1).saturating_mul(2);
        let mut legs = Vec::with_capacity(self.legs.len().saturating_add(own));
        legs.push((hold.payer, collected.checked_neg().ok_or(LedgerError::Amount)?));
        let mut paid = NanoUsd::ZERO;
        for leg in self.legs {
            let share = share_of(leg, collected, charged).ok_or(LedgerError::Amount)?;
            paid = paid.checked_add(share).ok_or(LedgerError::Amount)?;
            legs.push((state.number(leg.to)?, share));
        }
        // Above zero: full legs got more than was collected. Below: rounding left some nano-dollars over.
        let owed = collected.checked_sub(paid).ok_or(LedgerError::Amount)?;
        legs.push((state.number(self.bad_debt)?, owed));
        for limit in &hold.limits {
            let counted = reach(state, *limit, hold.amount, charged);
            let contra = state.account(*limit).and_then(|account| account.parts.contra);
            if let Some(contra) = contra {
                legs.push((*limit, counted.checked_neg().ok_or(LedgerError::Amount)?));
                legs.push((contra, counted));
            }
        }
        let payer = legs.first().copied();
        legs.retain(|leg| leg.1 != NanoUsd::ZERO || Some(*leg) == payer);
        Ok(Split { charged, collected, legs })
    }
}

/// The part of `wanted` that an account can give once its hold of `held` is released.
fn reach(state: &State, number: Number, held: NanoUsd, wanted: NanoUsd) -> NanoUsd {
    let Some(account) = state.account(number) else {
        return NanoUsd::ZERO;
    };
    if account.parts.floor == Floor::None {
        return wanted;
    }
    // A limit that was lowered below its open holds has less than nothing available, and honours each of them.
    let free = account.balance().available.max(NanoUsd::ZERO);
    let has = free.checked_add(held).unwrap_or(NanoUsd::MAX);
    wanted.min(has).max(NanoUsd::ZERO)
}

fn share_of(leg: &Leg, collected: NanoUsd, charged: NanoUsd) -> Option<NanoUsd> {
    match leg.on_shortfall {
        OnShortfall::Proportional if collected < charged => leg.amount.scaled_down(collected, charged),
        OnShortfall::Full | OnShortfall::Proportional => Some(leg.amount),
    }
}

impl Command for Void {
    type Outcome = Voided;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.0)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Voided, LedgerError> {
        let Some(hold) = state.remove_hold(self.0) else {
            return match state.finished_entry(self.0).map(|entry| entry.kind) {
                Some(EntryKind::Void) => Ok(Voided { replay: Replay::Finished }),
                Some(_) => Err(LedgerError::HoldFinished { id: self.0, how: "captured" }),
                None => Err(LedgerError::UnknownHold { id: self.0 }),
            };
        };
        effects.push(Effect::Hold(self.0, None));
        let body = write_entry(&EntryParts {
            id: self.0,
            kind: EntryKind::Void,
            at: now,
            fingerprint: hold.fingerprint,
            charged: NanoUsd::ZERO,
            legs: &[],
            memo: &[],
        });
        state.finish(self.0, body, effects);
        Ok(Voided { replay: Replay::First })
    }
}

impl Command for ExpireDue {
    type Outcome = Expired;

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Expired, LedgerError> {
        let mut expired = Expired::default();
        for (_, id) in state.expiries.iter().take_while(|(at, _)| *at <= now) {
            // Holds in flight stay until their owner settles them, and must not come before the others.
            let list = match state.holds.get(id).map(|hold| hold.phase) {
                Some(Phase::InFlight) => &mut expired.in_flight,
                Some(Phase::Reserved) => &mut expired.voided,
                None => continue,
            };
            if list.len() < self.max {
                list.push(*id);
            } else if expired.in_flight.len().min(expired.voided.len()) >= self.max {
                break;
            }
        }
        for id in &expired.voided {
            state.apply(Void(*id), now, effects)?;
        }
        Ok(expired)
    }
}

impl Command for Transfer<'_> {
    type Outcome = Transferred;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.id)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Transferred, LedgerError> {
        Linked(&[self]).decide(state, now, effects)
    }
}

/// Several transfers, all or none.
#[derive(Clone, Copy)]
pub(crate) struct Linked<'a>(pub(crate) &'a [Transfer<'a>]);

impl Command for Linked<'_> {
    type Outcome = Transferred;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.0.iter().take(LINKED_MAX).map(|transfer| transfer.id)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Transferred, LedgerError> {
        at_most("linked transfers", self.0.len(), LINKED_MAX)?;
        let mut seen = 0_usize;
        for transfer in self.0 {
            at_most("bytes of a memo", transfer.memo.len(), MEMO_BYTES_MAX)?;
            not_negative(transfer.amount)?;
            let replayed = replay_of(state, transfer.id, transfer.fingerprint())?;
            seen = seen.saturating_add(usize::from(replayed.is_some()));
        }
        match (seen, self.0.first()) {
            (0, _) => {}
            (all, _) if all == self.0.len() => {
                return Ok(Transferred { replay: Replay::Finished });
            }
            (_, Some(first)) => return Err(LedgerError::IdempotencyMismatch { id: first.id }),
            (_, None) => {}
        }
        self.check(state)?;
        for transfer in self.0 {
            transfer.book(state, now, effects)?;
        }
        Ok(Transferred { replay: Replay::First })
    }
}

impl Linked<'_> {
    /// Whether every step of the chain is covered, in order, on a copy of the affected balances.
    fn check(&self, state: &State) -> Result<(), LedgerError> {
        let mut touched: Vec<(Number, crate::state::Account)> = Vec::new();
        for (at, transfer) in self.0.iter().enumerate() {
            if self.0.iter().take(at).any(|other| other.id == transfer.id) {
                return Err(LedgerError::IdempotencyMismatch { id: transfer.id });
            }
            let minus = transfer.amount.checked_neg().ok_or(LedgerError::Amount)?;
            for (account, amount) in [(transfer.from, minus), (transfer.to, transfer.amount)] {
                let number = state.number(account)?;
                let place = touched.iter().position(|(other, _)| *other == number);
                let place = match place {
                    Some(place) => place,
                    None => {
                        let account = state.account(number).ok_or(LedgerError::UnknownAccount { account })?;
                        touched.push((number, *account));
                        touched.len().saturating_sub(1)
                    }
                };
                let Some((_, copy)) = touched.get_mut(place) else {
                    continue;
                };
                if amount.is_negative() {
                    copy.must_cover(transfer.amount)?;
                }
                copy.posted = copy.posted.checked_add(amount).ok_or(LedgerError::Amount)?;
            }
        }
        Ok(())
    }
}

impl Transfer<'_> {
    fn fingerprint(&self) -> u64 {
        Fingerprint::new()
            .with(&self.from.bits().to_le_bytes())
            .with(&self.to.bits().to_le_bytes())
            .with(&self.amount.get().to_le_bytes())
            .with(self.memo)
            .value()
    }

    fn book(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<(), LedgerError> {
        let minus = self.amount.checked_neg().ok_or(LedgerError::Amount)?;
        let legs = [(state.number(self.from)?, minus), (state.number(self.to)?, self.amount)];
        for (number, amount) in legs {
            state.post(number, amount, effects);
        }
        let body = write_entry(&EntryParts {
            id: self.id,
            kind: EntryKind::Transfer,
            at: now,
            fingerprint: self.fingerprint(),
            charged: self.amount,
            legs: &legs,
            memo: self.memo,
        });
        state.finish(self.id, body, effects);
        Ok(())
    }
}

/// Whether the id was used before for the same command; an error when it was used for another one.
pub(crate) fn replay_of(state: &State, id: EntryId, fingerprint: u64) -> Result<Option<Replay>, LedgerError> {
    if id == EntryId::default() {
        // An iteration over the entries begins above it, and would miss it: so it counts as used.
        return Err(LedgerError::IdempotencyMismatch { id });
    }
    let (replay, before) = match (state.holds.get(&id), state.finished_entry(id)) {
        (Some(hold), _) => (Replay::Open, hold.fingerprint),
        (None, Some(entry)) => (Replay::Finished, entry.fingerprint),
        (None, None) => return Ok(None),
    };
    if before == fingerprint { Ok(Some(replay)) } else { Err(LedgerError::IdempotencyMismatch { id }) }
}

/// Whether every account can take its postings once the hold is released, all legs of one account together: the
/// bad-debt account may be the payer, a limit, or the account of a leg.
fn must_bear(state: &State, hold: &Hold, legs: &[(Number, NanoUsd)]) -> Result<(), LedgerError> {
    for (number, _) in legs {
        let Some(mut account) = state.account(*number).copied() else {
            continue;
        };
        let before = account.posted;
        for (_, amount) in legs.iter().filter(|(other, _)| other == number) {
            account.posted = account.posted.checked_add(*amount).ok_or(LedgerError::Amount)?;
        }
        let given = before.checked_sub(account.posted).ok_or(LedgerError::Amount)?;
        if given > NanoUsd::ZERO {
            let lifts = hold.payer == *number || hold.limits.contains(number);
            if lifts && given <= hold.amount {
                continue;
            }
            account.posted = before;
            account.held =
                account.held.checked_sub(if lifts { hold.amount } else { NanoUsd::ZERO }).unwrap_or_default();
            account.must_cover(given)?;
        }
    }
    Ok(())
}

pub(crate) fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), LedgerError> {
    if count > max { Err(LedgerError::Limit { what, max }) } else { Ok(()) }
}

pub(crate) fn not_negative(amount: NanoUsd) -> Result<(), LedgerError> {
    if amount.is_negative() { Err(LedgerError::Amount) } else { Ok(()) }
}
