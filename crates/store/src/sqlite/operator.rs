//! What the operator's pages look up, on the connection of long queries.

use super::rows::blob;
use super::{SqliteStore, audit, keys, people};
use crate::operator::OperatorReads;
use crate::records::{AuditRecord, Key, User};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UserId};
use rusqlite::{Connection, Params, Row};

/// The shortest text that the index of parts finds, in characters.
const PART_CHARS_MIN: usize = 3;
/// A part of a label, among the latest 1,000 labels that have it.
const OF_PART: &str = "WHERE id IN (SELECT user_id FROM label_rows WHERE n IN
         (SELECT rowid FROM label_parts WHERE label_parts MATCH ?1 ORDER BY rowid DESC LIMIT 1000))
     ORDER BY label LIMIT ?2";
/// Not `LIKE`: a text with `%` or `_` looks for these characters.
const OF_BEGINNING: &str = "WHERE label COLLATE NOCASE >= ?1 AND label COLLATE NOCASE < ?2
     ORDER BY label COLLATE NOCASE LIMIT ?3";
const OF_HINT: &str = "WHERE hint = ?1 ORDER BY id LIMIT ?2";
const OF_SUBJECT: &str = "WHERE subject = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
const OF_ALL: &str = "WHERE id < ?1 ORDER BY id DESC LIMIT ?2";

#[async_trait]
impl OperatorReads for SqliteStore {
    async fn latest_people(&self, before: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        let text = format!("{} {OF_ALL}", people::USER);
        self.read(move |connection| rows(connection, &text, (blob(before), max), people::read_user)).await
    }

    async fn people_like(&self, text: &str, max: u32) -> Result<Vec<User>, StoreError> {
        // No label has it, and the index takes it for the end of the text.
        if text.contains('\0') {
            return Ok(Vec::new());
        }
        if text.chars().nth(PART_CHARS_MIN - 1).is_some() {
            // A phrase of the index's language: everything within quotes is looked for as it is.
            let phrase = format!("\"{}\"", text.replace('"', "\"\""));
            let query = format!("{} {OF_PART}", people::USER);
            return self.read(move |connection| rows(connection, &query, (phrase, max), people::read_user)).await;
        }
        let (query, begin, end) =
            (format!("{} {OF_BEGINNING}", people::USER), text.to_owned(), format!("{text}\u{10FFFF}"));
        self.read(move |connection| rows(connection, &query, (begin, end, max), people::read_user)).await
    }

    async fn keys_by_hint(&self, hint: &str, max: u32) -> Result<Vec<Key>, StoreError> {
        let (text, hint) = (format!("{} {OF_HINT}", keys::KEY), hint.to_owned());
        self.read(move |connection| rows(connection, &text, (hint, max), keys::read)).await
    }

    async fn latest_audits(
        &self,
        subject: Option<&str>,
        before: EntryId,
        max: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let Some(subject) = subject.map(str::to_owned) else {
            let text = format!("{} {OF_ALL}", audit::AUDIT);
            return self.read(move |connection| rows(connection, &text, (blob(before), max), audit::read)).await;
        };
        let text = format!("{} {OF_SUBJECT}", audit::AUDIT);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::people::USER;

    fn store() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path().join("store.db")).unwrap(), folder)
    }

    #[tokio::test]
    async fn each_look_up_reads_an_index_and_no_whole_table() {
        let (store, _folder) = store();
        let check = async |select: &str, rest: &str, index: &str| {
            let query = format!("EXPLAIN QUERY PLAN {select} {rest}");
            let plan = store.read(move |connection| {
                let mut statement = connection.prepare(&query)?;
                // What is not bound is null: the plan is the same.
                let mut rows = statement.raw_query();
                let mut plan = Vec::<String>::new();
                while let Some(row) = rows.next()? {
                    plan.push(row.get(3)?);
                }
                Ok(plan)
            });
            let plan = plan.await.unwrap();
            // The index of parts tells by "M" that it is asked to match.
            let is_whole = |step: &&String| step.starts_with("SCAN ") && !step.contains(":M");
            assert_eq!(plan.iter().find(is_whole), None, "{rest}: {plan:?}");
            assert!(plan.iter().any(|step| step.contains(index)), "{rest}: {plan:?}");
        };
        check(USER, OF_PART, "label_parts").await;
        check(USER, OF_PART, "SEARCH users USING PRIMARY KEY").await;
        check(USER, OF_BEGINNING, "users_by_label_in_any_case").await;
        check(USER, OF_ALL, "SEARCH users USING PRIMARY KEY").await;
        check(USER, "WHERE id = ?1", "SEARCH users USING PRIMARY KEY").await;
        check(keys::KEY, OF_HINT, "user_keys_by_hint").await;
        check(keys::KEY, "WHERE id = ?1", "PRIMARY KEY").await;
        check(audit::AUDIT, OF_SUBJECT, "audit_of_subject").await;
        check(audit::AUDIT, OF_ALL, "SEARCH audit USING PRIMARY KEY").await;
    }

    #[tokio::test]
    async fn a_label_that_was_changed_leaves_nothing_in_the_index() {
        let (store, _folder) = store();
        let labels = ["Grace Hopper", "another label"];
        store
            .run(move |connection| {
                let person =
                    "INSERT INTO users (id, wallet, label, created_at) VALUES (zeroblob(16), zeroblob(16), ?1, 0)";
                connection.execute(person, [labels[0]])?;
                Ok(())
            })
            .await
            .unwrap();
        let check = async |statement: &'static str, expect: [usize; 2]| {
            store.run(move |connection| Ok(connection.execute_batch(statement)?)).await.unwrap();
            // In the rows, and in what the index has of them: a trigram is a term.
            for (label, expect) in labels.into_iter().zip(expect) {
                let found = store.people_like(&label[2..6], 9).await.unwrap();
                assert_eq!(found.len(), expect, "{label} after {statement}");
            }
            let left = store.read(|connection| {
                let bytes: Vec<Vec<u8>> = rows(connection, "SELECT block FROM label_parts_data", [], |row| row.get(0))?;
                Ok(bytes.iter().filter(|block| block.windows(3).any(|three| three == b"opp")).count())
            });
            assert_eq!(left.await.unwrap(), expect[0], "the index after {statement}");
        };
        check("", [1, 0]).await;
        check("UPDATE users SET label = 'another label'", [0, 1]).await;
        check("UPDATE users SET label = 'Grace Hopper'", [1, 0]).await;
        check("DELETE FROM users", [0, 0]).await;
    }
}
