//! The people whom a partner brought: their number, over enough of them that nobody is recognised.

use super::audience::PEOPLE_MIN;
use opencredits_store::ReferralMonth;

/// People who came through a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferralGroup {
    /// The month, such as `2026-11`; `None` for months that have too few people each.
    pub month: Option<String>,
    /// The number of people.
    pub people: u64,
    /// Those of them who have ever paid for credits.
    pub buyers: u64,
}

/// Months with fewer than [`PEOPLE_MIN`] people are merged with others, the smallest first, until there are enough; what is
/// still too few is left out. The latest month first, the merged ones last.
///
/// A single small month would be the difference between all and the others, so it takes a further one with it. A number of
/// buyers that is none or all of a group would tell something of each person in it, which [`PEOPLE_MIN`] people bear.
#[must_use]
pub fn referral_groups(months: Vec<ReferralMonth>) -> Vec<ReferralGroup> {
    let least = u64::try_from(PEOPLE_MIN).unwrap_or(u64::MAX);
    let mut left = months;
    left.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| a.month.cmp(&b.month)));
    let mut other = ReferralGroup::default();
    while let Some(smallest) = left.pop() {
        let is_other_small = other.people > 0 && other.people < least;
        if smallest.people >= least && !is_other_small {
            left.push(smallest);
            break;
        }
        other.people = other.people.saturating_add(smallest.people);
        other.buyers = other.buyers.saturating_add(smallest.buyers);
    }
    left.sort_by(|a, b| b.month.cmp(&a.month));
    let shown = left.into_iter().map(|month| ReferralGroup {
        month: Some(month.month),
        people: month.people,
        buyers: month.buyers,
    });
    shown.chain([other]).filter(|group| group.people >= least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Months from words such as `11:6/2`: in November six people, of whom two have bought.
    fn check(months: &str, expect: &str) {
        let read = |word: &str| {
            let (month, counts) = word.split_once(':').unwrap();
            let (people, buyers) = counts.split_once('/').unwrap();
            ReferralMonth {
                month: format!("2026-{month}"),
                people: people.parse().unwrap(),
                buyers: buyers.parse().unwrap(),
            }
        };
        let shown = referral_groups(months.split_whitespace().map(read).collect()).into_iter().map(|group| {
            let month = group.month.map_or_else(|| "other".to_owned(), |month| month.replacen("2026-", "", 1));
            format!("{month}:{}/{}", group.people, group.buyers)
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expect, "{months}");
    }

    #[test]
    fn no_month_of_fewer_than_five_people_is_shown_nor_follows_from_the_others() {
        check("", "");
        check("01:4/1", "");
        check("01:2/1 02:2/0", "");
        check("01:5/1 02:9/3", "02:9/3 01:5/1");
        check("01:2/1 02:3/0 03:7/7", "03:7/7 other:5/1");
        // A small rest takes the smallest of the others with it.
        check("01:1/0 02:6/2 03:9/1", "03:9/1 other:7/2");
        check("01:1/1 02:6/2", "other:7/3");
    }
}
