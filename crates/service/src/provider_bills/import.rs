//! Bills from files: CSV of which each line is an amount of a day. Pure.

use super::amount::{AmountUnit, amount_of};
use super::error::ReconcileError;
use super::read::{Lines, Told};
use crate::usage::day_or_time;
use csv::{ReaderBuilder, StringRecord};
use opencredits_units::{CostClass, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest file, in bytes.
pub const IMPORT_BYTES_MAX: usize = 1 << 20;
/// The longest name of a model, in bytes.
const NAME_BYTES_MAX: usize = 128;
const TOO_LARGE: &str = "its amount, or the sum of its day, model and class, is larger than can be booked";

/// The columns of a bill, by their headings. `None` stands for the default; a default column other than the day and the
/// amount may be missing from the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BillColumns {
    /// The day, `2026-11-30`, UTC. Default `day`.
    pub day: Option<String>,
    /// The model, as the vendor names it. Default `model`.
    pub model: Option<String>,
    /// The class. Default `class`.
    pub class: Option<String>,
    /// Tokens or uses. Default `tokens`.
    pub tokens: Option<String>,
    /// The amount in US dollars. Default `amount`.
    pub amount: Option<String>,
    /// The currency, which must be USD. Default `currency`.
    pub currency: Option<String>,
}

/// The places of the columns in a row.
struct Places {
    day: usize,
    model: Option<usize>,
    class: Option<usize>,
    tokens: Option<usize>,
    amount: usize,
    currency: Option<usize>,
}

/// The lines of each day of a file.
pub(super) fn bill_of_file(file: &str, columns: &BillColumns) -> Result<BTreeMap<u64, Lines>, ReconcileError> {
    if file.len() > IMPORT_BYTES_MAX {
        return Err(at(1, "the file is larger than 1 MiB; import it in parts, each of whole days"));
    }
    let text = file.strip_prefix('\u{feff}').unwrap_or(file);
    let mut reader = ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|error| malformed(&error))?.clone();
    let places = Places::of(&headings, columns)?;
    let mut bill: BTreeMap<u64, Lines> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| malformed(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let (day, of, told) = places.read(&row).map_err(|problem| at(line, problem))?;
        let sum = bill.entry(day).or_default().entry(of).or_default();
        *sum = sum.checked_add(told).filter(|sum| fits(*sum)).ok_or_else(|| at(line, TOO_LARGE))?;
    }
    if bill.is_empty() {
        return Err(at(1, "the file has headings and no lines; nothing was imported"));
    }
    Ok(bill)
}

impl Places {
    fn of(headings: &StringRecord, columns: &BillColumns) -> Result<Self, ReconcileError> {
        let needed = |given: &Option<String>, default: &str, flag: &str| {
            let name = given.as_deref().unwrap_or(default);
            let found = place(headings, name)?;
            found.ok_or_else(|| at(1, format!("there is no column {name}; name it with --{flag}-column")))
        };
        let optional = |given: &Option<String>, default: &str, flag: &str| match given {
            Some(_) => needed(given, default, flag).map(Some),
            None => place(headings, default),
        };
        Ok(Self {
            day: needed(&columns.day, "day", "day")?,
            model: optional(&columns.model, "model", "model")?,
            class: optional(&columns.class, "class", "class")?,
            tokens: optional(&columns.tokens, "tokens", "tokens")?,
            amount: needed(&columns.amount, "amount", "amount")?,
            currency: optional(&columns.currency, "currency", "currency")?,
        })
    }

    fn read(&self, row: &StringRecord) -> Result<(u64, (String, CostClass), Told), String> {
        let cell = |place: usize| row.get(place).unwrap_or_default().trim();
        let optional = |place: Option<usize>| place.map(cell).filter(|text| !text.is_empty());
        let day = day(cell(self.day))?;
        let model = optional(self.model).unwrap_or_default();
        if model.len() > NAME_BYTES_MAX {
            return Err("the name of the model is longer than 128 bytes".to_owned());
        }
        let class = optional(self.class).map_or(Ok(CostClass::All), str::parse).map_err(|error| error.to_string())?;
        let count =
            |text: &str| text.parse().map_err(|_| format!("{text:?} is no number of tokens; write digits only"));
        let quantity = optional(self.tokens).map(count).transpose()?;
        if let Some(currency) = optional(self.currency).filter(|currency| !currency.eq_ignore_ascii_case("usd")) {
            return Err(format!("the currency is {currency}; only USD is compared, so convert the amounts first"));
        }
        let text = cell(self.amount);
        let plain = Some(text).filter(|text| !text.contains(['e', 'E']));
        let amount = plain.and_then(|text| amount_of(text, AmountUnit::Dollars)).ok_or_else(|| {
            format!("{text:?} is no amount; write US dollars as a plain decimal such as 12.50, without a currency or separators")
        })?;
        Ok((day, (model.to_owned(), class), Told { amount, quantity }))
    }
}

/// Whether it can be stored in billionths of a dollar.
fn fits(told: Told) -> bool {
    told.amount.round_to_nano().is_some()
}

fn place(headings: &StringRecord, name: &str) -> Result<Option<usize>, ReconcileError> {
    let mut found = headings.iter().enumerate().filter(|(_, heading)| heading.trim() == name).map(|(place, _)| place);
    match (found.next(), found.next()) {
        (place, None) => Ok(place),
        (_, Some(_)) => Err(at(1, format!("there are two columns {name}; rename one"))),
    }
}

fn day(text: &str) -> Result<u64, String> {
    let day = day_or_time(text).filter(|(_, length_ms)| *length_ms == UnixMs::DAY_MS);
    day.map(|(begin, _)| begin.day()).ok_or_else(|| format!("{text:?} is no day; write it as 2026-11-30"))
}

fn malformed(error: &csv::Error) -> ReconcileError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => at(
            line,
            format!("it has {len} cells where the headings are {expected_len}; put commas within a cell into quotes"),
        ),
        _ => at(line, "it is no CSV in UTF-8"),
    }
}

fn at(line: u64, problem: impl Into<String>) -> ReconcileError {
    ReconcileError::File { line, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::Bucket;

    const INPUT: CostClass = CostClass::Tokens(Bucket::InputUncached);

    /// Day, model, class, quantity, pico-dollars.
    type Row = (u64, String, CostClass, Option<u64>, i128);

    fn read(file: &str, columns: &BillColumns) -> Result<Vec<Row>, String> {
        let bill = bill_of_file(file, columns).map_err(|error| error.to_string())?;
        let rows = bill.into_iter().flat_map(|(day, lines)| {
            lines.into_iter().map(move |((model, class), told)| (day, model, class, told.quantity, told.amount.get()))
        });
        Ok(rows.collect())
    }

    #[test]
    fn a_file_with_the_default_headings_is_read_exactly() {
        let file = "\u{feff}day,model,class,tokens,amount\r\n2026-09-21,m,input,10,0.000000000001\r\n\
                    2026-09-21,m,input,5,0.25\r\n2026-09-20,\"a, b\",all,,-1\r\n";
        let rows = read(file, &BillColumns::default()).unwrap();
        let first = (20_716, "a, b".to_owned(), CostClass::All, None, -1_000_000_000_000);
        assert_eq!(rows, [first, (20_717, "m".to_owned(), INPUT, Some(15), 250_000_000_001)]);
    }

    #[test]
    fn only_the_day_and_the_amount_are_needed_and_headings_may_have_other_names() {
        let columns =
            BillColumns { day: Some("Date".into()), amount: Some("Cost (USD)".into()), ..BillColumns::default() };
        let rows = read("Date,Cost (USD),currency\n2026-09-21,3,usd\n", &columns).unwrap();
        assert_eq!(rows, [(20_717, String::new(), CostClass::All, None, 3_000_000_000_000)]);
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        let check = |file: &str, columns: &BillColumns, expect: &str| {
            let error = read(file, columns).unwrap_err();
            assert!(error.starts_with(expect), "{error}");
        };
        let plain = BillColumns::default();
        check("day,cost\n2026-09-21,1\n", &plain, "line 1: there is no column amount; name it with --amount-column");
        check("day,day,amount\n2026-09-21,x,1\n", &plain, "line 1: there are two columns day");
        check("day,amount\n", &plain, "line 1: the file has headings and no lines");
        check("", &plain, "line 1: there is no column day");
        check("day,amount\n2026-09-21,1\n21.9.2026,1\n", &plain, "line 3: \"21.9.2026\" is no day");
        check("day,amount\n2026-09-21T00:00:00Z,1\n", &plain, "line 2: \"2026-09-21T00:00:00Z\" is no day");
        check("day,amount\n2026-09-21,€ 12\n", &plain, "line 2: \"€ 12\" is no amount; write US dollars");
        check("day,amount\n2026-09-21,1e3\n", &plain, "line 2: \"1e3\" is no amount");
        check("day,amount\n2026-09-21,1\n2026-09-20,9999999999.99\n", &plain, "line 3: its amount, or the sum");
        check("day,amount\n2026-09-21,9000000000\n2026-09-21,9000000000\n", &plain, "line 3: its amount, or the sum");
        check("day,amount\n2026-09-21,\"1,000\"\n", &plain, "line 2: \"1,000\" is no amount");
        check("day,amount,currency\n2026-09-21,1,EUR\n", &plain, "line 2: the currency is EUR; only USD is compared");
        check("day,amount,class\n2026-09-21,1,inputs\n", &plain, "line 2: \"inputs\" is no class");
        check("day,amount,tokens\n2026-09-21,1,1e3\n", &plain, "line 2: \"1e3\" is no number of tokens");
        check("day,amount\n2026-09-21,1,2\n", &plain, "line 2: it has 3 cells where the headings are 2");
        let named = BillColumns { model: Some("sku".into()), ..plain.clone() };
        check("day,amount\n2026-09-21,1\n", &named, "line 1: there is no column sku; name it with --model-column");
        check(&"x".repeat(IMPORT_BYTES_MAX + 1), &plain, "line 1: the file is larger than 1 MiB");
    }
}
