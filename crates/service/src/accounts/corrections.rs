//! Credits that the operator takes or corrects, each with a reason and a record.

use super::{Accounts, AccountsError, Actor};
use crate::books::{self, Derived};
use crate::ledger_ids::entry_id;
use crate::ports::fresh_id;
use opencredits_ledger::{Balance, EntryKind, Floor, LedgerError, Replay, Transfer, Transferred};
use opencredits_store::User;
use opencredits_units::{AccountId, EntryId, GenerationId, NanoUsd};

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

/// The way of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionKind {
    /// Credits that were given are taken back.
    Take,
    /// The charge of this request is given back, at the cost of our revenue. All refunds of a request together give back
    /// what was collected for it at most.
    Refund(GenerationId),
    /// A mistake is corrected in the person's favour.
    Add,
    /// A mistake is corrected against the person.
    Deduct,
}

/// A correction of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The person, by id or label.
    pub user: String,
    /// Its way.
    pub kind: CorrectionKind,
    /// The amount.
    pub amount: NanoUsd,
    /// The entry: a repetition under the same id corrects nothing more. A fresh one where `None`.
    pub id: Option<EntryId>,
    /// The reason, for the ledger and the record of changes.
    pub reason: String,
}

/// A correction was made, and is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// The entry.
    pub id: EntryId,
    /// Whether this was the first time.
    pub replay: Replay,
    /// The person.
    pub user: User,
    /// The wallet's balance.
    pub balance: Balance,
}

impl CorrectionKind {
    /// The giving and the receiving account, for this wallet.
    const fn accounts(self, wallet: AccountId) -> (AccountId, AccountId) {
        match self {
            Self::Take => (wallet, books::PROMOTION),
            Self::Refund(_) => (books::REVENUE, wallet),
            Self::Add => (books::CORRECTIONS, wallet),
            Self::Deduct => (wallet, books::CORRECTIONS),
        }
    }

    /// Its name in the record of changes.
    const fn action(self) -> &'static str {
        match self {
            Self::Take => "credits.take",
            Self::Refund(_) => "credits.refund",
            Self::Add | Self::Deduct => "credits.correct",
        }
    }
}

impl Accounts {
    /// Corrects a balance, durably. Under one id it is corrected once.
    ///
    /// # Errors
    /// When the person is unknown, the amount not above zero, there is no reason, the balance does not cover what is taken,
    /// a refund is of a request that the person did not pay for or of more than is left of its charge, or the id was used for
    /// another command; when ledger or store fail.
    pub async fn correct(&self, correction: Correction) -> Result<Corrected, AccountsError> {
        let invalid = |field, problem| Err(AccountsError::Invalid { field, problem });
        if correction.amount <= NanoUsd::ZERO {
            return invalid("the amount", "is not above zero");
        }
        if correction.reason.is_empty() || correction.reason.len() > REASON_BYTES_MAX {
            return invalid("the reason", "has no or more than 500 bytes; say why in some words");
        }
        let user = self.find_user(&correction.user).await?;
        let now = self.now();
        let id = correction.id.unwrap_or_else(|| fresh_id(now, &*self.entropy));
        let (from, to) = correction.kind.accounts(user.wallet);
        for account in [from, to] {
            if account != user.wallet {
                self.open(account, Floor::None, None).await?;
            }
        }
        let transfer = Transfer { id, from, to, amount: correction.amount, memo: correction.reason.as_bytes() };
        let moved = match correction.kind {
            CorrectionKind::Refund(of) => self.refund_charge(transfer, of).await?,
            _ => self.ledger.transfer(transfer, now).durable().await?,
        };
        if moved.replay == Replay::First {
            let sign = if from == user.wallet { "-" } else { "" };
            let of = match correction.kind {
                CorrectionKind::Refund(of) => format!(" of {of}"),
                _ => String::new(),
            };
            let detail = format!("{sign}{} USD{of}, {id}: {}", correction.amount, correction.reason);
            self.record((Actor::Operator, correction.kind.action()), &user.id.to_string(), detail).await?;
        }
        let balance = self.ledger.balance(user.wallet).await?;
        Ok(Corrected { id, replay: moved.replay, user, balance })
    }

    /// Gives a charge back, together with what may be given back of it: that has the amount that was collected when it is
    /// opened, and never goes below zero.
    async fn refund_charge(&self, transfer: Transfer<'_>, of: GenerationId) -> Result<Transferred, AccountsError> {
        let invalid = |problem| AccountsError::Invalid { field: "the request", problem };
        let charge = self.charge_of(of).await?.filter(|entry| entry.kind == EntryKind::Capture);
        let charge = charge.ok_or_else(|| invalid("is not charged; name one that `usage` or a bill shows"))?;
        let paid = charge.legs.first().filter(|(payer, _)| *payer == transfer.to);
        let paid = paid.ok_or_else(|| invalid("was paid by another person; name the person who paid for it"))?;
        let (_, collected) = *paid;
        let collected = collected.checked_neg().ok_or(LedgerError::Amount)?;
        let (rest, now) = (Derived::Refundable.account(of.bits()), self.now());
        self.open(rest, Floor::Zero, None).await?;
        self.open(books::LIMITS, Floor::None, None).await?;
        let memo = b"what may be given back of a charge";
        let id = entry_id(of.made_at(), &["refundable"], &[&of.bits().to_be_bytes()]);
        let filled = Transfer { id, from: books::LIMITS, to: rest, amount: collected, memo };
        self.ledger.transfer(filled, now).accepted().await?;
        let id = entry_id(transfer.id.made_at(), &["refunded"], &[&transfer.id.bits().to_be_bytes()]);
        let counted = Transfer { id, from: rest, to: books::LIMITS, amount: transfer.amount, memo };
        match self.ledger.transfer_linked(&[transfer, counted], now).durable().await {
            Err(LedgerError::InsufficientFunds { .. }) => {
                let problem = "exceeds what was charged for the request and not given back; refund less";
                Err(AccountsError::Invalid { field: "the amount", problem })
            }
            made => Ok(made?),
        }
    }

    /// Records a change that another use case made.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_change(
        &self,
        action: (Actor, &str),
        subject: &str,
        detail: String,
    ) -> Result<(), AccountsError> {
        self.record(action, subject, detail).await
    }
}
