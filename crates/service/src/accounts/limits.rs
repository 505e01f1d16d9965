//! Spending limits of keys, people, and apps at people: set, raised, lowered, removed.

use super::keys::{NewLimit, check_limit};
use super::{Accounts, AccountsError, Actor};
use crate::books;
use crate::limits::{LimitBalance, amount_of};
use crate::ports::fresh_id;
use opencredits_ledger::{Floor, Transfer};
use opencredits_store::{LimitOwner, SpendingLimit};
use opencredits_units::{AccountId, NanoUsd, UnixMs};

impl Accounts {
    /// Sets or removes the cap of a person, or of an app at a person. What was spent under it stays spent when its amount
    /// changes; what runs is honoured when it is lowered.
    ///
    /// # Errors
    /// When the owner is unknown, the amount not above zero, or ledger or store fail.
    pub async fn set_limit(
        &self,
        owner: LimitOwner,
        new: Option<NewLimit>,
        actor: Actor,
    ) -> Result<Option<LimitBalance>, AccountsError> {
        let _one = self.editing.lock().await;
        self.check_owner(owner).await?;
        let before = self.tables.limits.spending_limit(owner).await?;
        let limit = self.changed_limit(before, new).await?;
        self.tables.limits.set_spending_limit(owner, limit).await?;
        (self.changed)();
        let (action, subject) = match owner {
            LimitOwner::Person(user) => ("user.limit", user.to_string()),
            LimitOwner::Grant(user, partner) => ("grant.limit", format!("{user} {partner}")),
        };
        self.record((actor, action), &subject, told(limit)).await?;
        self.left_of(limit).await
    }

    /// The cap of a person, or of an app at a person.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn limit(&self, owner: LimitOwner) -> Result<Option<LimitBalance>, AccountsError> {
        self.left_of(self.tables.limits.spending_limit(owner).await?).await
    }

    async fn check_owner(&self, owner: LimitOwner) -> Result<(), AccountsError> {
        let (LimitOwner::Person(user) | LimitOwner::Grant(user, _)) = owner;
        self.find_user(&user.to_string()).await?;
        if let LimitOwner::Grant(_, partner) = owner {
            self.find_partner(&partner.to_string()).await?;
        }
        Ok(())
    }

    /// Makes a limit of another one, in the ledger. A crash before the store has it leaves the amount in the ledger changed,
    /// and the same call again brings both together.
    pub(super) async fn changed_limit(
        &self,
        before: Option<SpendingLimit>,
        new: Option<NewLimit>,
    ) -> Result<Option<SpendingLimit>, AccountsError> {
        let Some(new) = new else { return Ok(None) };
        check_limit(new)?;
        let Some(before) = before else { return self.open_limit(new).await.map(|(limit, _)| Some(limit)) };
        if before.since == UnixMs::default() {
            return self.replace_old(before, new).await.map(Some);
        }
        let now = self.now();
        // A period that ended before this change ends with the terms that it had.
        self.renewals.renew(&self.ledger, &before, now).await?;
        let since = if new.reset == before.reset { before.since } else { now };
        let limit = SpendingLimit { account: before.account, amount: new.amount, reset: new.reset, since };
        self.ledger.change_limit(amount_of(fresh_id(now, &*self.entropy), &limit), now).durable().await?;
        Ok(Some(limit))
    }

    /// Opens the accounts of a limit, and names that of its spending. If nothing names it afterwards, they stay unused.
    pub(super) async fn open_limit(&self, new: NewLimit) -> Result<(SpendingLimit, AccountId), AccountsError> {
        let (account, spent, now) = (self.fresh_account(), self.fresh_account(), self.now());
        self.open(books::LIMITS, Floor::None, None).await?;
        self.open(spent, Floor::None, None).await?;
        self.open(account, Floor::Zero, Some(spent)).await?;
        let limit = SpendingLimit { account, amount: new.amount, reset: new.reset, since: now };
        self.ledger.change_limit(amount_of(fresh_id(now, &*self.entropy), &limit), now).durable().await?;
        Ok((limit, spent))
    }

    /// A limit in place of one whose spending was counted in one account with all others. What is in open holds counts as
    /// spent.
    async fn replace_old(&self, old: SpendingLimit, new: NewLimit) -> Result<SpendingLimit, AccountsError> {
        let left = self.ledger.balance(old.account).await?.available;
        let spent = old.amount.checked_sub(left).unwrap_or_default().max(NanoUsd::ZERO).min(new.amount);
        let (limit, counted) = self.open_limit(new).await?;
        let (id, now) = (fresh_id(self.now(), &*self.entropy), self.now());
        let transfer = Transfer { id, from: limit.account, to: counted, amount: spent, memo: b"limit" };
        self.ledger.transfer(transfer, now).durable().await?;
        Ok(limit)
    }
}

/// A limit in the words of the record of changes.
pub(super) fn told(limit: Option<SpendingLimit>) -> String {
    let Some(limit) = limit else { return "none".to_owned() };
    match limit.reset {
        Some(reset) => format!("{} USD {}", limit.amount, reset.name()),
        None => format!("{} USD", limit.amount),
    }
}
