//! What the processor is asked for, and what it gives at once.

use crate::error::PaymentError;
use crate::ids::{ChargeId, CustomerId, DisputeId, MethodId, OrderRef, PaymentId, RefundId, SessionId, WarningId};
use crate::money::Money;
use opencredits_units::UnixMs;

/// Characters of an email address at most (RFC 5321).
const EMAIL_CHARS_MAX: usize = 254;
/// Characters of a URL at most.
const URL_CHARS_MAX: usize = 2_048;
/// Characters of a partner's id at most.
const PARTNER_CHARS_MAX: usize = 64;
/// Characters of a refund's key at most; the processor allows 255, and a prefix is added.
const REFUND_KEY_CHARS_MAX: usize = 200;

/// A purchase that is to be paid on a page of the processor.
///
/// The order is durable before this is sent. Its number and the attempt are the idempotency key.
#[derive(Clone)]
pub struct CheckoutRequest {
    /// The order.
    pub order: OrderRef,
    /// Counts the pages that were asked for, for this order; a new one after [`crate::Retry::NewAttempt`].
    pub attempt: u32,
    /// What is to be paid.
    pub amount: Money,
    /// The buyer's address, for the receipt.
    pub email: String,
    /// The partner through whom it is bought.
    pub partner: Option<String>,
    /// Where the buyer goes after paying.
    pub success_url: String,
    /// Where the buyer goes instead.
    pub cancel_url: String,
    /// Whether the payment method is kept for later charges without the buyer.
    pub save_method: SaveMethod,
    /// The buyer, where the processor knows them already.
    pub customer: Option<CustomerId>,
    /// When the page ends: 30 minutes to 24 hours from now. An attempt that is repeated repeats this too, as its key is
    /// bound to what it was first sent with.
    pub expires_at: UnixMs,
}

/// Whether the payment method of a checkout is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveMethod {
    /// For this payment only.
    No,
    /// For charges while the buyer is away. The page shows the processor's text of consent.
    OffSession,
}

/// A hosted page on which a purchase is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Names it.
    pub session: SessionId,
    /// Where the buyer pays. It is a secret of the buyer's until then.
    pub url: String,
    /// When it ends.
    pub expires_at: UnixMs,
}

/// A charge of a saved payment method, while the buyer is away.
#[derive(Debug, Clone)]
pub struct SavedCharge {
    /// The order; one order is charged once.
    pub order: OrderRef,
    /// Counts the charges that were tried for it. A later attempt charges only if the earlier ones were declined.
    pub attempt: u32,
    /// What is charged.
    pub amount: Money,
    /// The buyer.
    pub customer: CustomerId,
    /// What is charged of theirs.
    pub method: MethodId,
    /// The partner that it counts for.
    pub partner: Option<String>,
    /// When the order was made: earlier charges of it are looked for from here on.
    pub ordered_at: UnixMs,
}

/// How a charge of a saved payment method ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChargeOutcome {
    /// The money is there.
    Succeeded {
        /// The payment.
        payment: PaymentId,
    },
    /// A delayed method: an event tells in some days.
    Processing {
        /// The payment.
        payment: PaymentId,
    },
    /// It was declined. Charging again needs another method.
    Declined {
        /// The payment, where one was made.
        payment: Option<PaymentId>,
        /// The processor's code, such as `card_declined`.
        code: String,
    },
    /// The bank wants the buyer to confirm, who is away: they must buy on a page.
    ActionRequired {
        /// The payment, where one was made.
        payment: Option<PaymentId>,
    },
}

/// A refund to be made.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Which payment.
    pub payment: PaymentId,
    /// How much of it; `None` is all that is left.
    pub amount: Option<Money>,
    /// The idempotency key: the same for one decision to refund, however often it is sent.
    pub key: String,
}

/// Names a payment by any object that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PaymentRef {
    /// By the page on which it is paid.
    Session(SessionId),
    /// By itself.
    Payment(PaymentId),
    /// By one of its charges.
    Charge(ChargeId),
    /// By one of its refunds.
    Refund(RefundId),
    /// By one of its disputes.
    Dispute(DisputeId),
    /// By an early fraud warning.
    Warning(WarningId),
    /// By our order number: a search, which finds a payment some minutes after it was made, and no page without one.
    Order(OrderRef),
}

impl PaymentRef {
    /// The reference that an id of the processor makes, told by its prefix.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        let kinds: [fn(&str) -> Option<Self>; 6] = [
            |id| id.parse().ok().map(Self::Session),
            |id| id.parse().ok().map(Self::Payment),
            |id| id.parse().ok().map(Self::Charge),
            |id| id.parse().ok().map(Self::Refund),
            |id| id.parse().ok().map(Self::Dispute),
            |id| id.parse().ok().map(Self::Warning),
        ];
        kinds.iter().find_map(|kind| kind(id))
    }

    /// The id or order number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Session(id) => id.as_str(),
            Self::Payment(id) => id.as_str(),
            Self::Charge(id) => id.as_str(),
            Self::Refund(id) => id.as_str(),
            Self::Dispute(id) => id.as_str(),
            Self::Warning(id) => id.as_str(),
            Self::Order(order) => order.as_str(),
        }
    }
}

/// Where a walk through a list goes on, from older to newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After<'a, Id> {
    /// With the first that was made at this time or later.
    Time(UnixMs),
    /// With the one after this.
    Id(&'a Id),
}

/// A part of a list, older before newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Id> {
    /// The items.
    pub items: Vec<T>,
    /// The id of the last item, for [`After::Id`]; `None` when there is none.
    pub next: Option<Id>,
    /// Whether there are newer ones already.
    pub has_more: bool,
}

impl CheckoutRequest {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] with the field.
    pub fn check(&self) -> Result<(), PaymentError> {
        check_amount(self.amount)?;
        check_partner(self.partner.as_deref())?;
        let email = self.email.as_str();
        if email.len() > EMAIL_CHARS_MAX || !email.contains('@') || email.contains(char::is_whitespace) {
            return Err(PaymentError::Malformed { field: "email", rule: "be an address of at most 254 characters" });
        }
        check_url(&self.success_url, "success_url")?;
        check_url(&self.cancel_url, "cancel_url")
    }
}

impl SavedCharge {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] with the field.
    pub fn check(&self) -> Result<(), PaymentError> {
        check_amount(self.amount)?;
        check_partner(self.partner.as_deref())
    }
}

impl RefundRequest {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] with the field.
    pub fn check(&self) -> Result<(), PaymentError> {
        if self.key.is_empty() || self.key.len() > REFUND_KEY_CHARS_MAX || !self.key.is_ascii() {
            return Err(PaymentError::Malformed { field: "refund key", rule: "have 1 to 200 ASCII characters" });
        }
        self.amount.map_or(Ok(()), check_amount)
    }
}

fn check_amount(amount: Money) -> Result<(), PaymentError> {
    if amount.minor() <= 0 {
        return Err(PaymentError::Malformed { field: "amount", rule: "be above zero" });
    }
    if !amount.currency().is_sold() {
        return Err(PaymentError::Malformed { field: "currency", rule: "be one that credits are sold in" });
    }
    Ok(())
}

fn check_partner(partner: Option<&str>) -> Result<(), PaymentError> {
    match partner {
        Some(partner) if partner.is_empty() || partner.len() > PARTNER_CHARS_MAX => {
            Err(PaymentError::Malformed { field: "partner", rule: "have 1 to 64 characters" })
        }
        _ => Ok(()),
    }
}

/// Checks that a URL is one that the processor takes.
pub(crate) fn check_url(url: &str, field: &'static str) -> Result<(), PaymentError> {
    let known = url.starts_with("https://") || url.starts_with("http://");
    if !known || url.len() > URL_CHARS_MAX || url.contains(char::is_whitespace) {
        return Err(PaymentError::Malformed { field, rule: "be an http or https URL of at most 2048 characters" });
    }
    Ok(())
}
