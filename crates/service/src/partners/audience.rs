//! What a partner may see of people's usage: sums over enough people that nobody is recognised.

use crate::fault::Fault;
use crate::usage::UsageReads;
use hashbrown::HashSet;
use opencredits_store::{Days, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery, UsageSums};
use opencredits_units::{PartnerId, UserId};
use std::collections::BTreeMap;

/// The fewest people whose usage is shown as a group.
pub const PEOPLE_MIN: usize = 5;
/// Pairs of a person and a model that are read of a day. Of a day with more, nothing is shown.
const PAIRS_MAX: u32 = 100_000;

/// The usage of several people on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// The day, counted from the epoch.
    pub day: u64,
    /// The model; `None` for models that have too few people each.
    pub model: Option<String>,
    /// The number of people.
    pub people: usize,
    /// The sums.
    pub sums: UsageSums,
}

impl UsageReads {
    /// The usage through a partner by day and model, the latest day first. Groups with fewer than [`PEOPLE_MIN`] people are
    /// merged with others, and a day with fewer is left out.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn audiences(&self, partner: PartnerId, days: Days) -> Result<Vec<Audience>, Fault> {
        self.refresh().await?;
        let mut found = Vec::new();
        // A day at a time bounds the memory.
        for day in (days.from..=days.to).rev() {
            let filter = UsageFilter { partner: Some(partner), ..UsageFilter::of(UsageOf::All) };
            let by = vec![UsageBy::Model, UsageBy::User];
            let days = Days { from: day, to: day };
            let order = UsageOrder::Newest;
            let groups = self.sums(UsageQuery { filter, days, by, order, max: PAIRS_MAX }).await?;
            if u32::try_from(groups.len()).is_ok_and(|count| count < PAIRS_MAX) {
                found.extend(audiences(day, &groups).ok_or(Fault::Overflow)?);
            }
        }
        Ok(found)
    }
}

/// People who used one model, or several.
#[derive(Default)]
struct Group {
    model: Option<String>,
    people: HashSet<Option<UserId>>,
    sums: UsageSums,
}

/// The groups of a day, by model and person, merged until each has enough people; those of most people first.
///
/// A single small group would be the difference between all and the others, so further groups are merged with it until
/// there are enough people: the smallest first. `None` when a sum does not fit.
#[must_use]
pub fn audiences(day: u64, groups: &[UsageGroup]) -> Option<Vec<Audience>> {
    let mut by_model: BTreeMap<&str, Group> = BTreeMap::new();
    for group in groups {
        let model = group.model.as_deref().unwrap_or_default();
        let of_model = by_model.entry(model).or_default();
        of_model.model.clone_from(&group.model);
        of_model.people.insert(group.user);
        of_model.sums = of_model.sums.checked_add(&group.sums)?;
    }
    let mut left: Vec<Group> = by_model.into_values().collect();
    left.sort_by(|a, b| b.people.len().cmp(&a.people.len()).then_with(|| a.model.cmp(&b.model)));
    let mut other = Group::default();
    while let Some(smallest) = left.pop() {
        let is_other_small = !other.people.is_empty() && other.people.len() < PEOPLE_MIN;
        if smallest.people.len() >= PEOPLE_MIN && !is_other_small {
            left.push(smallest);
            break;
        }
        other.people.extend(smallest.people);
        other.sums = other.sums.checked_add(&smallest.sums)?;
    }
    left.push(other);
    let enough = left.into_iter().filter(|group| group.people.len() >= PEOPLE_MIN);
    let shown = enough.map(|group| Audience { day, model: group.model, people: group.people.len(), sums: group.sums });
    Some(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups from words such as `a:1-6`: model `a` by the people 1 to 6, one request each.
    fn check(usage: &str, expect: &str) {
        let mut groups = Vec::new();
        for word in usage.split_whitespace() {
            let (model, people) = word.split_once(':').unwrap();
            let (first, last) = people.split_once('-').unwrap();
            for person in first.parse::<u128>().unwrap()..=last.parse().unwrap() {
                groups.push(UsageGroup {
                    model: Some(model.to_owned()),
                    user: Some(UserId::from_bits(person)),
                    sums: UsageSums { requests: 1, ..UsageSums::default() },
                    ..UsageGroup::default()
                });
            }
        }
        let shown = audiences(1, &groups).unwrap();
        let shown = shown.into_iter().map(|audience| {
            format!("{}:{}/{}", audience.model.as_deref().unwrap_or("other"), audience.people, audience.sums.requests)
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expect, "{usage}");
    }

    #[test]
    fn no_group_of_fewer_than_five_people_is_shown_nor_follows_from_the_others() {
        check("", "");
        check("a:1-4", "");
        check("a:1-5", "a:5/5");
        check("a:1-6 b:1-5", "a:6/6 b:5/5");
        // Few people at many models are few people.
        check("a:1-4 b:1-4 c:1-4", "");
        check("a:1-4 b:3-6", "other:6/8");
        check("a:1-9 b:1-3 c:4-6", "a:9/9 other:6/6");
        // A small rest takes the smallest of the others with it.
        check("a:1-9 b:1-6 c:1-2", "a:9/9 other:6/8");
        check("a:1-9 c:1-2", "other:9/11");
    }
}
