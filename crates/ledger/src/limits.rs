//! The command that changes a limit.
//!
//! A limit has what is left of its amount, and its contra account has what was spent: captures move an amount from one to
//! the other. So the amount of a limit is the sum of both, and each change is decided on what is booked at that moment.

use crate::codec::{EntryParts, Number, write_entry};
use crate::commands::{MEMO_BYTES_MAX, at_most, not_negative, replay_of};
use crate::error::LedgerError;
use crate::fingerprint::Fingerprint;
use crate::state::{Command, Effects, State};
use crate::types::{ChangeLimit, EntryKind, Floor, LimitChange, LimitChanged, Replay};
use opencredits_units::{EntryId, NanoUsd, UnixMs};

impl Command for ChangeLimit<'_> {
    type Outcome = LimitChanged;

    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::once(self.id)
    }

    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<LimitChanged, LedgerError> {
        at_most("bytes of a memo", self.memo.len(), MEMO_BYTES_MAX)?;
        if let Some(replay) = replay_of(state, self.id, self.fingerprint())? {
            return Ok(LimitChanged { replay });
        }
        let legs = self.legs(state)?;
        for (number, amount) in &legs {
            let posted = state.balance(*number).posted;
            posted.checked_add(*amount).ok_or(LedgerError::Amount)?;
        }
        for (number, amount) in &legs {
            state.post(*number, *amount, effects);
        }
        // As the first leg says it, so that the entry needs no amount of its own.
        let given = legs.first().and_then(|(_, amount)| amount.checked_neg()).ok_or(LedgerError::Amount)?;
        let body = write_entry(&EntryParts {
            id: self.id,
            kind: EntryKind::Transfer,
            at: now,
            fingerprint: self.fingerprint(),
            charged: given,
            legs: &legs,
            memo: self.memo,
        });
        state.finish(self.id, body, effects);
        Ok(LimitChanged { replay: Replay::First })
    }
}

impl ChangeLimit<'_> {
    /// The other account gives, the limit gets.
    fn legs(&self, state: &State) -> Result<[(Number, NanoUsd); 2], LedgerError> {
        let number = state.number(self.limit)?;
        let no_limit = LedgerError::NoLimit { account: self.limit };
        let Some(account) = state.account(number).copied() else {
            return Err(no_limit);
        };
        let (Floor::Zero, Some(contra)) = (account.parts.floor, account.parts.contra) else {
            return Err(no_limit);
        };
        let spent = state.balance(contra).posted;
        let (other, gets) = match self.change {
            LimitChange::Restart => (contra, spent),
            LimitChange::Amount { amount, from } => {
                not_negative(amount)?;
                let left = amount.checked_sub(spent).ok_or(LedgerError::Amount)?;
                (state.number(from)?, left.checked_sub(account.posted).ok_or(LedgerError::Amount)?)
            }
        };
        if other == number || (matches!(self.change, LimitChange::Amount { .. }) && other == contra) {
            return Err(no_limit);
        }
        if let Some(other) = state.account(other) {
            other.must_cover(gets)?;
        }
        Ok([(other, gets.checked_neg().ok_or(LedgerError::Amount)?), (number, gets)])
    }

    fn fingerprint(&self) -> u64 {
        let print = Fingerprint::new().with(b"limit").with(&self.limit.bits().to_le_bytes());
        let print = match self.change {
            LimitChange::Restart => print.with(b"restart"),
            LimitChange::Amount { amount, from } => {
                print.with(&from.bits().to_le_bytes()).with(&amount.get().to_le_bytes())
            }
        };
        print.with(self.memo).value()
    }
}
