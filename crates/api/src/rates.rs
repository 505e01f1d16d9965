//! The headers that tell what is left of a key's rates, in the form of OpenAI's.

use http::{HeaderMap, HeaderName, HeaderValue};
use opencredits_service::{KeyRates, RateLeft};

/// The names of the limit, of what is left, and of the time until all of it is left again.
type Names = [&'static str; 3];

const REQUESTS: Names = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const TOKENS: Names = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];

/// Adds them. What a provider says of our own rates there is overwritten.
pub(crate) fn tell(rates: &KeyRates, headers: &mut HeaderMap) {
    for (names, left) in [(REQUESTS, rates.requests()), (TOKENS, rates.tokens())] {
        let Some(RateLeft { max, left, reset_ms }) = left else { continue };
        let [limit, remaining, reset] = names.map(HeaderName::from_static);
        headers.insert(limit, HeaderValue::from(max));
        headers.insert(remaining, HeaderValue::from(left));
        if let Ok(value) = HeaderValue::try_from(duration(reset_ms)) {
            headers.insert(reset, value);
        }
    }
}

/// A duration in the form of Go's, as OpenAI writes it: `6m0s`, `1.5s`, `12ms`.
fn duration(ms: u64) -> String {
    let (minutes, rest) = (ms.div_euclid(60_000), ms.rem_euclid(60_000));
    let (seconds, fraction) = (rest.div_euclid(1_000), rest.rem_euclid(1_000));
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    let seconds = format!("{seconds}{}s", fraction.trim_end_matches('0'));
    match minutes {
        0 if ms > 0 && ms < 1_000 => format!("{ms}ms"),
        0 => seconds,
        minutes if minutes < 60 => format!("{minutes}m{seconds}"),
        minutes => format!("{}h{}m{seconds}", minutes.div_euclid(60), minutes.rem_euclid(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        let check = |ms: u64, expect: &str| assert_eq!(duration(ms), expect);
        check(0, "0s");
        check(12, "12ms");
        check(1_000, "1s");
        check(1_500, "1.5s");
        check(59_999, "59.999s");
        check(360_000, "6m0s");
        check(90_050, "1m30.05s");
        check(3_600_000, "1h0m0s");
    }
}
