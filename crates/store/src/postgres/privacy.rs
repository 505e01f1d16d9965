//! What people have asked for about their data, and the deletion of an account.

use super::cells::Cells;
use super::connection::Connection;
use super::values::v;
use super::{PostgresStore, audit, holdings, lock_person};
use crate::mail::MailId;
use crate::privacy::{Footprint, Holding, MailTold, PrivacyState, PrivacyStates};
use crate::records::AuditRecord;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, KeyId, PartnerId, UnixMs, UserId};

const STATE: &str = "
    SELECT restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at FROM person_privacy
    WHERE user_id = $1";
const SET: &str = "
    INSERT INTO person_privacy (user_id, restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (user_id) DO UPDATE SET restricted_at = excluded.restricted_at, objected_at = excluded.objected_at,
        deletion_asked_at = excluded.deletion_asked_at, deletion_due_at = excluded.deletion_due_at,
        erased_at = excluded.erased_at";
const DUE: &str = "
    SELECT user_id FROM person_privacy WHERE deletion_due_at <= $1 ORDER BY deletion_due_at, user_id LIMIT $2";
const FOOTPRINT: &str = "
    SELECT EXISTS (SELECT 1 FROM user_emails WHERE user_id = $1),
        (SELECT count(*) FROM user_keys WHERE user_id = $1 AND revoked_at IS NULL),
        (SELECT count(*) FROM management_keys WHERE user_id = $1 AND revoked_at IS NULL),
        (SELECT count(*) FROM partner_applications WHERE user_id = $1),
        (SELECT count(*) FROM partners WHERE owner_id = $1),
        (SELECT count(*) FROM orders WHERE user_id = $1),
        (SELECT count(*) FROM orders WHERE user_id = $1 AND state NOT IN (3, 4) AND payment IS NULL)";
/// Records about a person or their keys, or made with their management keys.
const AUDITS: &str = "WHERE id > $1 AND (subject = ANY($2) OR actor = ANY($2)) ORDER BY id LIMIT $3";
const MAILS: &str = "
    SELECT id, kind, created_at, sent_at, failed_at FROM mail_outbox WHERE user_id = $1 AND id > $2
    ORDER BY id LIMIT $3";
/// What is deleted of a person. The rows of keys stay without name, hint and digest: a refund that comes later follows the
/// commission by them. In place of a digest is the key's id, twice: no secret has such a digest.
const ERASURE: [&str; 23] = [
    "DELETE FROM user_emails WHERE user_id = $1",
    "UPDATE mail_outbox SET user_id = NULL, parameters = '',
        failed_at = CASE WHEN sent_at IS NULL THEN CAST($2 AS bigint) END,
        failure = CASE WHEN sent_at IS NULL THEN 'erased' END WHERE user_id = $1",
    "DELETE FROM sessions WHERE user_id = $1",
    "DELETE FROM passkeys WHERE user_id = $1",
    "DELETE FROM passkey_challenges WHERE user_id = $1",
    "DELETE FROM code_challenges WHERE user_id = $1",
    "DELETE FROM terms_acceptances WHERE user_id = $1",
    "DELETE FROM user_roles WHERE user_id = $1",
    "DELETE FROM retired_secrets WHERE key_id IN (SELECT id FROM user_keys WHERE user_id = $1)",
    "DELETE FROM notice_marks WHERE subject = $1 OR subject IN (SELECT id FROM user_keys WHERE user_id = $1
        UNION ALL SELECT limit_account FROM person_caps WHERE user_id = $1
        UNION ALL SELECT limit_account FROM grants WHERE user_id = $1)",
    "DELETE FROM muted_notices WHERE user_id = $1",
    "DELETE FROM authorization_codes WHERE user_id = $1",
    "DELETE FROM token_families WHERE user_id = $1",
    "DELETE FROM device_requests WHERE user_id = $1",
    "DELETE FROM connected_keys WHERE user_id = $1",
    "UPDATE user_keys SET digest = id || id, hint = '', name = '', allowed_models = NULL,
        revoked_at = coalesce(revoked_at, $2) WHERE user_id = $1",
    "DELETE FROM management_keys WHERE user_id = $1",
    "DELETE FROM person_caps WHERE user_id = $1",
    "DELETE FROM grants WHERE user_id = $1",
    "DELETE FROM payers WHERE user_id = $1",
    "DELETE FROM partner_applications WHERE user_id = $1",
    "UPDATE orders SET url = CASE WHEN url IS NULL THEN NULL ELSE '' END, request_digest = NULL, request_content = NULL WHERE user_id = $1",
    "UPDATE partners SET owner_id = NULL WHERE owner_id = $1",
];

#[async_trait]
impl PrivacyStates for PostgresStore {
    async fn privacy_of(&self, user: UserId) -> Result<PrivacyState, StoreError> {
        Ok(self.one(STATE, &[v(user)], state).await?.unwrap_or_default())
    }

    async fn set_privacy(&self, user: UserId, state: &PrivacyState) -> Result<(), StoreError> {
        self.execute(SET, &columns(user, state)).await?;
        Ok(())
    }

    async fn due_deletions(&self, now: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError> {
        self.all(DUE, &[v(now), v(max)], |cells| cells.id(0)).await
    }

    async fn footprint(&self, user: UserId) -> Result<Footprint, StoreError> {
        let user = [v(user)];
        let found = self.one(FOOTPRINT, &user, |cells| {
            Ok(Footprint {
                has_address: cells.flag(0)?,
                keys: cells.count(1)?,
                management_keys: cells.count(2)?,
                applications: cells.count(3)?,
                partners: cells.count(4)?,
                orders: cells.count(5)?,
                open_orders: cells.count(6)?,
            })
        });
        Ok(found.await?.unwrap_or_default())
    }

    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), StoreError> {
        self.transaction(|transaction| async move {
            // What refers to the person is waited for, and is not added meanwhile.
            lock_person(&transaction, user).await?;
            let before = transaction.one(STATE, &[v(user)], state).await?.unwrap_or_default();
            // What operators wrote about a person may name them.
            let names = names_of(&transaction, user).await?;
            transaction.execute("UPDATE audit SET detail = '' WHERE subject = ANY($1)", &[v(names)]).await?;
            for statement in ERASURE {
                let values = [v(user), v(now)];
                let bound = if statement.contains("$2") { &values[..] } else { &values[..1] };
                transaction.execute(statement, bound).await?;
            }
            let label = format!("deleted {user}");
            let rename = "UPDATE users SET label = $2, suspended = true WHERE id = $1";
            transaction.execute(rename, &[v(user), v(label)]).await?;
            let asked = before.deletion_asked_at;
            let after = PrivacyState { deletion_asked_at: asked, erased_at: Some(now), ..PrivacyState::default() };
            transaction.execute(SET, &columns(user, &after)).await?;
            Ok(())
        })
        .await
    }

    async fn audits_of(&self, user: UserId, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError> {
        self.transaction(|transaction| async move {
            let names = names_of(&transaction, user).await?;
            let sql = format!("{} {AUDITS}", audit::AUDIT);
            transaction.all(&sql, &[v(after), v(names), v(max)], audit::read).await
        })
        .await
    }

    async fn mails_of(&self, user: UserId, after: MailId, max: u32) -> Result<Vec<MailTold>, StoreError> {
        self.all(MAILS, &[v(user), v(after), v(max)], |cells| {
            Ok(MailTold {
                id: cells.id(0)?,
                kind: cells.text(1)?,
                created_at: cells.time(2)?,
                sent_at: cells.time_or_none(3)?,
                failed_at: cells.time_or_none(4)?,
            })
        })
        .await
    }

    async fn holdings(&self) -> Result<Vec<Holding>, StoreError> {
        self.read(|connection| async move { holdings::all(&connection).await }).await
    }
}

fn state(cells: &Cells<'_>) -> Result<PrivacyState, StoreError> {
    Ok(PrivacyState {
        restricted_at: cells.time_or_none(0)?,
        objected_at: cells.time_or_none(1)?,
        deletion_asked_at: cells.time_or_none(2)?,
        deletion_due_at: cells.time_or_none(3)?,
        erased_at: cells.time_or_none(4)?,
    })
}

fn columns(user: UserId, state: &PrivacyState) -> [super::Value; 6] {
    let PrivacyState { restricted_at, objected_at, deletion_asked_at, deletion_due_at, erased_at } = *state;
    [v(user), v(restricted_at), v(objected_at), v(deletion_asked_at), v(deletion_due_at), v(erased_at)]
}

/// The ids of a person and of their keys, as records of changes write them.
async fn names_of(transaction: &Connection, user: UserId) -> Result<Vec<String>, StoreError> {
    let mut names = vec![user.to_string()];
    for table in ["user_keys", "management_keys"] {
        let sql = format!("SELECT id FROM {table} WHERE user_id = $1");
        let keys: Vec<KeyId> = transaction.all(&sql, &[v(user)], |cells| cells.id(0)).await?;
        names.extend(keys.iter().map(KeyId::to_string));
    }
    let sql = "SELECT id FROM partner_applications WHERE user_id = $1";
    let partners: Vec<PartnerId> = transaction.all(sql, &[v(user)], |cells| cells.id(0)).await?;
    names.extend(partners.iter().map(PartnerId::to_string));
    Ok(names)
}
