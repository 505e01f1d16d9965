//! Price books.

use super::cells::Cells;
use super::connection::Connection;
use super::values::v;
use super::{PostgresStore, lock};
use crate::prices::{PriceBook, PriceBookSummary, PriceBooks};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

const BOOK: &str = "SELECT version, text, source, added_at FROM price_books";
const IN_FORCE: &str = "SELECT version FROM price_book_uses ORDER BY number DESC LIMIT 1";
const LISTED: &str = "SELECT b.version, b.source, b.added_at, max(u.begun_at) FROM price_books b
     JOIN price_book_uses u ON u.version = b.version GROUP BY b.version, b.source, b.added_at
     ORDER BY max(u.number) DESC LIMIT $1";
const ADD: &str = "INSERT INTO price_books (version, text, source, added_at) VALUES ($1, $2, $3, $4)";
/// Under the lock, so that the last number is that of the last who was here.
const PUT_INTO_FORCE: &str = "
    INSERT INTO price_book_uses (number, version, begun_at)
    VALUES ((SELECT coalesce(max(number), 0) + 1 FROM price_book_uses), $1, $2)";

#[async_trait]
impl PriceBooks for PostgresStore {
    async fn put_price_book(&self, book: &PriceBook, now: UnixMs) -> Result<(), StoreError> {
        let PriceBook { version, text, source, added_at } = book;
        self.transaction(|transaction| async move {
            lock(&transaction, "price_books").await?;
            let known = transaction.one(&format!("{BOOK} WHERE version = $1"), &[v(version)], read).await?;
            match known {
                Some(known) if known.text != *text => return Err(StoreError::Exists),
                Some(_) => {}
                None => {
                    transaction.execute(ADD, &[v(version), v(text), v(source), v(*added_at)]).await?;
                }
            }
            transaction.execute(PUT_INTO_FORCE, &[v(version), v(now)]).await?;
            Ok(())
        })
        .await
    }

    async fn return_to_price_book(&self, version: Option<&str>, now: UnixMs) -> Result<bool, StoreError> {
        let put = self.transaction(|transaction| async move { put_into_force(&transaction, version, now).await });
        match put.await {
            Ok(()) => Ok(true),
            Err(StoreError::Orphan) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn price_book_in_force(&self) -> Result<Option<PriceBook>, StoreError> {
        self.one(&format!("{BOOK} WHERE version = ({IN_FORCE})"), &[], read).await
    }

    async fn price_book(&self, version: &str) -> Result<Option<PriceBook>, StoreError> {
        self.one(&format!("{BOOK} WHERE version = $1"), &[v(version)], read).await
    }

    async fn price_books(&self, max: u32) -> Result<Vec<PriceBookSummary>, StoreError> {
        self.all(LISTED, &[v(max)], |cells| {
            Ok(PriceBookSummary {
                version: cells.text(0)?,
                source: cells.text(1)?,
                added_at: cells.time(2)?,
                in_force_since: cells.time(3)?,
            })
        })
        .await
    }
}

async fn put_into_force(transaction: &Connection, version: Option<&str>, now: UnixMs) -> Result<(), StoreError> {
    lock(transaction, "price_books").await?;
    transaction.execute(PUT_INTO_FORCE, &[v(version), v(now)]).await?;
    Ok(())
}

fn read(cells: &Cells<'_>) -> Result<PriceBook, StoreError> {
    Ok(PriceBook { version: cells.text(0)?, text: cells.text(1)?, source: cells.text(2)?, added_at: cells.time(3)? })
}
