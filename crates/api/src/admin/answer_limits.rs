//! Executes admin requests about limits, management keys and suspensions.

use super::answer::{Admin, Answer, last_of_full, most};
use super::limit_views::LimitView;
use super::reply::{AdminReply, Refusal};
use super::request::{AddManagementKey, EditKey, ListChanges, RateChange, RevokeKey, SetLimit, SetStanding};
use super::values::Change;
use opencredits_service::accounts::{AccountsError, Actor, Edit, KeyEdit, NewLimit};
use opencredits_store::{LimitOwner, Standing};
use std::num::NonZeroU32;

impl Admin {
    pub(super) async fn set_standing(&self, who: SetStanding, standing: Standing) -> Answer {
        let user = self.accounts.set_standing(&who.user, standing, who.reason).await?;
        Ok(AdminReply::StandingSet { user: user.into() })
    }

    pub(super) async fn set_limit(&self, new: SetLimit) -> Answer {
        let user = self.accounts.find_user(&new.user).await?;
        let (owner, partner) = match &new.partner {
            Some(name) => {
                let partner = self.accounts.find_partner(name).await?;
                (LimitOwner::Grant(user.id, partner.id), Some(partner.name))
            }
            None => (LimitOwner::Person(user.id), None),
        };
        let amount = new.amount.map(|amount| self.amount(&amount)).transpose()?;
        let limit = match (amount, new.reset) {
            (Some(amount), reset) => Some(NewLimit { amount, reset: reset.map(Into::into) }),
            (None, Some(_)) => {
                return Err(Refusal::invalid("a limit that is removed begins anew never; leave that out"));
            }
            (None, None) => None,
        };
        let limit = self.accounts.set_limit(owner, limit, Actor::Operator).await?;
        let limit = limit.map(|limit| LimitView::new(limit, self.price));
        Ok(AdminReply::LimitSet { user: user.into(), partner, limit })
    }

    pub(super) async fn add_management_key(&self, new: AddManagementKey) -> Answer {
        let user = self.accounts.find_user(&new.user).await?;
        let (record, secret) = self.accounts.add_management_key(user.id, new.name).await?;
        Ok(AdminReply::ManagementKeyAdded { key: secret.reveal().to_owned(), record: record.into() })
    }

    pub(super) async fn edit_key(&self, change: EditKey) -> Answer {
        let limit = match change.limit {
            Some(Change::To(amount)) => Edit::Set(self.amount(&amount)?),
            Some(Change::Remove) => Edit::Clear,
            None => Edit::Keep,
        };
        let RateChange { requests_per_minute, tokens_per_minute, parallel_max } = change.rates;
        let edit = KeyEdit {
            name: change.name,
            disabled: change.disabled,
            limit,
            limit_reset: edit_of(change.limit_reset, Into::into),
            expires_at: edit_of(change.expires_at_ms, |at| at),
            allowed_models: edit_of(change.models, |models| models),
            requests_per_minute: rate_of(requests_per_minute),
            tokens_per_minute: rate_of(tokens_per_minute),
            parallel_max: rate_of(parallel_max),
        };
        let key = self.accounts.edit_key((change.id, None), edit, Actor::Operator).await?;
        Ok(AdminReply::KeyEdited { record: self.key(key).await? })
    }

    pub(super) async fn revoke_key(&self, which: RevokeKey) -> Answer {
        match self.accounts.revoke_key(which.id).await {
            Ok(key) => Ok(AdminReply::KeyRevoked { record: self.key(key).await? }),
            Err(AccountsError::NoKey { id }) => {
                let record = self.accounts.revoke_management_key(id).await?.into();
                Ok(AdminReply::ManagementKeyRevoked { record })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn changes(&self, which: ListChanges) -> Answer {
        let (after, max) = (which.after.unwrap_or_default(), most(which.max));
        let changes = self.accounts.changes(after, max).await?;
        Ok(AdminReply::Changes {
            next: last_of_full(&changes, max).map(|change| change.id),
            changes: changes.into_iter().map(Into::into).collect(),
        })
    }
}

fn edit_of<T, U>(change: Option<Change<T>>, into: impl FnOnce(T) -> U) -> Edit<U> {
    match change {
        None => Edit::Keep,
        Some(Change::Remove) => Edit::Clear,
        Some(Change::To(value)) => Edit::Set(into(value)),
    }
}

/// Zero removes a bound.
pub(super) fn rate_of(rate: Option<u32>) -> Edit<NonZeroU32> {
    match rate {
        None => Edit::Keep,
        Some(rate) => NonZeroU32::new(rate).map_or(Edit::Clear, Edit::Set),
    }
}
