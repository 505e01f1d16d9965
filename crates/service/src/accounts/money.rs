//! Credits given by the operator, and balances.

use super::{Accounts, AccountsError, Actor};
use crate::books;
use crate::ports::fresh_id;
use opencredits_ledger::{Balance, Floor, LedgerError, Replay, Transfer};
use opencredits_store::User;
use opencredits_units::{EntryId, NanoUsd, UserId};

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

/// Credits to give, without a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The person.
    pub user: UserId,
    /// The amount.
    pub amount: NanoUsd,
    /// The entry: a repetition under the same id gives nothing more. A fresh one where `None`.
    pub id: Option<EntryId>,
    /// The reason, for the ledger.
    pub reason: String,
}

/// Credits were given, and are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The entry.
    pub id: EntryId,
    /// Whether this was the first time; a repetition gave nothing more.
    pub replay: Replay,
    /// The wallet's balance.
    pub balance: Balance,
}

/// A person and their balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// The person.
    pub user: User,
    /// The balance.
    pub balance: Balance,
}

impl Accounts {
    /// Gives credits, durably. Under one id they are given once, for any number of calls.
    ///
    /// # Errors
    /// When the person is unknown, the amount not above zero, or the id was used for another command, or when ledger or
    /// store fail. After [`opencredits_ledger::LedgerError::CommitUnknown`] the same id may be tried again.
    pub async fn grant_credits(&self, grant: Grant) -> Result<Granted, AccountsError> {
        let invalid = |field, problem| Err(AccountsError::Invalid { field, problem });
        if grant.amount <= NanoUsd::ZERO {
            return invalid("the amount", "is not above zero; a grant adds credits");
        }
        if grant.reason.len() > REASON_BYTES_MAX {
            return invalid("the reason", "is longer than 500 bytes; shorten it");
        }
        let user = self.find_user(&grant.user.to_string()).await?;
        let now = self.now();
        let id = grant.id.unwrap_or_else(|| fresh_id(now, &*self.entropy));
        self.open(books::PROMOTION, Floor::None, None).await?;
        let transfer = Transfer {
            id,
            from: books::PROMOTION,
            to: user.wallet,
            amount: grant.amount,
            memo: grant.reason.as_bytes(),
        };
        let moved = self.ledger.transfer(transfer, now).durable().await?;
        if moved.replay == Replay::First {
            let detail = format!("{} USD, {id}: {}", grant.amount, grant.reason);
            self.record((Actor::Operator, "credits.grant"), &user.id.to_string(), detail).await?;
        }
        Ok(Granted { id, replay: moved.replay, balance: self.ledger.balance(user.wallet).await? })
    }

    /// What a person owes, after credits were taken back that they had spent.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn debt_of(&self, user: UserId) -> Result<NanoUsd, AccountsError> {
        match self.ledger.balance(books::Derived::Debt.account(user.bits())).await {
            Ok(balance) => Ok(balance.posted.checked_neg().unwrap_or_default()),
            Err(LedgerError::UnknownAccount { .. }) => Ok(NanoUsd::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    /// The balance of the person with this id or label.
    ///
    /// # Errors
    /// When the person does not exist, or ledger or store fail.
    pub async fn balance(&self, name: &str) -> Result<Wallet, AccountsError> {
        let user = self.find_user(name).await?;
        let balance = self.ledger.balance(user.wallet).await?;
        Ok(Wallet { user, balance })
    }
}
