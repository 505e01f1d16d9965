//! The processor's ids, and the two texts of ours that it keeps for us.

use crate::error::PaymentError;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

/// Characters of a processor's id at most; its own limit is 255.
const ID_CHARS_MAX: usize = 255;
/// Characters of an order number or a marker at most.
const OUR_CHARS_MAX: usize = 64;
const ID_RULE: &str = "be an id of that kind: its prefix, then letters, digits and underscores";
const OUR_RULE: &str = "have 1 to 64 letters, digits, '_' or '-'";

/// The kind of object that a [`ProcessorId`] names.
pub trait Kind {
    /// What it is called in an error.
    const NAME: &'static str;
    /// The prefixes of its ids.
    const PREFIXES: &'static [&'static str];
}

/// An id that the processor gave, of a known kind.
///
/// ```
/// use opencredits_billing::{PaymentId, RefundId};
/// assert_eq!("pi_1".parse::<PaymentId>().unwrap().as_str(), "pi_1");
/// assert!("pi_1".parse::<RefundId>().is_err());
/// assert!("pi_1/../refunds".parse::<PaymentId>().is_err());
/// ```
pub struct ProcessorId<K>(Box<str>, PhantomData<fn() -> K>);

impl<K> ProcessorId<K> {
    /// An id that this crate makes, of the right form.
    pub(crate) fn made(text: String) -> Self {
        Self(text.into(), PhantomData)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K: Kind> FromStr for ProcessorId<K> {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        let rest = K::PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
        let plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match rest {
            Some(rest) if !rest.is_empty() && text.len() <= ID_CHARS_MAX && plain(rest) => {
                Ok(Self(text.into(), PhantomData))
            }
            _ => Err(PaymentError::Malformed { field: K::NAME, rule: ID_RULE }),
        }
    }
}

impl<K> Clone for ProcessorId<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<K> PartialEq for ProcessorId<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for ProcessorId<K> {}

impl<K> PartialOrd for ProcessorId<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for ProcessorId<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> Hash for ProcessorId<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> fmt::Display for ProcessorId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K> fmt::Debug for ProcessorId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds of a [`ProcessorId`].
pub mod kinds {
    use super::Kind;

    /// A payment, in all its attempts (`pi_…`).
    pub enum Payment {}
    /// A hosted checkout page (`cs_…`).
    pub enum Session {}
    /// One attempt to move a payment's money (`ch_…`, `py_…`).
    pub enum Charge {}
    /// A refund (`re_…`, `pyr_…`).
    pub enum Refund {}
    /// A dispute (`dp_…`, `du_…`).
    pub enum Dispute {}
    /// An early fraud warning (`issfr_…`).
    pub enum Warning {}
    /// A person, as the processor knows them (`cus_…`).
    pub enum Customer {}
    /// A saved payment method (`pm_…`).
    pub enum Method {}
    /// A balance transaction (`txn_…`).
    pub enum Movement {}
    /// An event (`evt_…`).
    pub enum Event {}

    impl Kind for Payment {
        const NAME: &'static str = "payment id";
        const PREFIXES: &'static [&'static str] = &["pi_"];
    }
    impl Kind for Session {
        const NAME: &'static str = "checkout session id";
        const PREFIXES: &'static [&'static str] = &["cs_"];
    }
    impl Kind for Charge {
        const NAME: &'static str = "charge id";
        const PREFIXES: &'static [&'static str] = &["ch_", "py_"];
    }
    impl Kind for Refund {
        const NAME: &'static str = "refund id";
        const PREFIXES: &'static [&'static str] = &["re_", "pyr_"];
    }
    impl Kind for Dispute {
        const NAME: &'static str = "dispute id";
        const PREFIXES: &'static [&'static str] = &["dp_", "du_"];
    }
    impl Kind for Warning {
        const NAME: &'static str = "early fraud warning id";
        const PREFIXES: &'static [&'static str] = &["issfr_"];
    }
    impl Kind for Customer {
        const NAME: &'static str = "customer id";
        const PREFIXES: &'static [&'static str] = &["cus_"];
    }
    impl Kind for Method {
        const NAME: &'static str = "payment method id";
        const PREFIXES: &'static [&'static str] = &["pm_", "card_", "src_", "ba_"];
    }
    impl Kind for Movement {
        const NAME: &'static str = "balance transaction id";
        const PREFIXES: &'static [&'static str] = &["txn_"];
    }
    impl Kind for Event {
        const NAME: &'static str = "event id";
        const PREFIXES: &'static [&'static str] = &["evt_"];
    }
}

/// Names a payment.
pub type PaymentId = ProcessorId<kinds::Payment>;
/// Names a hosted checkout page.
pub type SessionId = ProcessorId<kinds::Session>;
/// Names one attempt to move a payment's money.
pub type ChargeId = ProcessorId<kinds::Charge>;
/// Names a refund.
pub type RefundId = ProcessorId<kinds::Refund>;
/// Names a dispute.
pub type DisputeId = ProcessorId<kinds::Dispute>;
/// Names an early fraud warning.
pub type WarningId = ProcessorId<kinds::Warning>;
/// Names a person, as the processor knows them.
pub type CustomerId = ProcessorId<kinds::Customer>;
/// Names a saved payment method.
pub type MethodId = ProcessorId<kinds::Method>;
/// Names a balance transaction.
pub type MovementId = ProcessorId<kinds::Movement>;
/// Names an event.
pub type EventId = ProcessorId<kinds::Event>;

/// Our order number: opaque to the processor, and the first part of idempotency keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderRef(Box<str>);

/// Names this instance on everything that it makes at the processor, so that an account may serve several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker(Box<str>);

impl OrderRef {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Marker {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrderRef {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        plain_text(text, "order number").map(Self)
    }
}

impl FromStr for Marker {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        plain_text(text, "instance marker").map(Self)
    }
}

impl fmt::Display for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The characters also stand in a search query between quotes, so none of them may end one.
fn plain_text(text: &str, field: &'static str) -> Result<Box<str>, PaymentError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if text.is_empty() || text.len() > OUR_CHARS_MAX || !plain {
        return Err(PaymentError::Malformed { field, rule: OUR_RULE });
    }
    Ok(text.into())
}
