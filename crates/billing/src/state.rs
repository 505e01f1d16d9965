//! What the processor says now about one payment.

use crate::ids::{
    ChargeId, CustomerId, DisputeId, Marker, MethodId, MovementId, OrderRef, PaymentId, RefundId, SessionId, WarningId,
};
use crate::money::Money;
use crate::requests::PaymentRef;
use opencredits_units::UnixMs;
use std::cmp::Ordering;

/// A payment as the processor describes it at the time of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentState {
    /// Our order, as we told it to the processor.
    pub order: Option<OrderRef>,
    /// The instance that made it, as we told it to the processor.
    pub marker: Option<Marker>,
    /// Whether it is about real money.
    pub mode: Mode,
    /// How far it is.
    pub progress: Progress,
    /// The page on which it is paid, where the reading came by way of one.
    pub session: Option<SessionId>,
    /// The payment, once there is one.
    pub payment: Option<PaymentId>,
    /// The charge that moved its money, or tried last.
    pub charge: Option<ChargeId>,
    /// What is to be paid.
    pub asked: Money,
    /// What was paid, refunds not counted; `None` before.
    pub paid: Option<Money>,
    /// Whether it was not paid because the bank wants the buyer to confirm it.
    pub needs_buyer: bool,
    /// The buyer, where the processor keeps them.
    pub customer: Option<CustomerId>,
    /// The payment method, where it was saved for later.
    pub saved_method: Option<MethodId>,
    /// When page or payment was made.
    pub created_at: UnixMs,
    /// All refunds, whatever their status.
    pub refunds: Vec<RefundState>,
    /// All disputes, whatever their status.
    pub disputes: Vec<DisputeState>,
    /// What the issuer of the card reports as fraud.
    pub warnings: Vec<FraudWarning>,
    /// Every movement of money at the processor that belongs to it.
    pub movements: Vec<MoneyMovement>,
}

/// Whether money is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is.
    Live,
    /// It is not.
    Test,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Progress {
    /// Nobody has paid yet; it can still be paid.
    Open,
    /// The buyer did their part; a delayed method takes days. No money yet.
    Waiting,
    /// The money is there.
    Paid,
    /// The money was there, and the bank has taken all of it back. Some delayed methods book the money before it has
    /// come, so a payment may get here without ever having been [`Progress::Paid`]: whoever has granted nothing for it
    /// has nothing to book but its movements of money.
    Reversed,
    /// It was not paid.
    Failed,
    /// The page has ended, and was not paid. A payment may still follow: the processor's last word counts.
    Expired,
}

/// Whose payment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Of this instance, for this order.
    Ours(&'a OrderRef),
    /// It has our marker and no order number: a write was lost, or somebody edited it at the processor.
    OursWithoutOrder,
    /// Of another product or instance on the same account.
    Foreign,
}

/// A refund as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundState {
    /// Names it.
    pub id: RefundId,
    /// How much goes back.
    pub amount: Money,
    /// How far it is.
    pub status: RefundStatus,
    /// The key of our [`crate::RefundRequest`]; `None` for a refund that was made at the processor.
    pub requested_by: Option<String>,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// The buyer has to tell where to.
    RequiresAction,
    /// Done.
    Succeeded,
    /// It came back.
    Failed,
    /// It was called off.
    Canceled,
    /// A status that is not known here: counted, as money may be on its way.
    Unknown,
}

/// A dispute as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeState {
    /// Names it.
    pub id: DisputeId,
    /// How much is disputed.
    pub amount: Money,
    /// How far it is.
    pub status: DisputeStatus,
    /// The network's reason, such as `fraudulent`.
    pub reason: String,
    /// Whether the payment can still be refunded while it is open.
    pub is_charge_refundable: bool,
    /// Money that it moved: withdrawals, their fees, reinstatements.
    pub movements: Vec<MoneyMovement>,
}

/// How far a dispute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisputeStatus {
    /// An inquiry, whatever its stage: no money has moved.
    Inquiry,
    /// An inquiry that ended without a chargeback.
    InquiryClosed,
    /// A chargeback that waits for evidence.
    NeedsResponse,
    /// A chargeback that the bank considers.
    UnderReview,
    /// Decided for us.
    Won,
    /// Decided against us.
    Lost,
    /// Lost, and appealed against.
    Appealed,
    /// Settled before a chargeback. Its money movements and the refunds say how.
    Prevented,
    /// A status that is not known here: its money movements decide.
    Unknown,
}

/// What a dispute does to the credits of its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisputeEffect {
    /// Nothing.
    None,
    /// They cannot be spent until it is decided.
    Freeze,
    /// They are taken back.
    Take,
}

/// An issuer's report of fraud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FraudWarning {
    /// Names it.
    pub id: WarningId,
    /// Whether a refund can still prevent a dispute.
    pub actionable: bool,
}

/// One line of the processor's own books: every cent is in exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyMovement {
    /// Names it.
    pub id: MovementId,
    /// What it is for.
    pub kind: MovementKind,
    /// Gross, in the currency in which the account is settled; below zero when money leaves.
    pub amount: Money,
    /// The processor's fee, in the same currency.
    pub fee: Money,
    /// Gross less fee.
    pub net: Money,
    /// The id of the object that caused it.
    pub source: Option<String>,
    /// When it was made.
    pub created_at: UnixMs,
}

/// What a movement of money is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MovementKind {
    /// A payment came in.
    Payment,
    /// A payment that had come in was taken back by the bank.
    PaymentReversal,
    /// A refund left.
    Refund,
    /// A refund came back.
    RefundReversal,
    /// A dispute withdrew money, with its fee.
    Dispute,
    /// A dispute's money came back.
    DisputeReversal,
    /// A fee of the processor, or a tax on one.
    Fee,
    /// Money that went to our bank, or came back from it.
    Payout,
    /// Anything else, by the processor's word.
    Other(String),
}

impl PaymentState {
    /// An open payment in test mode that nobody is named for: where tests and doubles begin.
    #[must_use]
    pub fn unpaid(asked: Money) -> Self {
        Self {
            order: None,
            marker: None,
            mode: Mode::Test,
            progress: Progress::Open,
            session: None,
            payment: None,
            charge: None,
            asked,
            paid: None,
            needs_buyer: false,
            customer: None,
            saved_method: None,
            created_at: UnixMs::default(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            warnings: Vec::new(),
            movements: Vec::new(),
        }
    }

    /// Its movements of money, those of its disputes too. One may come twice.
    pub fn all_movements(&self) -> impl Iterator<Item = &MoneyMovement> {
        self.movements.iter().chain(self.disputes.iter().flat_map(|dispute| &dispute.movements))
    }

    /// Whose payment it is, for the instance with this marker.
    #[must_use]
    pub fn owner(&self, ours: &Marker) -> Owner<'_> {
        match &self.order {
            _ if self.marker.as_ref() != Some(ours) => Owner::Foreign,
            Some(order) => Owner::Ours(order),
            None => Owner::OursWithoutOrder,
        }
    }
}

impl RefundStatus {
    /// Whether its money has left or is about to.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::Pending | Self::RequiresAction | Self::Succeeded | Self::Unknown => true,
            Self::Failed | Self::Canceled => false,
        }
    }

    /// Whether it can still change.
    #[must_use]
    pub const fn is_final(self) -> bool {
        // A refund that succeeded can still be sent back by the buyer's bank.
        matches!(self, Self::Failed | Self::Canceled)
    }
}

impl DisputeState {
    /// What it does to the credits.
    ///
    /// The money is withdrawn when a chargeback opens, so a withdrawal does not mean that it is lost; and after one is
    /// lost the money may return by an appeal.
    #[must_use]
    pub fn effect(&self) -> DisputeEffect {
        let money = self.money();
        match self.status {
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => DisputeEffect::Freeze,
            DisputeStatus::Lost | DisputeStatus::Appealed if money == DisputeMoney::Returned => DisputeEffect::None,
            DisputeStatus::Lost | DisputeStatus::Appealed => DisputeEffect::Take,
            DisputeStatus::Prevented if money == DisputeMoney::Gone => DisputeEffect::Take,
            DisputeStatus::Unknown if money == DisputeMoney::Gone => DisputeEffect::Freeze,
            _ => DisputeEffect::None,
        }
    }

    /// Whether nothing more is expected of it. A lost one can be appealed against for some weeks.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.status, DisputeStatus::InquiryClosed | DisputeStatus::Won | DisputeStatus::Lost)
            || matches!(self.status, DisputeStatus::Prevented)
    }

    fn money(&self) -> DisputeMoney {
        let amounts = || self.movements.iter().map(|movement| i128::from(movement.amount.minor()));
        let outstanding = amounts().sum::<i128>().saturating_neg();
        let withdrawal = amounts().map(i128::saturating_neg).max().unwrap_or_default();
        // What returns differs from what was withdrawn by the exchange rate, which comes as a movement of its own at
        // times: so the money is gone when more than half of a withdrawal is missing.
        match outstanding.saturating_mul(2).cmp(&withdrawal) {
            _ if withdrawal <= 0 => DisputeMoney::Unmoved,
            Ordering::Greater => DisputeMoney::Gone,
            Ordering::Equal | Ordering::Less => DisputeMoney::Returned,
        }
    }
}

/// Where a dispute's money is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DisputeMoney {
    Unmoved,
    Gone,
    Returned,
}

impl MoneyMovement {
    /// The payment that it belongs to, by the object that caused it.
    #[must_use]
    pub fn subject(&self) -> Option<PaymentRef> {
        PaymentRef::from_id(self.source.as_deref()?)
    }
}
