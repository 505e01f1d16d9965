//! Lists of models as they were sent. One is made for all who ask for the same, as long as the same models are on sale.

use moka::sync::Cache;
use opencredits_catalog::Catalog;
use opencredits_pages::Packed;
use opencredits_pages::views::Query;
use std::sync::Arc;

/// All lists that are kept, in bytes.
const BYTES_MAX: u64 = 8 << 20;

/// What a list is made for: whether it is the fragment alone, and what is asked for.
pub(super) type Wanted = (bool, Query);

/// A list, and the models of which it was made.
type Made = (Arc<Catalog>, Packed);

/// Lists of models by what was asked for, those that are asked for most.
pub(crate) struct Lists(Cache<Wanted, Made>);

impl Default for Lists {
    fn default() -> Self {
        let size = |_: &Wanted, (_, packed): &Made| {
            // Its compressed form is smaller, and may be made later.
            u32::try_from(packed.plain.len().saturating_mul(2)).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(BYTES_MAX).weigher(size).build())
    }
}

impl Lists {
    /// What was made of these very models.
    pub(super) fn find(&self, wanted: &Wanted, catalog: &Arc<Catalog>) -> Option<Packed> {
        self.0.get(wanted).filter(|(of, _)| Arc::ptr_eq(of, catalog)).map(|(_, packed)| packed)
    }

    /// Keeps a list.
    pub(super) fn keep(&self, wanted: Wanted, catalog: &Arc<Catalog>, packed: &Packed) {
        self.0.insert(wanted, (Arc::clone(catalog), packed.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_found_as_long_as_the_same_models_are_on_sale() {
        let on_sale = || Arc::new(Catalog::empty());
        let (lists, before, after) = (Lists::default(), on_sale(), on_sale());
        let wanted = |q: &str| (false, Query { q: q.to_owned(), ..Query::default() });
        assert!(lists.find(&wanted("a"), &before).is_none());
        lists.keep(wanted("a"), &before, &Packed::quickly(b"list".to_vec()));
        assert_eq!(lists.find(&wanted("a"), &before).unwrap().plain, "list");
        assert!(lists.find(&wanted("b"), &before).is_none() && lists.find(&wanted("a"), &after).is_none());
    }
}
