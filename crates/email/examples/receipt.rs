//! Writes a receipt and shows it: `cargo run -p opencredits-email --example receipt`.

use opencredits_email::units::{CreditPrice, NanoUsd, UnixMs};
use opencredits_email::{
    Console, Currency, Envelope, Letter, MailError, Mailer, MessageId, Paid, Receipt, Site, Templates, TopUp,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = UnixMs::new(1_790_000_000_000);
    let usd: Currency = "usd".parse()?;
    let letter = Letter::Receipt(Receipt {
        credits: NanoUsd::new(20_000_000_000),
        bonus: NanoUsd::ZERO,
        debt_settled: NanoUsd::ZERO,
        paid: Paid { minor_units: 2_000, currency: usd },
        fee: None,
        top_up: TopUp::ByHand,
        order: "order_7".parse()?,
        paid_at: now,
    });
    let envelope = Envelope {
        from: "Acme <mail@acme.example>".parse()?,
        reply_to: None,
        to: "ada@example.org".parse()?,
        id: MessageId::new("mail_7", "acme.example")?,
        date: now,
    };
    let site = Site { name: "Acme".into(), url: "https://acme.example".into(), credit_price: CreditPrice::default() };
    let message = Templates::new()?.render(&letter, &site, envelope)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    // `Smtp` and `Resend` are used in the same way.
    runtime.block_on(Console::new(std::io::stdout()).send(&message)).map_err(MailError::into)
}
