//! Sessions, accepted terms and roles.

use super::rows::{blob, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::identity::{Role, SessionId, SessionRecord, Sessions, SessionsOf, Standings, TermsAcceptance};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{UnixMs, UserId};
use rusqlite::{Error, Row, params};

const SESSION: &str = "SELECT id, digest, user_id, browser, created_at, used_at, ended_at FROM sessions";
/// Ends a person's sessions but for the most recently used ones.
const END_OLDEST: &str = "
    UPDATE sessions SET ended_at = ?2 WHERE id IN (
        SELECT id FROM sessions WHERE user_id = ?1 AND ended_at IS NULL ORDER BY used_at DESC, id DESC LIMIT -1 OFFSET ?3
    )";

#[async_trait]
impl Sessions for SqliteStore {
    async fn begin_session(
        &self,
        session: &SessionRecord,
        replaces: Option<&KeyDigest>,
        max: u32,
    ) -> Result<(), StoreError> {
        let (new, replaces) = (session.clone(), replaces.copied());
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let now = number(new.created_at.get());
            if let Some(old) = replaces {
                transaction
                    .prepare_cached("UPDATE sessions SET ended_at = ?2 WHERE digest = ?1 AND ended_at IS NULL")?
                    .execute(params![old.as_bytes(), now])?;
            }
            transaction
                .prepare_cached(
                    "INSERT INTO sessions (id, digest, user_id, browser, created_at, used_at, ended_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    blob(new.id),
                    new.digest.as_bytes(),
                    blob(new.user),
                    new.browser,
                    now,
                    number(new.used_at.get()),
                    new.ended_at.map(|at| number(at.get())),
                ])
                .map_err(refused)?;
            transaction.prepare_cached(END_OLDEST)?.execute(params![blob(new.user), now, max])?;
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    async fn session(&self, digest: &KeyDigest) -> Result<Option<SessionRecord>, StoreError> {
        self.one(format!("{SESSION} WHERE digest = ?1"), [*digest.as_bytes()], read).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRecord>, StoreError> {
        let query = format!("{SESSION} WHERE user_id = ?1 AND ended_at IS NULL ORDER BY used_at DESC, id DESC");
        self.all(query, [blob(user)], read).await
    }

    async fn touch_session(&self, id: SessionId, used_at: UnixMs) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection
                .prepare_cached("UPDATE sessions SET used_at = ?2 WHERE id = ?1 AND ended_at IS NULL AND used_at < ?2")?
                .execute(params![blob(id), number(used_at.get())])?;
            Ok(())
        })
        .await
    }

    async fn end_sessions(&self, which: SessionsOf, now: UnixMs) -> Result<u64, StoreError> {
        let (user, condition, session) = match which {
            SessionsOf::One(user, session) => (user, "id = ?3", session),
            SessionsOf::Others(user, session) => (user, "id <> ?3", session),
            // No session has the lowest id.
            SessionsOf::All(user) => (user, "id <> ?3", SessionId::default()),
        };
        self.run(move |connection| {
            let ended = connection
                .prepare_cached(&format!(
                    "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND ended_at IS NULL AND {condition}"
                ))?
                .execute(params![blob(user), number(now.get()), blob(session)])?;
            Ok(u64::try_from(ended).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<SessionRecord, Error> {
    Ok(SessionRecord {
        id: id(row, 0)?,
        digest: KeyDigest::from_bytes(row.get(1)?),
        user: id(row, 2)?,
        browser: row.get(3)?,
        created_at: time(row, 4)?,
        used_at: time(row, 5)?,
        ended_at: time_or_none(row, 6)?,
    })
}

#[async_trait]
impl Standings for SqliteStore {
    async fn accept_terms(&self, user: UserId, acceptance: &TermsAcceptance) -> Result<(), StoreError> {
        let TermsAcceptance { version, is_of_age, accepted_at } = acceptance.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO terms_acceptances (user_id, version, is_of_age, accepted_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (user_id, version) DO NOTHING",
                )?
                .execute(params![blob(user), version, is_of_age, number(accepted_at.get())])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn accepted_terms(&self, user: UserId) -> Result<Vec<TermsAcceptance>, StoreError> {
        let query = "SELECT version, is_of_age, accepted_at FROM terms_acceptances WHERE user_id = ?1
            ORDER BY accepted_at, version";
        self.all(query.to_owned(), [blob(user)], |row| {
            Ok(TermsAcceptance { version: row.get(0)?, is_of_age: row.get(1)?, accepted_at: time(row, 2)? })
        })
        .await
    }

    async fn role_of(&self, user: UserId) -> Result<Role, StoreError> {
        let query = "SELECT role FROM user_roles WHERE user_id = ?1".to_owned();
        let name: Option<String> = self.one(query, [blob(user)], |row| row.get(0)).await?;
        let Some(name) = name else { return Ok(Role::None) };
        Role::of_name(&name).ok_or(StoreError::Damaged { table: "user_roles" })
    }

    async fn set_role(&self, user: UserId, role: Role) -> Result<(), StoreError> {
        self.run(move |connection| {
            let statement = "INSERT INTO user_roles (user_id, role) VALUES (?1, ?2)
                ON CONFLICT (user_id) DO UPDATE SET role = ?2";
            connection.prepare_cached(statement)?.execute(params![blob(user), role.name()]).map_err(refused)?;
            Ok(())
        })
        .await
    }
}
