//! What several tests need.

use opencredits_billing::{
    CheckoutRequest, Currency, Grant, Money, PaymentError, PaymentRef, PaymentState, Payments as _, Position,
    SaveMethod, SessionId, Stripe, StripeKey, StripeSettings,
};
use opencredits_testkit::stripe::{Permissions, StripeDouble};
use opencredits_units::UnixMs;

pub(crate) const MARKER: &str = "instance-1";

/// The permissions that the page says that a key needs.
pub(crate) fn permissions() -> Permissions {
    Permissions::of_page(include_str!("../../../../docs/payments.md"))
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

pub(crate) fn adapter(double: &StripeDouble, key: &str, marker: &str) -> Stripe {
    let mut settings = StripeSettings::new(StripeKey::new(key).unwrap(), marker.parse().unwrap());
    settings.base_url = double.base_url();
    Stripe::new(settings).unwrap()
}

/// A double and an adapter that speaks to it.
pub(crate) fn setup() -> (StripeDouble, Stripe) {
    let double = StripeDouble::start().unwrap();
    double.permit(permissions());
    let stripe = adapter(&double, "rk_test_double", MARKER);
    (double, stripe)
}

pub(crate) fn request(double: &StripeDouble, order: &str, minor: i64) -> CheckoutRequest {
    CheckoutRequest {
        order: order.parse().unwrap(),
        attempt: 1,
        amount: usd(minor),
        email: "buyer@example.com".to_owned(),
        partner: Some("partner_1".to_owned()),
        success_url: "https://credits.example/paid?a=1&b=2".to_owned(),
        cancel_url: "https://credits.example/buy".to_owned(),
        save_method: SaveMethod::No,
        customer: None,
        expires_at: UnixMs::new((double.now_s() + 3_600) * 1_000),
    }
}

/// A page for this order that nobody has paid.
pub(crate) async fn open(double: &StripeDouble, stripe: &Stripe, order: &str, minor: i64) -> SessionId {
    stripe.create_checkout(&request(double, order, minor)).await.unwrap().session
}

/// An order that was paid by card. Gives the payment.
pub(crate) async fn bought(double: &StripeDouble, stripe: &Stripe, minor: i64) -> String {
    let session = open(double, stripe, "order-1", minor).await;
    double.pay(session.as_str())
}

pub(crate) async fn read(stripe: &Stripe, id: &str) -> PaymentState {
    stripe.payment(&PaymentRef::from_id(id).unwrap()).await.unwrap()
}

/// Where the books must stand for an order of these units at this price: granted, taken, frozen.
pub(crate) async fn stand(stripe: &Stripe, id: &str, units: u64, minor: i64) -> (u64, u64, u64) {
    let position = position(&read(stripe, id).await, units, minor).unwrap();
    (position.granted, position.taken, position.frozen)
}

pub(crate) fn position(state: &PaymentState, units: u64, minor: i64) -> Result<Position, PaymentError> {
    Position::of(state, &Grant { units, price: usd(minor) })
}
