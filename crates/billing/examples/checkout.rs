//! Sells ten dollars of credits: `cargo run -p opencredits-billing --example checkout -- rk_test_…`

use opencredits_billing::units::UnixMs;
use opencredits_billing::{
    CheckoutRequest, Currency, Grant, Money, PaymentRef, Payments, Position, SaveMethod, Stripe, StripeKey,
    StripeSettings,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program speaks, and has a clock")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = StripeKey::new(&std::env::args().nth(1).ok_or("give a key of Stripe's test mode")?)?;
    let stripe = Stripe::new(StripeSettings::new(key, "example".parse()?))?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let price = Money::new(1_000, Currency::USD);
    let request = CheckoutRequest {
        order: format!("order-{now_s}").parse()?,
        attempt: 1,
        amount: price,
        email: "buyer@example.com".to_owned(),
        partner: None,
        success_url: "https://example.com/paid".to_owned(),
        cancel_url: "https://example.com/buy".to_owned(),
        save_method: SaveMethod::No,
        customer: None,
        expires_at: UnixMs::new(now_s.saturating_add(3_600).saturating_mul(1_000)),
    };
    let page = stripe.create_checkout(&request).await?;
    println!("pay here: {}", page.url);
    loop {
        let state = stripe.payment(&PaymentRef::Session(page.session.clone())).await?;
        let position = Position::of(&state, &Grant { units: 1_000, price })?;
        println!("{:?}: {} of {} credits to spend", state.progress, position.spendable(), position.granted);
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}
