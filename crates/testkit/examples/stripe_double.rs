//! Serves a double of Stripe's API until it is ended: `cargo run -p opencredits-testkit --example stripe_double`
//!
//! Any key of Stripe's test mode is taken, as in `STRIPE_CLI_TELEMETRY_OPTOUT=1 stripe events list --api-key
//! sk_test_double --api-base URL`.

use opencredits_testkit::stripe::StripeDouble;

#[expect(clippy::print_stdout, reason = "a program says where it listens")]
fn main() -> std::io::Result<()> {
    let double = StripeDouble::start()?;
    println!("{}", double.base_url());
    loop {
        std::thread::park();
    }
}
