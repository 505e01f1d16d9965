//! What people have asked for about their data, and the deletion of an account.

use super::emails::truncate_log;
use super::rows::{blob, count, id, number, time, time_or_none};
use super::{SqliteStore, holdings, refused};
use crate::mail::MailId;
use crate::privacy::{Footprint, Holding, MailTold, PrivacyState, PrivacyStates};
use crate::records::AuditRecord;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UnixMs, UserId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

const STATE: &str = "
    SELECT restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at FROM person_privacy
    WHERE user_id = ?1";
const SET: &str = "
    INSERT INTO person_privacy (user_id, restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (user_id) DO UPDATE SET restricted_at = excluded.restricted_at, objected_at = excluded.objected_at,
        deletion_asked_at = excluded.deletion_asked_at, deletion_due_at = excluded.deletion_due_at,
        erased_at = excluded.erased_at";
const DUE: &str = "
    SELECT user_id FROM person_privacy WHERE deletion_due_at <= ?1 ORDER BY deletion_due_at, user_id LIMIT ?2";
const FOOTPRINT: &str = "
    SELECT EXISTS (SELECT 1 FROM user_emails WHERE user_id = ?1),
        (SELECT count(*) FROM user_keys WHERE user_id = ?1 AND revoked_at IS NULL),
        (SELECT count(*) FROM management_keys WHERE user_id = ?1 AND revoked_at IS NULL),
        (SELECT count(*) FROM partner_applications WHERE user_id = ?1),
        (SELECT count(*) FROM partners WHERE owner_id = ?1),
        (SELECT count(*) FROM orders WHERE user_id = ?1),
        (SELECT count(*) FROM orders WHERE user_id = ?1 AND state NOT IN (3, 4) AND payment IS NULL)";
/// Records about a person or their keys, or made with their management keys.
const AUDITS: &str = "
    SELECT a.id, a.at, a.actor, a.action, a.subject, a.detail FROM audit a
    WHERE a.id > ?1 AND (a.subject IN (SELECT name FROM named_ids) OR a.actor IN (SELECT name FROM named_ids))
    ORDER BY a.id LIMIT ?2";
const MAILS: &str = "
    SELECT id, kind, created_at, sent_at, failed_at FROM mail_outbox WHERE user_id = ?1 AND id > ?2
    ORDER BY id LIMIT ?3";
/// What is deleted of a person. The rows of keys stay without name, hint and digest: a refund that comes later follows the
/// commission by them.
const ERASURE: [&str; 23] = [
    "DELETE FROM user_emails WHERE user_id = ?1",
    "UPDATE mail_outbox SET user_id = NULL, parameters = '', failed_at = CASE WHEN sent_at IS NULL THEN ?2 END,
        failure = CASE WHEN sent_at IS NULL THEN 'erased' END WHERE user_id = ?1",
    "DELETE FROM sessions WHERE user_id = ?1",
    "DELETE FROM passkeys WHERE user_id = ?1",
    "DELETE FROM passkey_challenges WHERE user_id = ?1",
    "DELETE FROM code_challenges WHERE user_id = ?1",
    "DELETE FROM terms_acceptances WHERE user_id = ?1",
    "DELETE FROM user_roles WHERE user_id = ?1",
    "DELETE FROM retired_secrets WHERE key_id IN (SELECT id FROM user_keys WHERE user_id = ?1)",
    "DELETE FROM notice_marks WHERE subject = ?1 OR subject IN (SELECT id FROM user_keys WHERE user_id = ?1
        UNION ALL SELECT limit_account FROM person_caps WHERE user_id = ?1
        UNION ALL SELECT limit_account FROM grants WHERE user_id = ?1)",
    "DELETE FROM muted_notices WHERE user_id = ?1",
    "DELETE FROM authorization_codes WHERE user_id = ?1",
    "DELETE FROM token_families WHERE user_id = ?1",
    "DELETE FROM device_requests WHERE user_id = ?1",
    "DELETE FROM connected_keys WHERE user_id = ?1",
    "UPDATE user_keys SET digest = randomblob(32), hint = '', name = '', allowed_models = NULL,
        revoked_at = coalesce(revoked_at, ?2) WHERE user_id = ?1",
    "DELETE FROM management_keys WHERE user_id = ?1",
    "DELETE FROM person_caps WHERE user_id = ?1",
    "DELETE FROM grants WHERE user_id = ?1",
    "DELETE FROM payers WHERE user_id = ?1",
    "DELETE FROM partner_applications WHERE user_id = ?1",
    "UPDATE orders SET url = CASE WHEN url IS NULL THEN NULL ELSE '' END, request_digest = NULL, request_content = NULL WHERE user_id = ?1",
    "UPDATE partners SET owner_id = NULL WHERE owner_id = ?1",
];

#[async_trait]
impl PrivacyStates for SqliteStore {
    async fn privacy_of(&self, user: UserId) -> Result<PrivacyState, StoreError> {
        self.run(move |connection| state(connection, user)).await
    }

    async fn set_privacy(&self, user: UserId, state: &PrivacyState) -> Result<(), StoreError> {
        let state = *state;
        self.run(move |connection| set(connection, user, &state)).await
    }

    async fn due_deletions(&self, now: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError> {
        self.all(DUE.to_owned(), (number(now.get()), max), |row| id(row, 0)).await
    }

    async fn footprint(&self, user: UserId) -> Result<Footprint, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(FOOTPRINT)?;
            Ok(statement.query_row([blob(user)], |row| {
                Ok(Footprint {
                    has_address: row.get(0)?,
                    keys: count(row, 1)?,
                    management_keys: count(row, 2)?,
                    applications: count(row, 3)?,
                    partners: count(row, 4)?,
                    orders: count(row, 5)?,
                    open_orders: count(row, 6)?,
                })
            })?)
        })
        .await
    }

    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let before = state(&transaction, user)?;
            forget_details(&transaction, user)?;
            for statement in ERASURE {
                let mut statement = transaction.prepare_cached(statement)?;
                match statement.parameter_count() {
                    1 => statement.execute([blob(user)])?,
                    _ => statement.execute(params![blob(user), number(now.get())])?,
                };
            }
            let label = format!("deleted {user}");
            transaction
                .prepare_cached("UPDATE users SET label = ?2, suspended = 1 WHERE id = ?1")?
                .execute(params![blob(user), label])?;
            let asked = before.deletion_asked_at;
            let after = PrivacyState { deletion_asked_at: asked, erased_at: Some(now), ..PrivacyState::default() };
            set(&transaction, user, &after)?;
            transaction.commit()?;
            truncate_log(connection)
        })
        .await
    }

    async fn audits_of(&self, user: UserId, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            name_ids(&transaction, user)?;
            let records = {
                let mut statement = transaction.prepare_cached(AUDITS)?;
                let rows = statement.query_map(params![blob(after), max], |row| {
                    Ok(AuditRecord {
                        id: id(row, 0)?,
                        at: time(row, 1)?,
                        actor: row.get(2)?,
                        action: row.get(3)?,
                        subject: row.get(4)?,
                        detail: row.get(5)?,
                    })
                })?;
                rows.collect::<Result<_, _>>()?
            };
            transaction.commit()?;
            Ok(records)
        })
        .await
    }

    async fn mails_of(&self, user: UserId, after: MailId, max: u32) -> Result<Vec<MailTold>, StoreError> {
        self.all(MAILS.to_owned(), (blob(user), blob(after), max), |row| {
            Ok(MailTold {
                id: id(row, 0)?,
                kind: row.get(1)?,
                created_at: time(row, 2)?,
                sent_at: time_or_none(row, 3)?,
                failed_at: time_or_none(row, 4)?,
            })
        })
        .await
    }

    async fn holdings(&self) -> Result<Vec<Holding>, StoreError> {
        self.read(holdings::all).await
    }
}

fn state(connection: &Connection, user: UserId) -> Result<PrivacyState, StoreError> {
    let mut statement = connection.prepare_cached(STATE)?;
    let found = statement.query_row([blob(user)], |row| {
        Ok(PrivacyState {
            restricted_at: time_or_none(row, 0)?,
            objected_at: time_or_none(row, 1)?,
            deletion_asked_at: time_or_none(row, 2)?,
            deletion_due_at: time_or_none(row, 3)?,
            erased_at: time_or_none(row, 4)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn set(connection: &Connection, user: UserId, state: &PrivacyState) -> Result<(), StoreError> {
    let ms = |time: Option<UnixMs>| time.map(|time| number(time.get()));
    let PrivacyState { restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at } = *state;
    connection
        .prepare_cached(SET)?
        .execute(params![
            blob(user),
            ms(restricted_at),
            ms(objected_at),
            ms(deletion_asked_at),
            ms(deletion_due_at),
            ms(erased_at)
        ])
        .map_err(refused)?;
    Ok(())
}

/// Puts the ids of a person and of their keys, as records of changes write them, into a table of this connection.
fn name_ids(transaction: &Transaction<'_>, user: UserId) -> Result<(), StoreError> {
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS named_ids (name TEXT PRIMARY KEY) WITHOUT ROWID; DELETE FROM named_ids;",
    )?;
    let mut names = vec![user.to_string()];
    for table in ["user_keys", "management_keys", "partner_applications"] {
        let mut statement = transaction.prepare_cached(&format!("SELECT id FROM {table} WHERE user_id = ?1"))?;
        let rows = statement.query_map([blob(user)], |row| row.get::<_, [u8; 16]>(0))?;
        for row in rows {
            let bits = u128::from_be_bytes(row?);
            names.push(match table {
                "partner_applications" => opencredits_units::PartnerId::from_bits(bits).to_string(),
                _ => opencredits_units::KeyId::from_bits(bits).to_string(),
            });
        }
    }
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO named_ids VALUES (?1)")?;
    for name in names {
        insert.execute([name])?;
    }
    Ok(())
}

/// Empties what operators wrote into the records of changes about a person: it may name them.
fn forget_details(transaction: &Transaction<'_>, user: UserId) -> Result<(), StoreError> {
    name_ids(transaction, user)?;
    transaction.execute("UPDATE audit SET detail = '' WHERE subject IN (SELECT name FROM named_ids)", [])?;
    Ok(())
}
