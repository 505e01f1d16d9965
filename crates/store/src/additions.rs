//! What a change adds to each series of the read model, in whichever engine.

use crate::usage::{RequestMark, UsageSums, UsedRequest};
use opencredits_units::KeyId;
use std::collections::BTreeMap;

/// The additions to one series.
#[derive(Default)]
pub(crate) struct Additions {
    /// Sorted.
    pub(crate) marks: Vec<RequestMark>,
    /// By day.
    pub(crate) sums: BTreeMap<u64, UsageSums>,
}

/// What requests add, by key, model and vendor; none where sums do not fit.
pub(crate) fn by_series(requests: &[UsedRequest]) -> Option<BTreeMap<(KeyId, &str, &str), Additions>> {
    let mut by_series: BTreeMap<(KeyId, &str, &str), Additions> = BTreeMap::new();
    for request in requests {
        let additions = by_series.entry((request.key, &request.model, &request.vendor)).or_default();
        let mark = RequestMark::of(request.id);
        additions.marks.push(mark);
        let sums = additions.sums.entry(mark.made_at().day()).or_default();
        *sums = sums.checked_add(&request.sums)?;
    }
    for additions in by_series.values_mut() {
        additions.marks.sort_unstable();
    }
    Some(by_series)
}

/// Keeps the first `max` of a sorted list, and those that equal the last of them.
pub(crate) fn cut<T>(list: &mut Vec<T>, max: usize, mark: impl Fn(&T) -> RequestMark) {
    let Some(last) = max.checked_sub(1).and_then(|at| list.get(at)).map(&mark) else {
        return;
    };
    let keep = list.iter().position(|item| mark(item) < last).unwrap_or(list.len());
    list.truncate(keep);
}
