//! What the record of a payer says of the charge that is being made.

use opencredits_store::{Order, OrderState, Payer};
use opencredits_units::UnixMs;

/// Nothing is being charged any more; what was not paid counts for no month.
pub(super) fn uncharge(payer: &mut Payer, order: &Order) {
    if payer.charging != Some(order.id) {
        return;
    }
    payer.charging = None;
    let is_unpaid = matches!(order.state, OrderState::Failed | OrderState::Expired);
    if is_unpaid && payer.month == month_of(order.created_at) {
        payer.month_minor = payer.month_minor.saturating_sub(order.amount_minor).max(0);
    }
}

/// The calendar month of a time, UTC, counted from January 1970.
pub(super) fn month_of(at: UnixMs) -> u32 {
    let ms = i64::try_from(at.get()).unwrap_or(i64::MAX);
    let Ok(time) = jiff::Timestamp::from_millisecond(ms) else {
        return u32::MAX;
    };
    let date = jiff::tz::Offset::UTC.to_datetime(time).date();
    let months = i32::from(date.year()).saturating_sub(1970).saturating_mul(12);
    u32::try_from(months.saturating_add(i32::from(date.month())).saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        for (ms, month) in [(0, 0), (31 * 86_400_000 - 1, 0), (31 * 86_400_000, 1), (1_790_000_000_000, 680)] {
            assert_eq!(month_of(UnixMs::new(ms)), month, "{ms}");
        }
    }
}
