//! Price books.

use super::{HARM, NOW};
use crate::prices::{PriceBook, PriceBooks};
use crate::traits::StoreError;

/// The `n`th price book.
#[must_use]
pub fn price_book(n: u8) -> PriceBook {
    PriceBook {
        version: format!("version {n}"),
        text: format!("{HARM} {n}\n"),
        source: format!("https://prices.example/{n}"),
        added_at: NOW.saturating_add_ms(n.into()),
    }
}

/// The rules of [`PriceBooks`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn price_books(store: &impl PriceBooks) -> Result<(), StoreError> {
    let at = |ms| NOW.saturating_add_ms(ms);
    let listed = || async {
        let books = store.price_books(10).await?;
        Ok::<_, StoreError>(books.into_iter().map(|book| (book.version, book.in_force_since)).collect::<Vec<_>>())
    };
    assert_eq!(store.price_book_in_force().await?, None, "the compiled-in book is in force first");
    assert_eq!(listed().await?, [], "and no other is there");
    store.put_price_book(&price_book(1), at(1)).await?;
    store.put_price_book(&price_book(2), at(2)).await?;
    assert_eq!(store.price_book_in_force().await?, Some(price_book(2)), "the last one that was put is in force");
    assert_eq!(store.price_book("version 1").await?, Some(price_book(1)), "the one before is kept, byte for byte");
    let other = PriceBook { text: "other".to_owned(), ..price_book(1) };
    assert!(matches!(store.put_price_book(&other, at(3)).await, Err(StoreError::Exists)), "no book changes");
    assert_eq!(store.price_book("version 1").await?, Some(price_book(1)), "its text stays");
    assert_eq!(store.price_book_in_force().await?, Some(price_book(2)), "and what was in force is so still");
    assert!(!store.return_to_price_book(Some("version 3"), at(4)).await?, "one that is not there is not used");
    assert_eq!(store.price_book_in_force().await?, Some(price_book(2)), "and nothing changes");
    assert!(store.return_to_price_book(Some("version 1"), at(5)).await?, "an older one is");
    assert_eq!(store.price_book_in_force().await?, Some(price_book(1)), "from then on");
    let both = [("version 1".to_owned(), at(5)), ("version 2".to_owned(), at(2))];
    assert_eq!(listed().await?, both, "the list is in the order of their use");
    assert_eq!(store.price_books(1).await?.len(), 1, "and has no more than asked for");
    store.put_price_book(&PriceBook { added_at: at(6), ..price_book(2) }, at(6)).await?;
    assert_eq!(store.price_book_in_force().await?, Some(price_book(2)), "a known one may be put again");
    assert!(store.return_to_price_book(None, at(7)).await?, "the compiled-in one is always there");
    assert_eq!(store.price_book_in_force().await?, None, "and is in force then");
    Ok(())
}
