//! What the operator's pages look up, on the connection of long queries: there are no indexes for these.

use super::rows::blob;
use super::{SqliteStore, audit, keys, people};
use crate::operator::OperatorReads;
use crate::records::{AuditRecord, Key, User};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UserId};
use rusqlite::{Connection, Params, Row};

/// Not `LIKE`: a text with `%` or `_` looks for these characters.
const LIKE: &str = "WHERE instr(lower(label), lower(?1)) > 0 ORDER BY label LIMIT ?2";

#[async_trait]
impl OperatorReads for SqliteStore {
    async fn latest_people(&self, before: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        let text = format!("{} WHERE id < ?1 ORDER BY id DESC LIMIT ?2", people::USER);
        self.read(move |connection| rows(connection, &text, (blob(before), max), people::read_user)).await
    }

    async fn people_like(&self, text: &str, max: u32) -> Result<Vec<User>, StoreError> {
        let (query, text) = (format!("{} {LIKE}", people::USER), text.to_owned());
        self.read(move |connection| rows(connection, &query, (text, max), people::read_user)).await
    }

    async fn keys_by_hint(&self, hint: &str, max: u32) -> Result<Vec<Key>, StoreError> {
        let (text, hint) = (format!("{} WHERE hint = ?1 ORDER BY id LIMIT ?2", keys::KEY), hint.to_owned());
        self.read(move |connection| rows(connection, &text, (hint, max), keys::read)).await
    }

    async fn latest_audits(
        &self,
        subject: Option<&str>,
        before: EntryId,
        max: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let of = "WHERE (?1 IS NULL OR subject = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3";
        let (text, subject) = (format!("{} {of}", audit::AUDIT), subject.map(str::to_owned));
        self.read(move |connection| rows(connection, &text, (subject, blob(before), max), audit::read)).await
    }
}

fn rows<T>(
    connection: &Connection,
    text: &str,
    parameters: impl Params,
    read: fn(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map(parameters, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
