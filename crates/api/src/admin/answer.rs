//! From a request to a reply: the same code behind the socket and in the admin tool.

use super::reply::{AdminReply, Refusal, RefusalCode};
use super::request::{AdminRequest, Amount, LIST_MAX};
use super::views::{AmountView, BalanceView, EntryView, HoldView, KeyView};
use opencredits_ledger::{LedgerError, Replay, VerifyReport};
use opencredits_service::accounts::{
    Accounts, AccountsError, EntryFilter, Grant, NewKey, NewLimit, NewPartner, NewUser,
};
use opencredits_store::{Key, StoreError};
use opencredits_units::{AccountId, CreditPrice, EntryId, NanoUsd};
use std::sync::Arc;

/// Answers an operator.
#[derive(Clone)]
pub struct Admin {
    accounts: Arc<Accounts>,
    price: CreditPrice,
}

impl Admin {
    /// Works on these accounts; `price` is that of one credit.
    #[must_use]
    pub const fn new(accounts: Arc<Accounts>, price: CreditPrice) -> Self {
        Self { accounts, price }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong and what to do.
    pub async fn answer(&self, request: AdminRequest) -> Result<AdminReply, Refusal> {
        match request {
            AdminRequest::AddUser { id, label } => {
                let user = self.accounts.add_user(NewUser { id, label }).await?.into();
                Ok(AdminReply::UserAdded { user })
            }
            AdminRequest::ListUsers { after, max } => {
                let max = max.clamp(1, LIST_MAX);
                let users = self.accounts.list_users(after.unwrap_or_default(), max).await?;
                let next = full(&users, max).map(|user| user.id);
                let users = users.into_iter().map(Into::into).collect();
                Ok(AdminReply::Users { users, next })
            }
            AdminRequest::AddPartner { name, share_bps } => {
                let new = NewPartner { name, share: share_bps };
                let partner = self.accounts.add_partner(new).await?.into();
                Ok(AdminReply::PartnerAdded { partner })
            }
            AdminRequest::ListPartners { after, max } => {
                let max = max.clamp(1, LIST_MAX);
                let partners = self.accounts.list_partners(after.unwrap_or_default(), max).await?;
                let next = full(&partners, max).map(|partner| partner.id);
                let partners = partners.into_iter().map(Into::into).collect();
                Ok(AdminReply::Partners { partners, next })
            }
            request => self.answer_on_keys_and_books(request).await,
        }
    }

    async fn answer_on_keys_and_books(&self, request: AdminRequest) -> Result<AdminReply, Refusal> {
        match request {
            AdminRequest::AddKey { .. } => self.add_key(request).await,
            AdminRequest::ListKeys { user } => {
                let user = self.accounts.find_user(&user).await?;
                let keys = self.accounts.list_keys(user.id).await?;
                let keys = keys.into_iter().map(|key| self.key_view(key));
                Ok(AdminReply::Keys { keys: keys.collect::<Result<_, _>>()? })
            }
            AdminRequest::RevokeKey { id } => {
                let record = self.key_view(self.accounts.revoke_key(id).await?)?;
                Ok(AdminReply::KeyRevoked { record })
            }
            AdminRequest::GrantCredits { .. } => self.grant(request).await,
            AdminRequest::Balance { user } => {
                let wallet = self.accounts.balance(&user).await?;
                let balance = BalanceView::new(wallet.user, wallet.balance, self.price);
                Ok(AdminReply::Balance { balance })
            }
            AdminRequest::LedgerEntries { .. } => self.entries(request).await,
            AdminRequest::LedgerHolds {} => {
                let holds = self.accounts.holds();
                let total = holds.len();
                let first = holds.iter().take(1_000);
                let holds = first.map(|hold| HoldView::new(hold, self.price)).collect();
                Ok(AdminReply::Holds { holds, total })
            }
            AdminRequest::LedgerVerify {} => Ok(verified(&self.accounts.verify().await?)),
            _ => Err(Refusal::invalid("this request is not known here; use the admin tool of this version")),
        }
    }
}
