//! Requests of an operator about partners and their money, and their replies.

use super::amount_view::AmountView;
use super::application_views::ApplicationRequest;
use super::publishable_views::PublishableKeyRequest;
use super::values::{Amount, Change};
use opencredits_service::day_text;
use opencredits_service::partners::{Earnings, Statement, month_text};
use opencredits_store::PartnerKeyRecord;
use opencredits_units::{BasisPoints, CreditPrice, EntryId, KeyId, PartnerId, UnixMs};
use serde::{Deserialize, Serialize};

/// A request about partners. It names a partner by id or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "partner_do", rename_all = "snake_case")]
pub enum PartnerRequest {
    /// What a partner has earned until now.
    Show {
        /// The partner.
        partner: String,
    },
    /// Changes a partner. What is absent stays.
    Edit {
        /// The partner.
        partner: String,
        /// Its name.
        name: Option<String>,
        /// Its share of the markup; the config's where it is removed.
        share_bps: Option<Change<BasisPoints>>,
        /// The person who runs it, by id or label.
        owner: Option<Change<String>>,
        /// The markup on requests through it; the model's or the config's where it is removed.
        #[serde(default)]
        markup_bps: Option<Change<BasisPoints>>,
    },
    /// Suspends a partner, at once.
    Suspend {
        /// The partner.
        partner: String,
        /// The reason, for the record.
        reason: String,
    },
    /// Lifts a suspension.
    Resume {
        /// The partner.
        partner: String,
        /// The reason, for the record.
        reason: String,
    },
    /// Records a payout of matured commission.
    PayOut {
        /// The partner.
        partner: String,
        /// The amount; all that has matured where there is none.
        amount: Option<Amount>,
        /// The entry: a repetition under the same id pays nothing more.
        id: Option<EntryId>,
        /// The reason.
        reason: String,
    },
    /// A month of a partner.
    Statement {
        /// The partner.
        partner: String,
        /// The month, such as `2026-11`.
        month: String,
    },
    /// How many people a partner brought.
    Referrals {
        /// The partner.
        partner: String,
    },
    /// Applications, and test keys.
    Applications(ApplicationRequest),
    /// Publishable keys.
    Publishable(PublishableKeyRequest),
    /// Makes a secret key of a partner; its secret is in the reply, once.
    AddKey {
        /// The partner.
        partner: String,
        /// A name for it.
        name: String,
    },
    /// Lists the secret keys of a partner.
    ListKeys {
        /// The partner.
        partner: String,
    },
    /// Revokes a secret key of a partner.
    RevokeKey {
        /// The key.
        id: KeyId,
    },
}

/// What a partner has earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningsView {
    /// Commission on requests.
    pub accrued: AmountView,
    /// Commission that followed purchases back.
    pub taken_back: AmountView,
    /// Commission that was paid out.
    pub paid_out: AmountView,
    /// What is left, less what the partner owes.
    pub balance: AmountView,
    /// What may be paid out now.
    pub matured: AmountView,
}

impl EarningsView {
    pub(super) fn new(earnings: &Earnings, price: CreditPrice) -> Self {
        let amount = |amount| AmountView::new(amount, price);
        Self {
            accrued: amount(earnings.accrued),
            taken_back: amount(earnings.taken_back),
            paid_out: amount(earnings.paid_out),
            balance: amount(earnings.balance),
            matured: amount(earnings.matured),
        }
    }
}

/// A month of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementView {
    /// The month, such as `2026-11`.
    pub month: String,
    /// Its first day.
    pub from: String,
    /// Its last day.
    pub to: String,
    /// Requests through the partner.
    pub requests: u64,
    /// The amount that people were charged for them.
    pub charged: AmountView,
    /// The commission on them.
    pub commission: AmountView,
    /// Commission that followed purchases back in this month.
    pub taken_back: AmountView,
    /// Commission that was paid out in this month.
    pub paid_out: AmountView,
    /// The balance at the end of the month.
    pub balance: AmountView,
    /// What may be paid out now.
    pub matured_now: AmountView,
}

impl StatementView {
    pub(super) fn new(statement: &Statement, earnings: &Earnings, price: CreditPrice) -> Self {
        let amount = |amount| AmountView::new(amount, price);
        Self {
            month: month_text(statement.first_day),
            from: day_text(statement.first_day),
            to: day_text(statement.end_day.saturating_sub(1)),
            requests: statement.requests,
            charged: amount(statement.charged),
            commission: amount(statement.commission),
            taken_back: amount(statement.taken_back),
            paid_out: amount(statement.paid_out),
            balance: amount(statement.balance),
            matured_now: amount(earnings.matured),
        }
    }
}

/// A secret key of a partner, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerKeyView {
    /// The id.
    pub id: KeyId,
    /// The partner.
    pub partner: PartnerId,
    /// The name.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The time of revocation.
    pub revoked_at_ms: Option<UnixMs>,
}

impl From<PartnerKeyRecord> for PartnerKeyView {
    fn from(key: PartnerKeyRecord) -> Self {
        Self {
            id: key.id,
            partner: key.owner,
            name: key.name,
            hint: key.hint,
            created_at_ms: key.created_at,
            revoked_at_ms: key.revoked_at,
        }
    }
}
