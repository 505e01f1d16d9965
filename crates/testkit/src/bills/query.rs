//! Reads a request as strictly as a provider does.

use super::double::{ADMIN_KEY, BillForm};
use http::HeaderMap;
use jiff::Timestamp;

const DAY_S: u64 = 86_400;

/// Which report is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    LineItems,
    Costs,
    Tokens,
}

/// A request that is in order.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) report: Report,
    /// From the first day up to the one after the last.
    pub(super) days: std::ops::Range<u64>,
    pub(super) cursor: Option<String>,
    /// Everything but the cursor: a cursor belongs to it.
    pub(super) rest: String,
}

/// A status and what is wrong.
pub(super) type Refused = (u16, &'static str);

pub(super) fn read(
    form: BillForm,
    (method, path): (&str, &str),
    params: &[(String, String)],
    headers: &HeaderMap,
) -> Result<Asked, Refused> {
    let report = match (form, path) {
        (BillForm::Costs, "/v1/organization/costs") => Report::LineItems,
        (BillForm::Usage, "/v1/organizations/cost_report") => Report::Costs,
        (BillForm::Usage, "/v1/organizations/usage_report/messages") => Report::Tokens,
        _ => return Err((404, "no such path")),
    };
    if method != "GET" {
        return Err((405, "only GET"));
    }
    keys(form, headers)?;
    let (names, group, limit_max): ([&str; 2], (&str, &str), u64) = match report {
        Report::LineItems => (["start_time", "end_time"], ("group_by", "line_item"), 180),
        Report::Costs => (["starting_at", "ending_at"], ("group_by[]", "description"), 31),
        Report::Tokens => (["starting_at", "ending_at"], ("group_by[]", "model"), 31),
    };
    let known = [names[0], names[1], group.0, "bucket_width", "limit", "page"];
    if params.iter().any(|(name, _)| !known.contains(&name.as_str())) {
        return Err((400, "an unknown parameter"));
    }
    let value = |name: &str| {
        let mut found = params.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = found.next();
        if found.next().is_some() { Err((400, "a parameter is given twice")) } else { Ok(first) }
    };
    if value(group.0)? != Some(group.1) || value("bucket_width")? != Some("1d") {
        return Err((400, "group_by or bucket_width is missing or wrong"));
    }
    let limit = value("limit")?.and_then(|text| text.parse::<u64>().ok());
    if !limit.is_some_and(|limit| (1..=limit_max).contains(&limit)) {
        return Err((400, "limit is out of bounds"));
    }
    let day =
        |text: Option<&str>| text.and_then(|text| day_of(form, text)).ok_or((400, "a time is missing or no midnight"));
    let days = day(value(names[0])?)?..day(value(names[1])?)?;
    let cursor = value("page")?.map(str::to_owned);
    let rest = params.iter().filter(|(name, _)| name != "page").map(|(name, value)| format!("{name}={value}&"));
    let rest = format!("{path}?{}", rest.collect::<String>());
    Ok(Asked { report, days, cursor, rest })
}

fn keys(form: BillForm, headers: &HeaderMap) -> Result<(), Refused> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_known = match form {
        BillForm::Costs => header("authorization") == Some(&*format!("Bearer {ADMIN_KEY}")),
        BillForm::Usage => header("x-api-key") == Some(ADMIN_KEY),
    };
    if !is_known {
        return Err((401, "the key is no administrative key"));
    }
    if form == BillForm::Usage && header("anthropic-version") != Some("2023-06-01") {
        return Err((400, "anthropic-version: header is required"));
    }
    Ok(())
}

fn day_of(form: BillForm, text: &str) -> Option<u64> {
    let seconds = match form {
        BillForm::Costs => text.parse().ok()?,
        BillForm::Usage => u64::try_from(text.parse::<Timestamp>().ok()?.as_second()).ok()?,
    };
    (seconds % DAY_S == 0).then_some(seconds / DAY_S)
}

/// The beginning of a day, as RFC 3339.
pub(super) fn time(day: u64) -> String {
    let seconds = i64::try_from(day * DAY_S).expect("a day of this age of the world");
    Timestamp::from_second(seconds).expect("a day of this age of the world").to_string()
}

/// The beginning of a day, in Unix seconds.
pub(super) const fn seconds(day: u64) -> u64 {
    day * DAY_S
}
