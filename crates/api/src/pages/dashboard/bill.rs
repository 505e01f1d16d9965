//! The whole bill of a request.

use super::figures::{aligned, dollars, percent_of, seconds};
use super::links::Link;
use super::names::Names;
use super::person::Person;
use crate::errors::{ErrorType, Problem};
use crate::lookups::{legs, source};
use crate::pages::PageRequest;
use opencredits_catalog::Item;
use opencredits_ledger::EntryRow;
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::{Attempt, BillLine, BookedLeg, Named, RequestBill, SideLines};
use opencredits_service::{GenerationRecord, GenerationStatus, Line, UsageSource, charge_of};
use opencredits_units::{GenerationId, NanoUsd, Tokens};

/// A generation shorter than this says nothing about its speed, in ms.
const SPEED_MS_MIN: u32 = 200;

pub(super) async fn page(request: PageRequest) -> Result<RequestBill, Problem> {
    let person = Person::of(&request).await?;
    let unknown = || Problem::new(ErrorType::NotFound, "there is no such request of this account");
    let id = request.uri.path().rsplit('/').next().unwrap_or_default().replacen("req_", "gen_", 1);
    let id: GenerationId = id.parse().map_err(|_| unknown())?;
    if person.app.gateway.serves(id.cast()) {
        return Err(Problem::new(
            ErrorType::DuplicateRequest,
            "this request still runs; its bill is here when it has ended",
        ));
    }
    let entry = charge_of(person.app.gateway.ledger(), id).await.map_err(|error| person.problem(error))?;
    let is_own = |entry: &EntryRow| entry.legs.first().is_some_and(|(account, _)| *account == person.user.wallet);
    let entry = entry.filter(is_own).ok_or_else(unknown)?;
    // What is no charge of a request is none for a page of requests.
    let record = GenerationRecord::from_memo(&entry.memo).map_err(|_| unknown())?;
    let names = Names::of(&person, []).await?;
    let collected = entry.legs.first().and_then(|(_, amount)| amount.checked_neg()).unwrap_or_default();
    let bill = facts(&person, &names, (id, &record));
    Ok(priced(&person, bill, &record, (&entry, collected)))
}

/// What the request was.
fn facts(person: &Person<'_>, names: &Names, (id, record): (GenerationId, &GenerationRecord)) -> RequestBill {
    let app = names.keys.iter().find(|key| key.id == record.key).and_then(|key| key.partner);
    let requests = Link::to("/dashboard/requests");
    let output = record.usage().output_total().map(Tokens::get);
    let after_first = record.duration_ms.saturating_sub(record.latency_ms);
    let speed = output.filter(|tokens| *tokens > 1 && after_first >= SPEED_MS_MIN);
    let is_retried = !record.failed_attempts.is_empty();
    RequestBill {
        balance: person.balance(),
        id: id.to_string(),
        request_id: id.to_string().replacen("gen_", "req_", 1),
        at: id.made_at().into(),
        model: Named { name: record.model.clone(), href: requests.clone().with("model", &record.model).text() },
        vendor: record.vendor.clone(),
        api: record.api.name().to_owned(),
        key: Named { name: names.key(record.key), href: requests.clone().with("key_id", record.key).text() },
        app: app.map(|app| Named { name: names.app(app), href: requests.with("app_id", app).text() }),
        is_streamed: record.streamed,
        state: GenerationStatus::of(record).name().to_owned(),
        finish: record.native_finish.clone(),
        tier: record.tier.clone(),
        first_token_s: seconds(record.latency_ms),
        duration_s: seconds(record.duration_ms),
        tokens_a_second: speed.and_then(|tokens| tokens.saturating_mul(1_000).checked_div(u64::from(after_first))),
        attempts: if is_retried { attempts(record) } else { Vec::new() },
        price_book: record.price_book.to_string(),
        source: source(record.source).to_owned(),
        reported: record.reported.map(|(input, output)| (Count::of(input.get()), Count::of(output.get()))),
        is_bounded: matches!(record.source, UsageSource::Estimated | UsageSource::Implausible),
        charged: person.charged(NanoUsd::ZERO),
        ..RequestBill::default()
    }
}

/// What it cost.
fn priced(
    person: &Person<'_>,
    bill: RequestBill,
    record: &GenerationRecord,
    (entry, collected): (&EntryRow, NanoUsd),
) -> RequestBill {
    let charge = record.charge();
    let mut bill = RequestBill {
        lines: lines(&record.lines),
        other_models: record
            .side_bills
            .iter()
            .map(|side| SideLines { model: side.model.clone(), lines: lines(&side.lines) })
            .collect(),
        cost: record.cost.to_string(),
        markup_percent: percent_of(record.markup.get()),
        margin: charge.margin.to_string(),
        share_percent: percent_of(record.partner_share.get()),
        commission: record.commission_on(collected).to_string(),
        has_commission: record.commission_on(collected) != NanoUsd::ZERO,
        total: record.total.to_string(),
        charged: person.charged(collected),
        is_short: collected < record.total,
        legs: booked(entry),
        ..bill
    };
    let side_lines = bill.other_models.iter_mut().flat_map(|side| &mut side.lines);
    let mut amounts: Vec<&mut String> = bill.lines.iter_mut().chain(side_lines).map(|line| &mut line.amount).collect();
    amounts.extend([&mut bill.cost, &mut bill.margin, &mut bill.commission, &mut bill.total]);
    aligned(&mut amounts);
    for amount in amounts {
        *amount = dollars(amount);
    }
    bill
}

/// The lines that count something.
fn lines(all: &[Line]) -> Vec<BillLine> {
    all.iter().filter(|line| line.quantity() > Tokens::ZERO).map(line).collect()
}

fn line(line: &Line) -> BillLine {
    let is_per_million = matches!(line.what(), Some(Item::Tokens(_)));
    let rate = if is_per_million { line.rate().usd_per_million() } else { line.rate().usd_per_unit() };
    BillLine {
        what: line.name().to_owned(),
        quantity: Count::of(line.quantity().get()),
        rate: rate.to_string(),
        is_per_million,
        amount: line.amount().to_string(),
    }
}

fn attempts(record: &GenerationRecord) -> Vec<Attempt> {
    let failed = record.failed_attempts.iter().map(|attempt| Attempt {
        vendor: attempt.vendor.clone(),
        status: (attempt.status > 0).then_some(attempt.status),
        ended_s: seconds(attempt.ms),
        is_billed: false,
    });
    let last = Attempt {
        vendor: record.vendor.clone(),
        status: Some(200),
        ended_s: seconds(record.duration_ms),
        is_billed: true,
    };
    failed.chain([last]).collect()
}

fn booked(entry: &EntryRow) -> Vec<BookedLeg> {
    let all = legs(entry);
    let mut booked: Vec<BookedLeg> = all
        .as_array()
        .into_iter()
        .flatten()
        .map(|leg| BookedLeg {
            account: leg["account"].as_str().unwrap_or_default().to_owned(),
            amount: leg["amount"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    let mut amounts: Vec<&mut String> = booked.iter_mut().map(|leg| &mut leg.amount).collect();
    aligned(&mut amounts);
    for amount in amounts {
        *amount = dollars(amount);
    }
    booked
}
