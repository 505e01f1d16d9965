//! Writes pages of a report.

use super::double::{BilledItem, State};
use super::query::{Asked, Refused, Report, seconds, time};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A page, with all that a provider sends beside what is read.
pub(super) fn page(state: &mut State, asked: &Asked) -> Result<String, Refused> {
    let from = match &asked.cursor {
        None => asked.days.start,
        Some(cursor) => {
            let mut known = state.cursors.iter().filter(|(known, rest, _)| known == cursor && *rest == asked.rest);
            known.next().ok_or((400, "the page is none of this report"))?.2
        }
    };
    let until = asked.days.end.min(from + state.page_days);
    let buckets: Vec<String> = (from..until).map(|day| bucket(asked.report, day, &state.bill)).collect();
    let next = (until < asked.days.end).then(|| format!("page_{:08x}", state.cursors.len() * 7_919 + 1));
    if let Some(next) = &next {
        state.cursors.push((next.clone(), asked.rest.clone(), until));
    }
    let (has_more, next) = (next.is_some(), json!(next));
    Ok(format!(r#"{{"object":"page","data":[{}],"has_more":{has_more},"next_page":{next}}}"#, buckets.join(",")))
}

fn bucket(report: Report, day: u64, bill: &[BilledItem]) -> String {
    let items = bill.iter().filter(|item| item.day == day);
    let results: Vec<String> = match report {
        Report::LineItems => items.map(line_item).collect(),
        Report::Costs => items.map(cost).collect(),
        Report::Tokens => items.filter(|item| item.tokens > 0).map(tokens).collect(),
    };
    let results = results.join(",");
    match report {
        Report::LineItems => format!(
            r#"{{"object":"bucket","start_time":{},"end_time":{},"results":[{results}]}}"#,
            seconds(day),
            seconds(day + 1)
        ),
        _ => format!(r#"{{"starting_at":"{}","ending_at":"{}","results":[{results}]}}"#, time(day), time(day + 1)),
    }
}

/// A number with as many places as it has: the text of the amount is what is sent.
fn line_item(item: &BilledItem) -> String {
    let name = match (&*item.model, &*item.class) {
        ("", class) => class.to_owned(),
        (model, "") => model.to_owned(),
        (model, class) => format!("{model}, {class}"),
    };
    let number = RawValue::from_string(item.usd.clone()).expect("a number of JSON");
    format!(
        r#"{{"object":"organization.costs.result","amount":{{"value":{number},"currency":"usd"}},"line_item":{},"project_id":null,"organization_id":"org-double"}}"#,
        json!(name)
    )
}

fn cost(item: &BilledItem) -> String {
    let is_tokens = item.class.contains("tokens");
    let or_null = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    json!({
        "amount": cents(&item.usd),
        "currency": "USD",
        "cost_type": if is_tokens { "tokens" } else { &item.class },
        "token_type": if is_tokens { json!(item.class) } else { Value::Null },
        "model": or_null(&item.model),
        "description": format!("{} Usage - {}", item.model, item.class),
        "context_window": if is_tokens { json!("0-200k") } else { Value::Null },
        "service_tier": if is_tokens { json!("standard") } else { Value::Null },
        "workspace_id": null,
    })
    .to_string()
}

fn tokens(item: &BilledItem) -> String {
    let of = |class: &str| if item.class == class { item.tokens } else { 0 };
    json!({
        "model": if item.model.is_empty() { Value::Null } else { json!(item.model) },
        "uncached_input_tokens": of("uncached_input_tokens"),
        "cache_read_input_tokens": of("cache_read_input_tokens"),
        "cache_creation": {
            "ephemeral_1h_input_tokens": of("cache_creation.ephemeral_1h_input_tokens"),
            "ephemeral_5m_input_tokens": of("cache_creation.ephemeral_5m_input_tokens"),
        },
        "output_tokens": of("output_tokens"),
        "server_tool_use": { "web_search_requests": of("web_search") },
        "api_key_id": null, "workspace_id": null, "service_tier": null, "context_window": null,
    })
    .to_string()
}

/// Dollars as cents, by moving the point.
fn cents(usd: &str) -> String {
    let (sign, size) = usd.strip_prefix('-').map_or(("", usd), |size| ("-", size));
    let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
    let padded = format!("{fraction:0<2}");
    let (moved, rest) = padded.split_at(2);
    if rest.is_empty() { format!("{sign}{whole}{moved}") } else { format!("{sign}{whole}{moved}.{rest}") }
}
