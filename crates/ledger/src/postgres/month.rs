//! Months of the calendar, and the parts of the entries that they make.

use opencredits_units::{EntryId, UnixMs};
use std::fmt;
use std::str::FromStr;

/// The last millisecond that an id can have.
const LAST_MS: u64 = (1 << 48) - 1;
const FIRST_YEAR: u64 = 1970;
const LAST_YEAR: u64 = 9_999;
/// The leap days before 1970.
const LEAP_DAYS_BEFORE: u64 = 477;
const MONTHS: u32 = 12;

/// A month of the calendar, UTC, from 1970 on.
///
/// ```
/// use opencredits_ledger::Month;
/// use opencredits_ledger::units::UnixMs;
///
/// let month = Month::of(UnixMs::new(1_790_000_000_000));
/// assert_eq!(month.to_string(), "2026-09");
/// assert_eq!("2026-09".parse(), Ok(month));
/// assert_eq!(month.next().to_string(), "2026-10");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

/// A text is no month, and no part of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month; write one as 2026-09, or what lies before one as before-2026-09")]
pub struct MonthError;

impl Month {
    /// The month of a point in time.
    #[must_use]
    pub fn of(at: UnixMs) -> Self {
        let at = UnixMs::new(at.get().min(LAST_MS));
        // No year is longer than 366 days, so that this is not too late.
        let years = u32::try_from(at.day().saturating_div(366)).unwrap_or_default();
        let mut month = Self(years.saturating_mul(MONTHS));
        while month.next().start() <= at {
            month = month.next();
        }
        month
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The month before it; the same one for the first.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// When it begins.
    #[must_use]
    pub fn start(self) -> UnixMs {
        let year = self.year();
        let before = year.saturating_sub(1);
        let leap_days = before.saturating_div(4).saturating_add(before.saturating_div(400));
        let leap_days = leap_days.saturating_sub(before.saturating_div(100)).saturating_sub(LEAP_DAYS_BEFORE);
        let days = year.saturating_sub(FIRST_YEAR).saturating_mul(365).saturating_add(leap_days);
        let months = (1..self.number()).map(|number| length(year, number));
        let days = months.fold(days, u64::saturating_add);
        UnixMs::new(days.saturating_mul(UnixMs::DAY_MS))
    }

    pub(super) fn year(self) -> u64 {
        u64::from(self.0.saturating_div(MONTHS)).saturating_add(FIRST_YEAR)
    }

    /// From 1 to 12.
    fn number(self) -> u32 {
        self.0.checked_rem(MONTHS).unwrap_or_default().saturating_add(1)
    }

    /// The lowest id of the month.
    fn low(self) -> EntryId {
        EntryId::at(self.start(), [0; 10])
    }
}

/// The days of a month.
fn length(year: u64, number: u32) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match number {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, number) = text.split_once('-').ok_or(MonthError)?;
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(number, 2) {
            return Err(MonthError);
        }
        let (year, number): (u64, u32) =
            (year.parse().map_err(|_| MonthError)?, number.parse().map_err(|_| MonthError)?);
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) || !(1..=MONTHS).contains(&number) {
            return Err(MonthError);
        }
        let years = u32::try_from(year.saturating_sub(FIRST_YEAR)).map_err(|_| MonthError)?;
        Ok(Self(years.saturating_mul(MONTHS).saturating_add(number).saturating_sub(1)))
    }
}

/// A part of the entries, by the times of their ids: what is archived as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntriesPart {
    /// All before this month: what was there when the program began to tell months apart.
    Before(Month),
    /// Those of a month.
    Of(Month),
}

impl EntriesPart {
    /// The lowest id, and the first id after the part.
    pub(crate) fn range(self) -> (EntryId, EntryId) {
        match self {
            Self::Before(month) => (EntryId::default(), month.low()),
            Self::Of(month) => (month.low(), month.next().low()),
        }
    }

    /// The first month after it.
    pub(crate) const fn end(self) -> Month {
        match self {
            Self::Before(month) => month,
            Self::Of(month) => month.next(),
        }
    }

    /// The table with all of its entries.
    pub(crate) fn table(self) -> String {
        format!("ledger_entries_{}", self.suffix())
    }

    /// The table with what stays of them, once the part is archived.
    pub(crate) fn kept(self) -> String {
        format!("{}{KEPT}", self.table())
    }

    /// The table of before, beside the ledger, once the part is archived.
    pub(crate) fn archived(self) -> String {
        format!("ledger_archived_{}", self.suffix())
    }

    fn suffix(self) -> String {
        self.to_string().replace('-', "_")
    }

    /// What SQL calls its range.
    pub(crate) fn bounds(self) -> String {
        let (low, high) = self.range();
        match self {
            Self::Before(_) => format!("FROM (MINVALUE) TO ({})", literal(high)),
            Self::Of(_) => format!("FROM ({}) TO ({})", literal(low), literal(high)),
        }
    }

    /// The condition that its ids meet.
    pub(crate) fn condition(self) -> String {
        let (low, high) = self.range();
        format!("id >= {} AND id < {}", literal(low), literal(high))
    }

    pub(super) fn has(self, month: Month) -> bool {
        match self {
            Self::Before(end) => month < end,
            Self::Of(own) => month == own,
        }
    }
}

/// How the name of a table ends that has what stays of an archived part.
pub(super) const KEPT: &str = "_kept";

/// An id as SQL has it.
pub(super) fn literal(id: EntryId) -> String {
    format!("'\\x{:032x}'", id.bits())
}

impl fmt::Display for EntriesPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(month) => write!(f, "before-{month}"),
            Self::Of(month) => write!(f, "{month}"),
        }
    }
}

impl FromStr for EntriesPart {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        match text.strip_prefix("before-") {
            Some(month) => month.parse().map(Self::Before),
            None => text.parse().map(Self::Of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: u64, month: &str, start: u64) {
        let found = Month::of(UnixMs::new(at));
        assert_eq!((found.to_string().as_str(), found.start().get()), (month, start), "{at}");
        assert_eq!(month.parse(), Ok(found));
        assert_eq!(found.next().previous(), found);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        check(0, "1970-01", 0);
        check(951_782_400_000, "2000-02", 949_363_200_000);
        check(951_868_800_000, "2000-03", 951_868_800_000);
        check(1_709_251_199_999, "2024-02", 1_706_745_600_000);
        check(1_790_000_000_000, "2026-09", 1_788_220_800_000);
        check(1_798_761_599_999, "2026-12", 1_796_083_200_000);
        check(1_798_761_600_000, "2027-01", 1_798_761_600_000);
        check(4_107_542_400_000, "2100-03", 4_107_542_400_000);
    }

    #[test]
    fn a_time_that_no_id_can_have_is_taken_as_the_last_one() {
        assert_eq!(Month::of(UnixMs::new(u64::MAX)), Month::of(UnixMs::new(LAST_MS)));
    }

    #[test]
    fn a_text_of_another_form_is_no_month() {
        for text in ["", "2026", "2026-13", "2026-00", "26-09", "2026-9", "1969-12", "+026-09", "2026-09-01", "before-"]
        {
            assert_eq!(text.parse::<EntriesPart>(), Err(MonthError), "{text}");
        }
    }

    #[test]
    fn parts_follow_one_another() {
        let month: Month = "2026-12".parse().unwrap();
        let (before, of) = (EntriesPart::Before(month), EntriesPart::Of(month));
        assert_eq!((before.range().1, of.range().1), (of.range().0, EntriesPart::Of(month.next()).range().0));
        assert_eq!(of.range().0.made_at(), month.start());
        for (part, name) in [(before, "before-2026-12"), (of, "2026-12")] {
            assert_eq!((part.to_string().as_str(), name.parse()), (name, Ok(part)));
        }
        assert_eq!(of.table(), "ledger_entries_2026_12");
    }
}
