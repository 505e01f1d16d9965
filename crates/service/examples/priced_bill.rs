//! From a recorded stream to a priced bill: `cargo run -p opencredits-service --example priced_bill`.

use bytes::Bytes;
use opencredits_catalog::{Catalog, Terms};
use opencredits_providers::{Dialect, End, StreamTap, UsageChunk};
use opencredits_units::BasisPoints;
use std::error::Error;
use std::io::Write;

/// A stream as a provider sent it.
const RECORDED: &str = r#"data: {"id":"a","choices":[{"index":0,"delta":{"content":"Good morning."}}]}

data: {"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"a","choices":[],"usage":{"prompt_tokens":1200,"completion_tokens":40,"prompt_tokens_details":{"cached_tokens":1000}}}

data: [DONE]

"#;

fn main() -> Result<(), Box<dyn Error>> {
    // The bytes pass in chunks of any size; nothing is kept of them but the counts.
    let mut tap = StreamTap::new(Dialect::OpenaiChat, UsageChunk::Requested);
    for chunk in RECORDED.as_bytes().chunks(64) {
        tap.feed(&Bytes::copy_from_slice(chunk))?;
    }
    let outcome = tap.outcome(End::Clean);
    let usage = outcome.usage.ok_or("the stream has no usage")?;

    let catalog = Catalog::builtin()?;
    let model = catalog.resolve("gpt-5-mini")?;
    let bill = model.route.card.price(&usage, None)?;
    let mut out = std::io::stdout().lock();
    for line in &bill.lines {
        writeln!(
            out,
            "{:<12} {:>6} × {:>9} = {:>12} pico-dollars",
            line.item.name(),
            line.quantity.get(),
            line.rate.get(),
            line.amount.get()
        )?;
    }
    let terms = Terms { markup: BasisPoints::new(2_500), partner_share: BasisPoints::new(4_000) };
    let charge = terms.charge(bill.cost).ok_or("the cost fits no integer")?;
    writeln!(
        out,
        "cost {} + margin {} + commission {} = {} nano-dollars",
        charge.cost.get(),
        charge.margin.get(),
        charge.commission.get(),
        charge.total.get()
    )?;
    Ok(())
}
