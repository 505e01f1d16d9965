//! The command that moves what an account has.

use crate::codec::{EntryParts, Number, write_entry};
use crate::commands::{MEMO_BYTES_MAX, at_most, not_negative, replay_of};
use crate::error::LedgerError;
use crate::fingerprint::Fingerprint;
use crate::state::{Command, Effects, State};
use crate::types::{Collect, Collected, EntryKind, Floor, Most, Replay};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};

impl Command for Collect<'_> {
    type Outcome = Collected;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.id)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Collected, LedgerError> {
        at_most("bytes of a memo", self.memo.len(), MEMO_BYTES_MAX)?;
        if let Most::Amount(amount) = self.most {
            not_negative(amount)?;
        }
        let fingerprint = self.fingerprint();
        if let Some(replay) = replay_of(state, self.id, fingerprint)? {
            let collected = state.finished_entry(self.id).map(|entry| entry.collected).unwrap_or_default();
            return Ok(Collected { collected, replay });
        }
        let legs = self.legs(state)?;
        let collected = legs.first().and_then(|(_, given)| given.checked_neg()).unwrap_or_default();
        // All legs fit, or none is booked.
        for (number, amount) in &legs {
            state.balance(*number).posted.checked_add(*amount).ok_or(LedgerError::Amount)?;
        }
        for (number, amount) in &legs {
            state.post(*number, *amount, effects);
        }
        let (id, kind, memo) = (self.id, EntryKind::Transfer, self.memo);
        let body = write_entry(&EntryParts { id, kind, at: now, fingerprint, charged: collected, legs: &legs, memo });
        state.finish(self.id, body, effects);
        Ok(Collected { collected, replay: Replay::First })
    }
}

impl Collect<'_> {
    /// The legs, that of the giving account first: its amount is the outcome of a replay, so it is there even when it is zero.
    fn legs(&self, state: &State) -> Result<Vec<(Number, NanoUsd)>, LedgerError> {
        let from = state.number(self.from)?;
        let account = state.account(from).ok_or(LedgerError::UnknownAccount { account: self.from })?;
        let to = state.number(self.to)?;
        let most = match self.most {
            Most::Amount(amount) => amount,
            Most::Owed => state.balance(to).posted.checked_neg().ok_or(LedgerError::Amount)?.max(NanoUsd::ZERO),
        };
        let collected = match account.parts.floor {
            Floor::None => most,
            Floor::Zero => most.min(account.balance().available).max(NanoUsd::ZERO),
        };
        let missing = most.checked_sub(collected).ok_or(LedgerError::Amount)?;
        let given = collected.checked_neg().ok_or(LedgerError::Amount)?;
        let mut legs = vec![(from, given)];
        let Some(shortfall) = self.shortfall else {
            legs.push((to, collected));
            return Ok(legs);
        };
        distinct(&[self.from, self.to, shortfall])?;
        let number = state.number(shortfall)?;
        state.account(number).ok_or(LedgerError::UnknownAccount { account: shortfall })?.must_cover(missing)?;
        legs.push((to, most));
        legs.push((number, missing.checked_neg().ok_or(LedgerError::Amount)?));
        Ok(legs)
    }

    fn fingerprint(&self) -> u64 {
        // A transfer of the same amount between the same accounts is another command.
        Fingerprint::new()
            .with(b"collect")
            .with(&self.from.bits().to_le_bytes())
            .with(&self.to.bits().to_le_bytes())
            .with(&match self.most {
                Most::Amount(amount) => amount.get().to_le_bytes(),
                Most::Owed => i64::MIN.to_le_bytes(),
            })
            .with(&self.shortfall.map_or(0, AccountId::bits).to_le_bytes())
            .with(self.memo)
            .value()
    }
}

fn distinct(accounts: &[AccountId]) -> Result<(), LedgerError> {
    let twice = accounts.iter().enumerate().any(|(at, one)| accounts.iter().take(at).any(|other| other == one));
    at_most("mentions of one account in a collection", if twice { 2 } else { 1 }, 1)
}
