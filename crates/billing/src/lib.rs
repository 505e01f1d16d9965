//! Payments for prepaid credits: a hosted checkout, saved payment methods, refunds, disputes, webhooks.
//!
//! The crate converges, it does not add. An event is a pointer: [`verify_signature`] checks who sent it and
//! [`Hint::parse`] says which payment it concerns. [`Payments::payment`] then reads that payment as it stands now, and
//! [`Position::of`] computes where the books of the credits must stand. Whoever books the difference may receive events
//! twice, late, in any order or never: the next reading sets it right.
//!
//! # What it refuses to do
//! - It keeps nothing, and reads no clock: time is an argument.
//! - It never stores, prints or returns an event's payload, which has a person's name and address.
//! - It tells the processor the email address, the amount, the currency, the partner, an opaque order number and the
//!   marker of this instance, and nothing else.
//! - It computes no credits from what was charged: an order's credits are the order's.
//!
//! # Invariants
//! - No floats; arithmetic on money is checked.
//! - What is taken back never exceeds what was granted, and a full refund takes exactly that.
//! - A value that the processor adds to one of its lists (a status, a kind) is read as unknown and fails nothing.
//!
//! # Example
//! ```
//! use opencredits_billing::{Grant, Money, PaymentState, Position, Progress, RefundState, RefundStatus, Currency};
//!
//! let usd = |minor| Money::new(minor, Currency::USD);
//! let mut state = PaymentState::unpaid(usd(1_000));
//! state.progress = Progress::Paid;
//! state.paid = Some(usd(1_000));
//! let id = "re_1".parse().unwrap();
//! state.refunds.push(RefundState { id, amount: usd(250), status: RefundStatus::Pending, requested_by: None });
//!
//! let position = Position::of(&state, &Grant { units: 100, price: usd(1_000) }).unwrap();
//! assert_eq!((position.granted, position.taken, position.frozen), (100, 25, 0));
//! ```
#![warn(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod error;
mod hint;
mod ids;
mod metadata;
mod money;
mod parse;
mod payments;
mod position;
mod requests;
mod sandbox;
mod signature;
mod state;
#[cfg(feature = "stripe")]
mod stripe;

pub use error::{Fault, MismatchKind, NotRefundableReason, PaymentError, Retry, SignatureProblem};
pub use hint::{Hint, Subject};
pub use ids::kinds;
pub use ids::{
    ChargeId, CustomerId, DisputeId, EventId, Kind, Marker, MethodId, MovementId, OrderRef, PaymentId, ProcessorId,
    RefundId, SessionId, WarningId,
};
pub use money::{Currency, Money};
/// Ids and time, as the crate takes them.
pub use opencredits_units as units;
pub use payments::{Customers, Payments};
pub use position::{Grant, Position};
pub use requests::{
    After, ChargeOutcome, Checkout, CheckoutRequest, Page, PaymentRef, RefundRequest, SaveMethod, SavedCharge,
};
pub use sandbox::{SANDBOX_PORTAL_PREFIX, Sandbox, SandboxPayment, SandboxPortal};
pub use signature::{TOLERANCE_MS, VerifiedPayload, WebhookSecret, verify_signature};
pub use state::{
    DisputeEffect, DisputeState, DisputeStatus, FraudWarning, Mode, MoneyMovement, MovementKind, Owner, PaymentState,
    Progress, RefundState, RefundStatus,
};
#[cfg(feature = "stripe")]
pub use stripe::{Stripe, StripeKey, StripeSettings};
