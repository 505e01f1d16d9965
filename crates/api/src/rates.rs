//! The headers that tell what is left of a key's rates, in the form of OpenAI's.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use opencredits_service::{KeyRates, RateLeft, Spender};
use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

/// The names of the limit, of what is left, and of the time until all of it is left again.
type Names = [HeaderName; 3];

static REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
static TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

tokio::task_local! {
    /// The rates of the key that the request of this task came with.
    static ASKING: RefCell<Option<Arc<KeyRates>>>;
}

/// The request of this task came with this key.
pub(crate) fn asks(spender: &Spender) {
    // Where nobody answers a request, nobody is to be told.
    let _outside = ASKING.try_with(|asking| asking.borrow_mut().clone_from(&spender.rates));
}

/// The answer of a handler; where its request came with a key that has rates, it tells what is left of them.
pub(crate) async fn told<E>(answer: impl Future<Output = Result<Response, E>>) -> Result<Response, E> {
    let told = async {
        let mut response = answer.await?;
        if let Some(rates) = ASKING.with(RefCell::take) {
            tell(&rates, response.headers_mut());
        }
        Ok(response)
    };
    ASKING.scope(RefCell::default(), told).await
}

/// Adds them. What a provider says of our own rates there is overwritten.
pub(crate) fn tell(rates: &KeyRates, headers: &mut HeaderMap) {
    let (requests, tokens) = rates.left();
    for ([limit, remaining, reset], left) in [(&REQUESTS, requests), (&TOKENS, tokens)] {
        let Some(RateLeft { max, left, reset_ms }) = left else { continue };
        let mut digits = itoa::Buffer::new();
        for (name, figure) in [(limit, max), (remaining, left)] {
            if let Ok(value) = HeaderValue::from_str(digits.format(figure)) {
                headers.insert(name, value);
            }
        }
        if let Ok(value) = HeaderValue::try_from(duration(reset_ms)) {
            headers.insert(reset, value);
        }
    }
}

/// The longest duration: hours of 64 bits, and the rest.
const DURATION_CHARS_MAX: usize = 32;

/// A duration in the form of Go's, as OpenAI writes it: `6m0s`, `1.5s`, `12ms`.
fn duration(ms: u64) -> String {
    let mut text = String::with_capacity(DURATION_CHARS_MAX);
    let mut digits = itoa::Buffer::new();
    let mut put = |figure: u64, unit: &str| {
        text.push_str(digits.format(figure));
        text.push_str(unit);
    };
    if ms > 0 && ms < 1_000 {
        put(ms, "ms");
        return text;
    }
    let (minutes, rest) = (ms.div_euclid(60_000), ms.rem_euclid(60_000));
    let (seconds, fraction) = (rest.div_euclid(1_000), rest.rem_euclid(1_000));
    if minutes >= 60 {
        put(minutes.div_euclid(60), "h");
    }
    if minutes > 0 {
        put(minutes.rem_euclid(60), "m");
    }
    put(seconds, "");
    if fraction > 0 {
        // A leading 1 keeps the zeros in front.
        let thousandths = digits.format(fraction.saturating_add(1_000)).trim_end_matches('0');
        text.push('.');
        text.push_str(thousandths.get(1..).unwrap_or_default());
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        let check = |ms: u64, expect: &str| assert_eq!(duration(ms), expect);
        check(0, "0s");
        check(1, "1ms");
        check(12, "12ms");
        check(1_000, "1s");
        check(1_500, "1.5s");
        check(10_001, "10.001s");
        check(59_999, "59.999s");
        check(360_000, "6m0s");
        check(90_050, "1m30.05s");
        check(3_600_000, "1h0m0s");
        check(u64::MAX, "5124095576030h25m51.615s");
    }
}
