//! The parameters of look-ups: unknown ones, and spans of time.

use crate::errors::{ErrorType, Problem};
use crate::state::App;
use http::{HeaderMap, HeaderName};
use opencredits_service::day_or_time;
use opencredits_units::UnixMs;
use std::collections::HashMap;

/// Asks for strict mode.
static STRICT_HEADER: HeaderName = HeaderName::from_static("x-opencredits-strict");
/// The longest part of a name that an answer repeats, in characters.
const NAME_CHARS_MAX: usize = 64;

/// The parameters of a request by name; of several with one name, one counts.
pub(crate) type Parameters = HashMap<String, String>;

/// Refuses parameters with other names than `known`, in strict mode; they are ignored otherwise.
///
/// # Errors
/// In strict mode, when there is such a parameter.
pub(crate) fn known_only(
    app: &App,
    (headers, query): (&HeaderMap, &Parameters),
    known: &[&str],
) -> Result<(), Problem> {
    if !app.settings.front.now().strict && !asks_strictness(headers) {
        return Ok(());
    }
    // Of several the first by name, so that the answer is always the same.
    let Some(unknown) = query.keys().filter(|name| !known.contains(&name.as_str())).min() else {
        return Ok(());
    };
    let name: String = unknown.chars().take(NAME_CHARS_MAX).collect();
    let there_are = match known {
        [] => "there is none here".to_owned(),
        [one] => format!("there is {one}"),
        [rest @ .., last] => format!("there are {} and {last}", rest.join(", ")),
    };
    Err(Problem::new(ErrorType::InvalidRequest, format!("there is no parameter {name}; {there_are}"))
        .with("param", name))
}

/// Whether a request asks for strict mode itself.
pub(crate) fn asks_strictness(headers: &HeaderMap) -> bool {
    let value = headers.get(&STRICT_HEADER).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
}

/// The beginning and the end of `from` and `to`; the end is not included.
///
/// # Errors
/// When one is no day and no time, or when the span ends before it begins.
pub(crate) fn span(query: &Parameters) -> Result<(Option<UnixMs>, Option<UnixMs>), Problem> {
    let (from, to) = (moment(query, "from")?, moment(query, "to")?);
    if let (Some((begin, _)), Some((last, length_ms))) = (from, to)
        && begin > last
        && begin >= last.saturating_add_ms(length_ms)
    {
        return Err(swapped(query));
    }
    Ok((from.map(|(begin, _)| begin), to.map(|(begin, length_ms)| begin.saturating_add_ms(length_ms))))
}

/// The refusal of a span that ends before it begins. It names both ends.
pub(crate) fn swapped(query: &Parameters) -> Problem {
    let text = |name| query.get(name).map_or("", String::as_str);
    let message = format!("from {} is after to {}; exchange them", text("from"), text("to"));
    Problem::new(ErrorType::InvalidRequest, message).with("param", "from")
}

/// A day or a time, and its length in ms.
fn moment(query: &Parameters, name: &'static str) -> Result<Option<(UnixMs, u64)>, Problem> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let wrong = || {
        let message = format!("{name} is not a day such as 2026-11-30, or a time such as 2026-11-30T08:00:00Z");
        Problem::new(ErrorType::InvalidRequest, message).with("param", name)
    };
    day_or_time(text).map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_ends_before_it_begins_is_refused_and_one_within_a_day_is_not() {
        let check = |from: &str, to: &str, expect: bool| {
            let query: Parameters = [("from", from), ("to", to)].map(|(name, text)| (name.into(), text.into())).into();
            assert_eq!(span(&query).is_ok(), expect, "{from} {to}");
        };
        check("2026-11-01", "2026-11-01", true);
        check("2026-11-01", "2026-11-02", true);
        check("2026-11-02", "2026-11-01", false);
        check("2026-11-01T12:00:00Z", "2026-11-01", true);
        check("2026-11-02T00:00:00Z", "2026-11-01", false);
        check("2026-11-01", "2026-11-01T12:00:00Z", true);
        check("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z", true);
        check("2026-11-01T12:00:01Z", "2026-11-01T12:00:00Z", false);
        check("", "2026-11-01", true);
        check("x", "2026-11-01", false);
    }
}
