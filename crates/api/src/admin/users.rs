//! Executes requests about a person as a whole, and about new secrets of keys.

use super::amount_view::AmountView;
use super::answer::{Admin, Answer};
use super::limit_views::{LimitView, RetiringSecretView};
use super::reply::{AdminReply, Refusal};
use super::request::{RenameUser, RotateKey, ShowUser};
use super::user_views::{CapView, UserDetailView};
use super::views::{BalanceView, HoldView, KeyView};
use opencredits_service::accounts::{Actor, Rotated, Wallet};
use opencredits_store::LimitOwner;
use opencredits_units::{KeyId, PartnerId, UserId};
use std::collections::BTreeSet;

/// The largest number of open holds that are shown; further ones are only counted.
const HOLDS_MAX: usize = 100;

impl Admin {
    pub(super) async fn show_user(&self, which: ShowUser) -> Answer {
        let Wallet { user, balance } = self.accounts.balance(&which.user).await?;
        let (id, wallet) = (user.id, user.wallet);
        let holds = self.accounts.holds().await?;
        let holds: Vec<_> = holds.into_iter().filter(|hold| hold.payer == wallet).collect();
        let keys = self.keys_of(id).await?;
        let email = if which.address { self.accounts.email_of(id).await? } else { None };
        let limit = self.accounts.limit(LimitOwner::Person(id)).await?;
        let details = UserDetailView {
            user: user.clone().into(),
            balance: BalanceView::new(user, balance, self.price),
            debt: AmountView::new(self.accounts.debt_of(id).await?, self.price),
            holds_total: holds.len(),
            holds: holds.iter().take(HOLDS_MAX).map(|hold| HoldView::new(hold, self.price)).collect(),
            limit: limit.map(|limit| LimitView::new(limit, self.price)),
            partners: self.partners_of(id, &keys).await?,
            management: self.accounts.management_keys(id).await?.into_iter().map(Into::into).collect(),
            keys,
            bounced_at_ms: email.as_ref().and_then(|email| email.bounced_at),
            address: email.map(|email| email.address),
        };
        Ok(AdminReply::UserDetails { details: Box::new(details) })
    }

    async fn partners_of(&self, user: UserId, keys: &[KeyView]) -> Result<Vec<CapView>, Refusal> {
        let ids: BTreeSet<PartnerId> = keys.iter().filter_map(|key| key.partner).collect();
        let mut caps = Vec::with_capacity(ids.len());
        for id in ids {
            let partner = self.accounts.find_partner(&id.to_string()).await?;
            let limit = self.accounts.limit(LimitOwner::Grant(user, id)).await?;
            let limit = limit.map(|limit| LimitView::new(limit, self.price));
            caps.push(CapView { partner: id, name: partner.name, limit });
        }
        Ok(caps)
    }

    /// A person's keys, with their earlier secrets that are still valid.
    pub(super) async fn keys_of(&self, user: UserId) -> Result<Vec<KeyView>, Refusal> {
        let mut views = Vec::new();
        for key in self.accounts.list_keys(user).await? {
            let retiring = self.retiring(key.id).await?;
            views.push(KeyView { retiring, ..self.key(key).await? });
        }
        Ok(views)
    }

    async fn retiring(&self, key: KeyId) -> Result<Vec<RetiringSecretView>, Refusal> {
        Ok(self.accounts.retired_secrets(key).await?.into_iter().map(Into::into).collect())
    }

    pub(super) async fn rename_user(&self, new: RenameUser) -> Answer {
        let user = self.accounts.rename_user(&new.user, new.label).await?;
        Ok(AdminReply::UserRenamed { user: user.into() })
    }

    pub(super) async fn rotate_key(&self, which: RotateKey) -> Answer {
        let rotated = self.accounts.rotate_key((which.id, None), which.overlap_ms, Actor::Operator).await?;
        let Rotated { key, secret } = rotated;
        let retiring = self.retiring(key.id).await?;
        let record = KeyView { retiring, ..self.key(key).await? };
        Ok(AdminReply::KeyRotated { key: secret.reveal().to_owned(), record })
    }
}
