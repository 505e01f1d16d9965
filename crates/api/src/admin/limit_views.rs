//! Limits, management keys and changes in the form that operators read.

use super::amount_view::AmountView;
use super::request::{RateChange, Reset};
use opencredits_service::LimitBalance;
use opencredits_store::{AuditRecord, LimitReset, ManagementKeyRecord, Rates, RetiredSecret};
use opencredits_units::{AccountId, CreditPrice, EntryId, KeyId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

impl From<Reset> for LimitReset {
    fn from(reset: Reset) -> Self {
        match reset {
            Reset::Daily => Self::Daily,
            Reset::Weekly => Self::Weekly,
            Reset::Monthly => Self::Monthly,
        }
    }
}

impl From<LimitReset> for Reset {
    fn from(reset: LimitReset) -> Self {
        match reset {
            LimitReset::Daily => Self::Daily,
            LimitReset::Weekly => Self::Weekly,
            LimitReset::Monthly => Self::Monthly,
        }
    }
}

impl RateChange {
    pub(super) fn of(rates: Rates) -> Self {
        Self {
            requests_per_minute: rates.requests_per_minute.map(NonZeroU32::get),
            tokens_per_minute: rates.tokens_per_minute.map(NonZeroU32::get),
            parallel_max: rates.parallel_max.map(NonZeroU32::get),
        }
    }
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// The account of the limit.
    pub account: AccountId,
    /// The amount of the limit.
    pub amount: AmountView,
    /// The amount left.
    pub available: AmountView,
    /// When it begins anew; never where there is none.
    #[serde(default)]
    pub reset: Option<Reset>,
    /// The next time that it does.
    #[serde(default)]
    pub resets_at_ms: Option<UnixMs>,
}

impl LimitView {
    pub(super) fn new(left: LimitBalance, price: CreditPrice) -> Self {
        Self {
            account: left.limit.account,
            amount: AmountView::new(left.limit.amount, price),
            available: AmountView::new(left.available, price),
            reset: left.limit.reset.map(Into::into),
            resets_at_ms: left.resets_at,
        }
    }
}

/// A management key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementKeyView {
    /// The id.
    pub id: KeyId,
    /// The person whose account it manages.
    pub user: UserId,
    /// The name.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The time of revocation.
    pub revoked_at_ms: Option<UnixMs>,
}

impl From<ManagementKeyRecord> for ManagementKeyView {
    fn from(key: ManagementKeyRecord) -> Self {
        Self {
            id: key.id,
            user: key.owner,
            name: key.name,
            hint: key.hint,
            created_at_ms: key.created_at,
            revoked_at_ms: key.revoked_at,
        }
    }
}

/// A record of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The id.
    pub id: EntryId,
    /// The time.
    pub at_ms: UnixMs,
    /// Who made it: `operator`, or the id of a management key.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Further figures, or the reason.
    pub detail: String,
}

impl From<AuditRecord> for ChangeView {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { id, at, actor, action, subject, detail } = record;
        Self { id, at_ms: at, actor, action, subject, detail }
    }
}

/// A secret from before a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecretView {
    /// Its last characters.
    pub hint: String,
    /// Until when it is valid.
    pub valid_until_ms: UnixMs,
}

impl From<RetiredSecret> for RetiringSecretView {
    fn from(secret: RetiredSecret) -> Self {
        Self { hint: secret.hint, valid_until_ms: secret.valid_until }
    }
}
