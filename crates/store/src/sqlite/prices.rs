//! Price books.

use super::rows::{number, time};
use super::{SqliteStore, refused};
use crate::prices::{PriceBook, PriceBookSummary, PriceBooks};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;
use rusqlite::{Connection, OptionalExtension, Row, params};

const BOOK: &str = "SELECT version, text, source, added_at FROM price_books";
const IN_FORCE: &str = "SELECT version FROM price_book_uses ORDER BY number DESC LIMIT 1";
const LISTED: &str = "SELECT b.version, b.source, b.added_at, max(u.begun_at) FROM price_books b
     JOIN price_book_uses u ON u.version = b.version GROUP BY b.version ORDER BY max(u.number) DESC LIMIT ?1";

#[async_trait]
impl PriceBooks for SqliteStore {
    async fn put_price_book(&self, book: &PriceBook, now: UnixMs) -> Result<(), StoreError> {
        let book = book.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            match read(&transaction, &book.version)? {
                Some(known) if known.text != book.text => return Err(StoreError::Exists),
                Some(_) => {}
                None => {
                    transaction
                        .prepare_cached(
                            "INSERT INTO price_books (version, text, source, added_at) VALUES (?1, ?2, ?3, ?4)",
                        )?
                        .execute(params![book.version, book.text, book.source, number(book.added_at.get())])
                        .map_err(refused)?;
                }
            }
            put_into_force(&transaction, Some(&book.version), now)?;
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn return_to_price_book(&self, version: Option<&str>, now: UnixMs) -> Result<bool, StoreError> {
        let version = version.map(str::to_owned);
        self.run(move |connection| match put_into_force(connection, version.as_deref(), now) {
            Ok(()) => Ok(true),
            Err(StoreError::Orphan) => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn price_book_in_force(&self) -> Result<Option<PriceBook>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{BOOK} WHERE version = ({IN_FORCE})"))?;
            Ok(statement.query_row([], book).optional()?)
        })
        .await
    }

    async fn price_book(&self, version: &str) -> Result<Option<PriceBook>, StoreError> {
        let version = version.to_owned();
        self.run(move |connection| read(connection, &version)).await
    }

    async fn price_books(&self, max: u32) -> Result<Vec<PriceBookSummary>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(LISTED)?;
            let rows = statement.query_map([max], |row| {
                Ok(PriceBookSummary {
                    version: row.get(0)?,
                    source: row.get(1)?,
                    added_at: time(row, 2)?,
                    in_force_since: time(row, 3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(connection: &Connection, version: &str) -> Result<Option<PriceBook>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{BOOK} WHERE version = ?1"))?;
    Ok(statement.query_row([version], book).optional()?)
}

fn put_into_force(connection: &Connection, version: Option<&str>, now: UnixMs) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO price_book_uses (version, begun_at) VALUES (?1, ?2)")?
        .execute(params![version, number(now.get())])
        .map_err(refused)?;
    Ok(())
}

fn book(row: &Row<'_>) -> Result<PriceBook, rusqlite::Error> {
    Ok(PriceBook { version: row.get(0)?, text: row.get(1)?, source: row.get(2)?, added_at: time(row, 3)? })
}
