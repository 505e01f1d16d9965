//! Reads pages of vendors' bills. Pure.

use super::amount::{AmountUnit, amount_of};
use super::request::Part;
use crate::usage::day_or_time;
use opencredits_providers::{BillingReport, BillingReportKind};
use opencredits_units::{CostClass, PicoUsd, UnixMs};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What separates model and class in a line item.
const BETWEEN: &str = ", ";
const SECOND_MS: u64 = 1_000;
/// The longest name of a model, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Lines by model and class.
pub(super) type Lines = BTreeMap<(String, CostClass), Told>;

/// What a vendor tells of a model and class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) amount: PicoUsd,
    pub(super) quantity: Option<u64>,
}

impl Told {
    pub(super) fn checked_add(self, other: Self) -> Option<Self> {
        let quantity = match (self.quantity, other.quantity) {
            (Some(a), Some(b)) => Some(a.checked_add(b)?),
            (a, b) => a.or(b),
        };
        Some(Self { amount: self.amount.checked_add(other.amount)?, quantity })
    }
}

/// A page of a bill.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) days: Vec<(u64, Lines)>,
    pub(super) next: Option<String>,
}

/// Why a page cannot be read.
pub(super) type PageProblem = &'static str;

#[derive(Deserialize)]
struct PageOf<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct CostsBucket {
    start_time: u64,
    results: Vec<LineItem>,
}

#[derive(Deserialize)]
struct LineItem {
    amount: Money,
    #[serde(default)]
    line_item: Option<String>,
}

#[derive(Deserialize)]
struct Money {
    /// A number, or a string with one; its text is read, so that no float is between.
    value: Box<RawValue>,
    currency: String,
}

#[derive(Deserialize)]
struct ReportBucket<T> {
    starting_at: String,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct CostItem {
    amount: String,
    currency: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    cost_type: Option<String>,
}

/// Reads a page of a part.
pub(super) fn page(report: &BillingReport, part: Part, body: &[u8]) -> Result<Page, PageProblem> {
    match (report.kind, part) {
        (BillingReportKind::CostsApi, _) => {
            let page: PageOf<CostsBucket> = parse(body)?;
            page.read(
                |bucket| Ok((day_of(bucket.start_time.checked_mul(SECOND_MS))?, bucket.results)),
                |item, lines| line_item(report, item, lines),
            )
        }
        (BillingReportKind::UsageReport, Part::Amounts) => {
            let page: PageOf<ReportBucket<CostItem>> = parse(body)?;
            page.read(named_day, |item, lines| cost_item(report, item, lines))
        }
        (BillingReportKind::UsageReport, Part::Quantities) => {
            let page: PageOf<ReportBucket<Value>> = parse(body)?;
            page.read(named_day, |item, lines| quantities(report, &item, lines))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, PageProblem> {
    serde_json::from_slice(body).map_err(|_| "it is not of the form that billing_report.kind names")
}

impl<B> PageOf<B> {
    fn read<T>(
        self,
        day: impl Fn(B) -> Result<(u64, Vec<T>), PageProblem>,
        add: impl Fn(T, &mut Lines) -> Result<(), PageProblem>,
    ) -> Result<Page, PageProblem> {
        let next = match (self.has_more, self.next_page) {
            (false, _) => None,
            (true, Some(next)) if !next.is_empty() => Some(next),
            (true, _) => return Err("it says that there are more and does not say where"),
        };
        let mut days = Vec::new();
        for bucket in self.data {
            let (day, results) = day(bucket)?;
            let mut lines = Lines::new();
            results.into_iter().try_for_each(|result| add(result, &mut lines))?;
            days.push((day, lines));
        }
        Ok(Page { days, next })
    }
}

fn named_day<T>(bucket: ReportBucket<T>) -> Result<(u64, Vec<T>), PageProblem> {
    let begin = day_or_time(&bucket.starting_at).map(|(begin, _)| begin.get());
    Ok((day_of(begin)?, bucket.results))
}

fn day_of(begin_ms: Option<u64>) -> Result<u64, PageProblem> {
    let begin = UnixMs::new(begin_ms.ok_or("a bucket begins at no time")?);
    if begin.get().checked_rem(UnixMs::DAY_MS) == Some(0) {
        Ok(begin.day())
    } else {
        Err("a bucket begins within a day (UTC)")
    }
}

fn line_item(report: &BillingReport, item: LineItem, lines: &mut Lines) -> Result<(), PageProblem> {
    let text = item.amount.value.get();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let amount = money(text, AmountUnit::Dollars, &item.amount.currency)?;
    let name = item.line_item.unwrap_or_default();
    let class = |name: &str| report.classes.get(&name.to_lowercase()).copied();
    let (model, class) = match (class(&name), name.rsplit_once(BETWEEN)) {
        (Some(class), _) => ("", class),
        (None, Some((model, rest))) => (model, class(rest).unwrap_or(CostClass::Other)),
        (None, None) => (&*name, CostClass::All),
    };
    add(lines, (model, class), Told { amount, quantity: None })
}

fn cost_item(report: &BillingReport, item: CostItem, lines: &mut Lines) -> Result<(), PageProblem> {
    let amount = money(&item.amount, AmountUnit::Cents, &item.currency)?;
    let class = match item.token_type.as_ref().or(item.cost_type.as_ref()) {
        Some(name) => report.classes.get(name).copied().unwrap_or(CostClass::Other),
        None => CostClass::All,
    };
    add(lines, (&item.model.unwrap_or_default(), class), Told { amount, quantity: None })
}

fn quantities(report: &BillingReport, item: &Value, lines: &mut Lines) -> Result<(), PageProblem> {
    let model = item.get("model").and_then(Value::as_str).unwrap_or_default();
    for (path, class) in &report.classes {
        let member = path.split('.').try_fold(item, |at, name| at.get(name));
        let Some(count) = member.filter(|count| !count.is_null()) else { continue };
        let count = count.as_u64().ok_or("a count of tokens is no whole number")?;
        if count > 0 {
            add(lines, (model, *class), Told { amount: PicoUsd::ZERO, quantity: Some(count) })?;
        }
    }
    Ok(())
}

fn money(text: &str, unit: AmountUnit, currency: &str) -> Result<PicoUsd, PageProblem> {
    if !currency.eq_ignore_ascii_case("usd") {
        return Err("an amount is in another currency than US dollars, which is not compared");
    }
    amount_of(text, unit).ok_or("an amount is no decimal number")
}

/// Lines of one model and class, such as those of two service tiers, are one.
fn add(lines: &mut Lines, (model, class): (&str, CostClass), told: Told) -> Result<(), PageProblem> {
    if model.len() > NAME_BYTES_MAX {
        return Err("the name of a model is longer than 128 bytes");
    }
    let line = lines.entry((model.to_owned(), class)).or_default();
    *line = line.checked_add(told).ok_or("a sum fits no integer")?;
    Ok(())
}
