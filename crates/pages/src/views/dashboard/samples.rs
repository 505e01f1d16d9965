//! What samples have in common.

use crate::figures::{Count, Money, Rounding};
use crate::when::When;
use opencredits_units::{CreditPrice, NanoUsd, UnixMs};

/// A text with every character that means something in HTML.
pub(in crate::views) const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{7*7}}";
/// A text that is as long as a name may be.
pub(in crate::views) const LONG: &str = "a-name-without-any-place-to-break-it-that-is-as-long-as-names-may-be-and-then-some-more-of-it-so-\
                               that-it-would-widen-every-table-that-does-not-expect-it-0123456789012345678901234567890123456789";
/// The time of samples.
const NOW: UnixMs = UnixMs::new(1_796_000_000_000);

/// An amount that was charged, in nano-dollars.
pub(in crate::views) fn charged(nano: i64) -> Money {
    Money::of(NanoUsd::new(nano), CreditPrice::default(), Rounding::Up)
}

/// An amount that a person has, in nano-dollars.
pub(in crate::views) fn has(nano: i64) -> Money {
    Money::of(NanoUsd::new(nano), CreditPrice::default(), Rounding::Down)
}

pub(in crate::views) fn count(count: u64) -> Count {
    Count::of(count)
}

/// A time so long ago.
pub(in crate::views) fn ago(minutes: u64) -> When {
    When::from(UnixMs::new(NOW.get().saturating_sub(minutes.saturating_mul(60_000))))
}

/// A time so far ahead.
pub(in crate::views) fn ahead(days: u64) -> When {
    When::from(NOW.saturating_add_ms(days.saturating_mul(UnixMs::DAY_MS)))
}
