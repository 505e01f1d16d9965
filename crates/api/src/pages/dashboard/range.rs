//! The days that a page is about. Pure.

use super::links::Link;
use opencredits_pages::views::dashboard::{Choice, Range};
use opencredits_service::{day_or_time, day_text};
use opencredits_store::Days;
use opencredits_units::UnixMs;

/// The days of a page without dates.
const DAYS: u64 = 30;
/// The most days of a page.
const DAYS_MAX: u64 = 366;
/// Ranges that end today, in days.
const PRESETS: [u64; 4] = [7, 30, 90, 365];

/// The days of a page, and how they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) days: Days,
    /// Whether they end today because no last day was asked for.
    is_latest: bool,
    is_cut: bool,
}

impl Span {
    /// The days of a query. Dates that cannot be read are none; dates in the wrong order are exchanged.
    pub(super) fn of<'a>(asked: impl Fn(&str) -> Option<&'a str>, now: UnixMs) -> Self {
        let today = now.day();
        let day = |name: &str| asked(name).and_then(day_or_time).map(|(begin, _)| begin.day());
        let (first, last) = (day("from"), day("to"));
        if first.is_none() && last.is_none() {
            let count = asked("days").and_then(|days| days.parse().ok()).unwrap_or(DAYS);
            let from = today.saturating_sub(count.clamp(1, DAYS_MAX).saturating_sub(1));
            return Self { days: Days { from, to: today }, is_latest: true, is_cut: count > DAYS_MAX };
        }
        let last = last.unwrap_or(today);
        let first = first.unwrap_or_else(|| last.saturating_sub(DAYS.saturating_sub(1)));
        let (first, last) = (first.min(last), first.max(last));
        let from = first.max(last.saturating_sub(DAYS_MAX.saturating_sub(1)));
        Self { days: Days { from, to: last }, is_latest: false, is_cut: from > first }
    }

    /// The same, the latest days of it at most so many.
    pub(super) fn within(self, days_max: u64) -> Self {
        let Days { from, to } = self.days;
        let least = to.saturating_sub(days_max.saturating_sub(1));
        Self { days: Days { from: from.max(least), to }, is_cut: self.is_cut || from < least, ..self }
    }

    /// The number of days.
    pub(super) const fn count(self) -> u64 {
        self.days.to.saturating_sub(self.days.from).saturating_add(1)
    }

    /// The first moment, and the first one after it.
    pub(super) fn times(self) -> (UnixMs, UnixMs) {
        let at = |day: u64| UnixMs::new(day.saturating_mul(UnixMs::DAY_MS));
        (at(self.days.from), at(self.days.to.saturating_add(1)))
    }

    /// A link with these days: by their number where they end today, so that it does so tomorrow, too.
    pub(super) fn on(self, link: Link) -> Link {
        match self.is_latest {
            true => link.with("days", self.count()),
            false => self.dated(link),
        }
    }

    /// A link with the dates of these days.
    pub(super) fn dated(self, link: Link) -> Link {
        link.with("from", day_text(self.days.from)).with("to", day_text(self.days.to))
    }

    /// The days as a page shows them; `base` is the page with everything but the days.
    pub(super) fn shown(self, base: &Link) -> Range {
        let preset = |days: u64| Choice {
            value: days.to_string(),
            href: base.clone().with("days", days).text(),
            is_current: self.is_latest && self.count() == days,
        };
        Range {
            from: day_text(self.days.from),
            to: day_text(self.days.to),
            days: self.count(),
            presets: PRESETS.map(preset).to_vec(),
            is_cut: self.is_cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &[(&str, &str)], expect: &str) {
        let asked = |name: &str| query.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let now = UnixMs::new(1_796_000_000_000);
        let span = Span::of(asked, now);
        let Range { from, to, days, is_cut, .. } = span.shown(&Link::to("/p"));
        let cut = if is_cut { " cut" } else { "" };
        assert_eq!(format!("{from} {to} {days}{cut} {}", span.on(Link::to("/p")).text()), expect, "{query:?}");
    }

    #[test]
    fn days_are_asked_for_by_dates_or_by_their_number() {
        check(&[], "2026-11-01 2026-11-30 30 /p?days=30");
        check(&[("days", "7")], "2026-11-24 2026-11-30 7 /p?days=7");
        check(&[("days", "0")], "2026-11-30 2026-11-30 1 /p?days=1");
        check(&[("days", "99999")], "2025-11-30 2026-11-30 366 cut /p?days=366");
        let dated = "from=2026-10-02&to=2026-10-05";
        check(&[("from", "2026-10-02"), ("to", "2026-10-05")], &format!("2026-10-02 2026-10-05 4 /p?{dated}"));
        check(&[("from", "2026-10-05"), ("to", "2026-10-02")], &format!("2026-10-02 2026-10-05 4 /p?{dated}"));
        check(&[("to", "2026-10-05")], "2026-09-06 2026-10-05 30 /p?from=2026-09-06&to=2026-10-05");
        check(&[("from", "x"), ("to", "<")], "2026-11-01 2026-11-30 30 /p?days=30");
        check(&[("from", "1970-01-01")], "2025-11-30 2026-11-30 366 cut /p?from=2025-11-30&to=2026-11-30");
    }
}
