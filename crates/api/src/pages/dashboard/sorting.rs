//! Tables that are sorted by the parameter `sort` of their page. Pure.

use super::links::Link;
use opencredits_pages::views::dashboard::{SortHead, Sorting as Shown};
use std::cmp::Reverse;

/// Rows that a page sorts at most, the newest.
pub(super) const SORTED_MAX: usize = 1_000;

/// How a table is sorted: by a column, which rises or falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    /// The columns, each after `-` where it falls at first. The table is usually sorted by the first.
    columns: &'static [&'static str],
    by: &'static str,
    falls: bool,
}

/// What a row is sorted by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortKey {
    Number(i128),
    Text(String),
}

impl SortKey {
    /// Letters of either case are one.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }

    pub(super) fn number(number: impl Into<i128>) -> Self {
        Self::Number(number.into())
    }
}

impl Sorting {
    /// As asked for. A column that is not there counts as absent.
    pub(super) fn of(asked: Option<&str>, columns: &'static [&'static str]) -> Self {
        let read = |text: &str| {
            let (name, falls) = parted(text);
            let by = columns.iter().map(|column| parted(column).0).find(|column| *column == name)?;
            Some(Self { columns, by, falls })
        };
        let (by, falls) = columns.first().map_or(("", false), |usual| parted(usual));
        asked.and_then(read).unwrap_or(Self { columns, by, falls })
    }

    /// The column by which it is sorted.
    pub(super) const fn by(&self) -> &'static str {
        self.by
    }

    pub(super) fn is_usual(&self) -> bool {
        *self == Self::of(None, self.columns)
    }

    /// A link to a page that is sorted so.
    pub(super) fn on(&self, link: Link) -> Link {
        link.maybe("sort", (!self.is_usual()).then(|| self.text()))
    }

    fn text(&self) -> String {
        let sign = if self.falls { "-" } else { "" };
        format!("{sign}{}", self.by)
    }

    /// Sorts rows; those that are equal keep their order.
    pub(super) fn sort<T>(&self, rows: &mut [T], key: impl Fn(&T) -> SortKey) {
        if self.falls {
            rows.sort_by_cached_key(|row| Reverse(key(row)));
        } else {
            rows.sort_by_cached_key(key);
        }
    }

    /// The heads of the table, each with a link to the page sorted by it; `base` is the page without `sort`.
    pub(super) fn shown(&self, base: &Link) -> Shown {
        let head = |column: &&'static str| {
            let (name, falls_first) = parted(column);
            let is_current = name == self.by;
            let next = Self { by: name, falls: if is_current { !self.falls } else { falls_first }, ..*self };
            let state = match (is_current, self.falls) {
                (false, _) => "none",
                (true, true) => "descending",
                (true, false) => "ascending",
            };
            (name.to_owned(), SortHead { href: next.on(base.clone()).text(), state: state.to_owned() })
        };
        Shown {
            heads: self.columns.iter().map(head).collect(),
            value: if self.is_usual() { String::new() } else { self.text() },
            cut_at: 0,
        }
    }
}

/// The name of a column, and whether it falls.
fn parted(text: &str) -> (&str, bool) {
    text.strip_prefix('-').map_or((text, false), |name| (name, true))
}

/// A page of rows that are all there, and the numbers of the pages beside it.
pub(super) struct Paged<T> {
    pub(super) rows: Vec<T>,
    pub(super) next: Option<usize>,
    pub(super) is_first: bool,
}

/// The page of this number; the first where it cannot be read.
pub(super) fn paged<T>(rows: Vec<T>, asked: Option<&str>, page_rows: usize) -> Paged<T> {
    let number = asked.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).clamp(1, SORTED_MAX);
    let before = number.saturating_sub(1).saturating_mul(page_rows);
    let has_more = rows.len() > before.saturating_add(page_rows);
    Paged {
        rows: rows.into_iter().skip(before).take(page_rows).collect(),
        next: has_more.then(|| number.saturating_add(1)),
        is_first: number == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 3] = ["-at", "model", "-charged"];

    #[test]
    fn a_column_that_cannot_be_read_counts_as_absent() {
        let check = |asked: Option<&str>, expect: (&str, bool)| {
            let sorting = Sorting::of(asked, &COLUMNS);
            assert_eq!((sorting.by, sorting.falls), expect, "{asked:?}");
        };
        check(None, ("at", true));
        check(Some("at"), ("at", false));
        check(Some("-model"), ("model", true));
        check(Some("charged"), ("charged", false));
        check(Some("--charged"), ("at", true));
        check(Some("nonsense"), ("at", true));
        check(Some("\"><script>"), ("at", true));
    }

    #[test]
    fn a_head_leads_to_the_other_direction_and_the_usual_order_has_no_parameter() {
        let base = Link::to("/p").with("from", "x");
        let check = |asked: Option<&str>, expect: [(&str, &str); 3]| {
            let shown = Sorting::of(asked, &COLUMNS).shown(&base);
            let heads = COLUMNS.map(|column| {
                let head = &shown.heads[parted(column).0];
                (head.href.as_str(), head.state.as_str())
            });
            assert_eq!(heads, expect, "{asked:?}");
        };
        let [at, model, charged] = ["/p?from=x", "/p?from=x&sort=model", "/p?from=x&sort=-charged"];
        check(None, [("/p?from=x&sort=at", "descending"), (model, "none"), (charged, "none")]);
        check(Some("model"), [(at, "none"), ("/p?from=x&sort=-model", "ascending"), (charged, "none")]);
        check(Some("-charged"), [(at, "none"), (model, "none"), ("/p?from=x&sort=charged", "descending")]);
    }

    #[test]
    fn rows_are_sorted_either_way_and_equal_ones_keep_their_order() {
        let check = |asked: &str, expect: [(&str, i64); 4]| {
            let mut rows = [("b", 1), ("A", 2), ("a", 3), ("c", 2)];
            Sorting::of(Some(asked), &COLUMNS).sort(&mut rows, |(name, number)| match asked.trim_start_matches('-') {
                "model" => SortKey::text(name),
                _ => SortKey::number(*number),
            });
            assert_eq!(rows, expect, "{asked}");
        };
        check("model", [("A", 2), ("a", 3), ("b", 1), ("c", 2)]);
        check("-model", [("c", 2), ("b", 1), ("A", 2), ("a", 3)]);
        check("-charged", [("a", 3), ("A", 2), ("c", 2), ("b", 1)]);
    }

    #[test]
    fn a_page_of_sorted_rows_says_what_follows() {
        let check = |asked: Option<&str>, expect: (&[u8], Option<usize>, bool)| {
            let page = paged(vec![1, 2, 3, 4, 5], asked, 2);
            assert_eq!((page.rows.as_slice(), page.next, page.is_first), expect, "{asked:?}");
        };
        check(None, (&[1, 2], Some(2), true));
        check(Some("2"), (&[3, 4], Some(3), false));
        check(Some("3"), (&[5], None, false));
        check(Some("0"), (&[1, 2], Some(2), true));
        check(Some("x"), (&[1, 2], Some(2), true));
    }
}
