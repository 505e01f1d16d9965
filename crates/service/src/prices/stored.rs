//! The books that are kept.

use super::error::PricesError;
use super::types::Prices;
use opencredits_catalog::Catalog;
use opencredits_store::PriceBooks;
use opencredits_units::UnixMs;
use std::sync::Arc;

/// Books that are listed, the latest ones.
const LISTED_MAX: u32 = 1_000;
/// The source of the compiled-in book.
const COMPILED_IN: &str = "compiled in";

/// A price book in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBook {
    /// Its version.
    pub version: String,
    /// Where it came from.
    pub source: String,
    /// When it was loaded first; `None` of the compiled-in one.
    pub added_at: Option<UnixMs>,
    /// When it came into force the last time, where that is known.
    pub in_force_since: Option<UnixMs>,
    /// Whether it is in force.
    pub is_in_force: bool,
}

/// The price book in force where it is a stored one; `None` where it is the compiled-in one.
///
/// # Errors
/// When the store fails, or this program cannot read the stored book.
pub async fn stored_book_in_force(books: &dyn PriceBooks) -> Result<Option<Catalog>, PricesError> {
    match books.price_book_in_force().await? {
        Some(book) => read(book.text.into()).await.map(Some),
        None => Ok(None),
    }
}

/// The price book in force.
///
/// # Errors
/// When the store fails, or this program cannot read the stored book.
pub async fn book_in_force(books: &dyn PriceBooks) -> Result<Catalog, PricesError> {
    match stored_book_in_force(books).await? {
        Some(book) => Ok(book),
        None => Ok(Catalog::builtin()?),
    }
}

/// Parses a book on a thread that may take its time.
pub(super) async fn read(text: Arc<str>) -> Result<Catalog, PricesError> {
    let read = tokio::task::spawn_blocking(move || Catalog::from_book(&text)).await;
    Ok(read.map_err(|_| PricesError::Closing)??)
}

impl Prices {
    /// The books that are kept, the compiled-in one included; those first that came into force last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<ListedBook>, PricesError> {
        let builtin = Catalog::builtin_version()?.to_string();
        let current = match &self.live {
            Some(live) => live.served.lock().catalog.version().to_string(),
            None => self.books.price_book_in_force().await?.map_or_else(|| builtin.clone(), |book| book.version),
        };
        let mut listed: Vec<ListedBook> = self
            .books
            .price_books(LISTED_MAX)
            .await?
            .into_iter()
            .map(|book| ListedBook {
                is_in_force: book.version == current,
                version: book.version,
                source: book.source,
                added_at: Some(book.added_at),
                in_force_since: Some(book.in_force_since),
            })
            .collect();
        listed.push(ListedBook {
            is_in_force: builtin == current,
            version: builtin,
            source: COMPILED_IN.to_owned(),
            added_at: None,
            in_force_since: None,
        });
        Ok(listed)
    }

    /// Since when the prices in force are: when the book was put into force or, of the compiled-in one, the day of its
    /// facts; `None` where that is unknown.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn in_force_since(&self) -> Result<Option<UnixMs>, PricesError> {
        let listed = self.list().await?;
        let Some(book) = listed.into_iter().find(|book| book.is_in_force) else { return Ok(None) };
        Ok(book.in_force_since.or_else(|| day_of(&book.version)))
    }

    /// A stored book.
    pub(super) async fn stored(&self, version: &str) -> Result<Catalog, PricesError> {
        let book = self.books.price_book(version).await?;
        let book = book.ok_or_else(|| PricesError::NoBook { version: version.to_owned() })?;
        read(book.text.into()).await
    }
}

/// The first moment of the day that a dated version names, in UTC.
fn day_of(version: &str) -> Option<UnixMs> {
    let (date, _revision) = version.split_once('.')?;
    let date: jiff::civil::Date = date.parse().ok()?;
    let at = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond();
    u64::try_from(at).ok().map(UnixMs::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_version_names_its_day_and_one_of_a_content_none() {
        let check =
            |version: &str, expect: Option<u64>| assert_eq!(day_of(version).map(UnixMs::get), expect, "{version}");
        check("2026-07-02.1", Some(1_782_950_400_000));
        check("0000-00-00.0", None);
        check("9f86d081884c7d65", None);
    }
}
