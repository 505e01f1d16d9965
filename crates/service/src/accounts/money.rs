//! Credits in, and what a person has.

use super::{Accounts, AccountsError, durable};
use crate::books;
use crate::ports::fresh_id;
use opencredits_ledger::{Balance, Floor, Replay, Transfer};
use opencredits_store::User;
use opencredits_units::{EntryId, NanoUsd, UserId};

/// Bytes that a reason may have.
const REASON_BYTES_MAX: usize = 500;

/// Credits to give that nobody paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub user: UserId,
    /// How much.
    pub amount: NanoUsd,
    /// The entry, under which a repetition gives nothing more; a fresh one where `None`.
    pub id: Option<EntryId>,
    /// Why, for the books.
    pub reason: String,
}

/// Credits were given, and are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The entry.
    pub id: EntryId,
    /// Whether this was the first time; a repetition gave nothing more.
    pub replay: Replay,
    /// What the wallet has now.
    pub balance: Balance,
}

/// A person and what they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Who.
    pub user: User,
    /// What.
    pub balance: Balance,
}

impl Accounts {
    /// Gives credits, durably. Under one id they are given once, however often it is asked.
    ///
    /// # Errors
    /// When the person is unknown, the amount not above zero, the id was used for something else, or ledger or store
    /// fail. After [`opencredits_ledger::LedgerError::CommitUnknown`] the same id may be tried again.
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
        let moved = durable(self.ledger.transfer(transfer, now)?).await?;
        Ok(Granted { id, replay: moved.replay, balance: self.ledger.balance(user.wallet)? })
    }

    /// What the person with this id or label has.
    ///
    /// # Errors
    /// When there is no such person, or ledger or store fail.
    pub async fn balance(&self, name: &str) -> Result<Wallet, AccountsError> {
        let user = self.find_user(name).await?;
        let balance = self.ledger.balance(user.wallet)?;
        Ok(Wallet { user, balance })
    }
}
