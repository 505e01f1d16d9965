//! What the operator's pages look up, where it may be old.

use super::values::v;
use super::{PostgresStore, audit, keys, people};
use crate::operator::OperatorReads;
use crate::records::{AuditRecord, Key, User};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UserId};

/// The shortest text that is looked for everywhere in labels, in characters.
const PART_CHARS_MIN: usize = 3;
/// A part of a label, among the latest 1,000 labels that have it. No index has parts: people are read from the latest on.
const OF_PART: &str = "WHERE id IN (
        SELECT id FROM users WHERE position(lower($1) IN lower(label)) > 0 ORDER BY id DESC LIMIT 1000)
     ORDER BY label LIMIT $2";
/// In the pattern, `%` and `_` of the text are themselves.
const OF_BEGINNING: &str = "WHERE lower(label) LIKE lower($1) || '%' ORDER BY lower(label) LIMIT $2";
const OF_HINT: &str = "WHERE hint = $1 ORDER BY id LIMIT $2";
const OF_SUBJECT: &str = "WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const OF_ALL: &str = "WHERE id < $1 ORDER BY id DESC LIMIT $2";

#[async_trait]
impl OperatorReads for PostgresStore {
    async fn latest_people(&self, before: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        self.old(&format!("{} {OF_ALL}", people::USER), &[v(before), v(max)], people::read_user).await
    }

    async fn people_like(&self, text: &str, max: u32) -> Result<Vec<User>, StoreError> {
        // No label has it.
        if text.contains('\0') {
            return Ok(Vec::new());
        }
        if text.chars().nth(PART_CHARS_MIN - 1).is_some() {
            return self.old(&format!("{} {OF_PART}", people::USER), &[v(text), v(max)], people::read_user).await;
        }
        let mut pattern = String::with_capacity(text.len());
        for letter in text.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        self.old(&format!("{} {OF_BEGINNING}", people::USER), &[v(pattern), v(max)], people::read_user).await
    }

    async fn keys_by_hint(&self, hint: &str, max: u32) -> Result<Vec<Key>, StoreError> {
        self.old(&format!("{} {OF_HINT}", keys::KEY), &[v(hint), v(max)], keys::read).await
    }

    async fn latest_audits(
        &self,
        subject: Option<&str>,
        before: EntryId,
        max: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        match subject {
            Some(subject) => {
                let sql = format!("{} {OF_SUBJECT}", audit::AUDIT);
                self.old(&sql, &[v(subject), v(before), v(max)], audit::read).await
            }
            None => self.old(&format!("{} {OF_ALL}", audit::AUDIT), &[v(before), v(max)], audit::read).await,
        }
    }
}
