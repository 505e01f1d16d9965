//! Two lists in the order of their keys, compared page by page.

use std::cmp::Ordering;

/// The rows that are read, written and compared at once: a commit of the ledger.
pub(super) const PAGE_ROWS: usize = 1_000;

/// A row of the source, of the target, or of both.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pair<'a, T> {
    Both(&'a T, &'a T),
    Source(&'a T),
    Target(&'a T),
}

/// Pairs two pages by their keys, as far as both reach. Returns the key after which both go on; `None` at the end of both.
pub(super) fn each_pair<'a, T, K: Ord>(
    source: &'a [T],
    target: &'a [T],
    key: impl Fn(&T) -> K,
    mut visit: impl FnMut(Pair<'a, T>),
) -> Option<K> {
    // A page that is not full is the last one.
    let end = |page: &'a [T]| if page.len() < PAGE_ROWS { None } else { page.last().map(&key) };
    let until = match (end(source), end(target)) {
        (Some(source), Some(target)) => Some(source.min(target)),
        (source, target) => source.or(target),
    };
    let is_reached = |row: &T| until.as_ref().is_none_or(|until| key(row) <= *until);
    let mut sources = source.iter().filter(|row| is_reached(row)).peekable();
    let mut targets = target.iter().filter(|row| is_reached(row)).peekable();
    loop {
        let order = match (sources.peek(), targets.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(source), Some(target)) => key(source).cmp(&key(target)),
        };
        let source = if order == Ordering::Greater { None } else { sources.next() };
        let target = if order == Ordering::Less { None } else { targets.next() };
        match (source, target) {
            (Some(source), Some(target)) => visit(Pair::Both(source, target)),
            (Some(source), None) => visit(Pair::Source(source)),
            (None, Some(target)) => visit(Pair::Target(target)),
            (None, None) => break,
        }
    }
    until
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The pages of a list, as an engine gives them.
    fn page(list: &BTreeMap<u32, u8>, after: Option<u32>) -> Vec<(u32, u8)> {
        let above = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        list.range((above, std::ops::Bound::Unbounded)).take(PAGE_ROWS).map(|(key, value)| (*key, *value)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_row_of_either_list_is_seen_once_and_those_of_one_key_together(
            common in prop::collection::btree_map(0_u32..9_000, any::<u8>(), 0..3_000),
            only in prop::collection::btree_map(0_u32..9_000, any::<u8>(), 0..2_000),
            lacks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut source = common.clone();
            source.extend(only);
            let mut target = common;
            for at in lacks {
                if target.is_empty() {
                    break;
                }
                let key = target.keys().nth(at.index(target.len())).copied().unwrap_or_default();
                target.remove(&key);
            }
            let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
            let mut after = None;
            loop {
                let (one, other) = (page(&source, after), page(&target, after));
                after = each_pair(&one, &other, |row| row.0, |pair| match pair {
                    Pair::Both(one, other) => {
                        assert_eq!(one.0, other.0);
                        assert!(ours.insert(one.0, one.1).is_none() && theirs.insert(other.0, other.1).is_none());
                    }
                    Pair::Source(one) => assert!(ours.insert(one.0, one.1).is_none()),
                    Pair::Target(other) => assert!(theirs.insert(other.0, other.1).is_none()),
                });
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!((ours, theirs), (source, target));
        }
    }
}
